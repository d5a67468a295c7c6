import assert from "node:assert/strict";
import fc from "fast-check";
import {
  fromBase64,
  fromHex,
  readU16,
  readU32,
  readU32LE,
  readU64LE,
  shortLivedBytes,
  toBase64,
  toHex,
  writeU16,
  writeU32,
  writeU32LE,
  writeU64LE,
} from "../../lib/base/mod.ts";

Deno.test("integers are written in the byte order that the name says", () => {
  const bytes = new Uint8Array(18);

  writeU16(bytes, 0, 0x0102);
  writeU32(bytes, 2, 0x83040506);
  writeU32LE(bytes, 6, 0x8708090a);
  writeU64LE(bytes, 10, 0x11223344556677);

  assert.equal(
    toHex(bytes),
    "0102" + "83040506" + "0a090887" + "7766554433221100",
  );
  assert.equal(readU16(bytes, 0), 0x0102);
  assert.equal(readU32(bytes, 2), 0x83040506);
  assert.equal(readU32LE(bytes, 6), 0x8708090a);
  assert.equal(readU64LE(bytes, 10), 0x11223344556677);
});

Deno.test("a 64-bit integer above 2^53 reads as a number above 2^53", () => {
  assert.ok(
    readU64LE(fromHex("ffffffffffffffff")!, 0) > Number.MAX_SAFE_INTEGER,
  );
});

Deno.test("hexadecimal and base64 text give back the bytes that they were made of", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assert.deepEqual(fromHex(toHex(bytes)), bytes);
    assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  }));
});

Deno.test("text that is not canonical base64 is refused", () => {
  for (
    const text of [
      "A",
      "AA",
      "AAA",
      "AA=",
      "AAAA=",
      "AB==",
      "AA-_",
      " AAAA",
      "AAAA\n",
    ]
  ) {
    assert.equal(fromBase64(text), undefined, text);
  }
});

Deno.test("short-lived bytes are zero, as many as asked for, and nobody else's", () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 10_000 }));
  fc.assert(fc.property(lengths, (wanted) => {
    const pieces = wanted.map(shortLivedBytes);

    for (const [i, piece] of pieces.entries()) {
      assert.equal(piece.length, wanted[i]);
      assert.ok(piece.every((byte) => byte === 0));
      piece.fill(0xff);
    }
  }));
});
