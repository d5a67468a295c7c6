import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8 } from "../../lib/base/mod.ts";
import { base32LowerNoPad, sha256 } from "../../lib/crypto/mod.ts";

Deno.test("base32LowerNoPad gives the texts of RFC 4648 §10 in lower case, unpadded", () => {
  const encode = (text: string) => base32LowerNoPad(utf8(text));

  assert.equal(encode(""), "");
  assert.equal(encode("f"), "my");
  assert.equal(encode("fo"), "mzxq");
  assert.equal(encode("foo"), "mzxw6");
  assert.equal(encode("foob"), "mzxw6yq");
  assert.equal(encode("fooba"), "mzxw6ytb");
  assert.equal(encode("foobar"), "mzxw6ytboi");
});

Deno.test("base32LowerNoPad gives the ICE credentials of p2p spec §10.1", () => {
  const seed = utf8(
    "3abd725a-733b-4801-ac16-72f26cd98a24:fiAjSBWDgQfD1CFJkTwOf4zg+1QhH0eTT+oLaVIMpH8=:" +
      "d263d490-a0bb-452a-8990-01d27a1f1144:uMBCkAxTewfSgypIyxdQ18uCi84HLtKmQJy0wvQrYWY=",
  );

  assert.equal(
    base32LowerNoPad(sha256(seed)),
    "sim3" + "ceqc5rlg6ueluoxqoa56ze" + "bmet" + "g6zhuorrjh2c2cmvvuepsa",
  );
});

Deno.test("base32LowerNoPad keeps every bit", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const text = base32LowerNoPad(bytes);

    assert.equal(text.length, Math.ceil(bytes.length * 8 / 5));
    assert.equal(bitsOfText(text).slice(0, bytes.length * 8), bitsOf(bytes));
  }));
});

function bitsOfText(text: string): string {
  return Array.from(
    text,
    (char) =>
      "abcdefghijklmnopqrstuvwxyz234567".indexOf(char).toString(2)
        .padStart(5, "0"),
  ).join("");
}

function bitsOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join(
    "",
  );
}
