import assert from "node:assert/strict";
import { concatBytes, EMPTY, toHex, utf8 } from "../../lib/base/mod.ts";
import { openWithNonce, sealWithNonce } from "../../lib/crypto/aead.ts";
import {
  aeadOpen,
  aeadSeal,
  xaeadOpen,
  xaeadSeal,
} from "../../lib/crypto/mod.ts";
import { hex, readVectors, type WycheproofAeadCase } from "./vector_file.ts";

interface Rfc8439 {
  readonly aead: readonly {
    readonly id: string;
    readonly key: string;
    readonly nonce: string;
    readonly aad: string;
    readonly plaintext: string;
    readonly ciphertext: string;
    readonly tag: string;
  }[];
}

interface Wycheproof {
  readonly cases: readonly WycheproofAeadCase[];
}

type Seal = typeof xaeadSeal;
type Open = typeof xaeadOpen;

const KEY = new Uint8Array(32).fill(7);

Deno.test("the AEAD gives the messages of RFC 8439 §2.8.2 and A.5", () => {
  for (const { id, ...v } of readVectors<Rfc8439>("rfc8439").aead) {
    const [key, nonce, aad] = [hex(v.key), hex(v.nonce), hex(v.aad)];

    const sealed = sealWithNonce(key, nonce, hex(v.plaintext), aad);
    const opened = openWithNonce(key, nonce, sealed, aad);

    assert.equal(toHex(sealed), v.ciphertext + v.tag, id);
    assert.equal(toHex(opened ?? EMPTY), v.plaintext, id);
  }
});

Deno.test("the AEAD gives what Wycheproof expects of ChaCha20-Poly1305", () => {
  holdsAgainstWycheproof(
    "wycheproof_chacha20_poly1305_half",
    { seal: sealWithNonce, open: openWithNonce, nonceBytes: 12 },
  );
});

Deno.test("xaeadSeal and xaeadOpen give what Wycheproof expects of XChaCha20-Poly1305", () => {
  holdsAgainstWycheproof(
    "wycheproof_xchacha20_poly1305_half",
    { seal: xaeadSeal, open: xaeadOpen, nonceBytes: 24 },
  );
});

Deno.test("the nonce of aeadSeal is four zero bytes and the counter, little-endian", () => {
  const aad = utf8("aad");
  const plaintext = utf8("plaintext");

  assert.deepEqual(
    aeadSeal(KEY, 0x0102_0304_0506, plaintext, aad),
    sealWithNonce(KEY, hex("000000000605040302010000"), plaintext, aad),
  );
});

Deno.test("aeadOpen refuses another counter, other associated data and less than a tag", () => {
  const aad = utf8("aad");
  const sealed = aeadSeal(KEY, 5, utf8("plaintext"), aad);

  assert.deepEqual(aeadOpen(KEY, 5, sealed, aad), utf8("plaintext"));
  assert.equal(aeadOpen(KEY, 6, sealed, aad), undefined);
  assert.equal(aeadOpen(KEY, 5, sealed, utf8("aae")), undefined);
  for (let length = 0; length < sealed.length; length++) {
    const cut = sealed.subarray(0, length);
    assert.equal(aeadOpen(KEY, 5, cut, aad), undefined, `length ${length}`);
  }
});

Deno.test("an empty message is sealed as a tag alone", () => {
  const sealed = aeadSeal(KEY, 0, EMPTY, EMPTY);

  assert.equal(sealed.length, 16);
  assert.deepEqual(aeadOpen(KEY, 0, sealed, EMPTY), new Uint8Array(0));
});

function holdsAgainstWycheproof(
  file: string,
  { seal, open, nonceBytes }: { seal: Seal; open: Open; nonceBytes: number },
): void {
  for (const v of readVectors<Wycheproof>(file).cases) {
    const [key, nonce, aad] = [hex(v.key), hex(v.nonce), hex(v.aad)];
    const [message, sealed] = [hex(v.msg), concatBytes(hex(v.ct), hex(v.tag))];
    const name = `case ${v.id}`;

    if (nonce.length !== nonceBytes) {
      assert.throws(() => seal(key, nonce, message, aad), /nonce/, name);
      assert.throws(() => open(key, nonce, sealed, aad), /nonce/, name);
    } else if (v.result === "valid") {
      assert.deepEqual(seal(key, nonce, message, aad), sealed, name);
      assert.deepEqual(open(key, nonce, sealed, aad), message, name);
    } else {
      assert.equal(open(key, nonce, sealed, aad), undefined, name);
    }
  }
}
