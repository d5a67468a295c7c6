import assert from "node:assert/strict";
import { toHex, utf8 } from "../../lib/base/mod.ts";
import { blake2s, blake2sMac, hmacBlake2s } from "../../lib/crypto/mod.ts";
import { hex, readVectors } from "./vector_file.ts";

interface Vectors {
  readonly rfc7693: readonly { readonly data: string; readonly hash: string }[];
  readonly kat_unkeyed: readonly KnownAnswer[];
  readonly kat_keyed: readonly KnownAnswer[];
  readonly keyed_16: readonly {
    readonly key: string;
    readonly data: string;
    readonly mac: string;
  }[];
}

interface KnownAnswer {
  readonly len: number;
  readonly hash: string;
}

const VECTORS = readVectors<Vectors>("blake2s");

Deno.test("blake2s gives the digests of the reference implementation and RFC 7693", () => {
  for (const { data, hash } of VECTORS.rfc7693) {
    assert.equal(toHex(blake2s(hex(data))), hash);
  }
  for (const { len, hash } of VECTORS.kat_unkeyed) {
    assert.equal(toHex(blake2s(countingBytes(len))), hash, `length ${len}`);
  }
});

Deno.test("blake2sMac gives the keyed 32-byte digests of the reference implementation", () => {
  for (const { len, hash } of VECTORS.kat_keyed) {
    const mac = blake2sMac(countingBytes(32), 32, countingBytes(len));
    assert.equal(toHex(mac), hash, `length ${len}`);
  }
});

Deno.test("blake2sMac gives keyed 16-byte digests as mac1 and mac2 are", () => {
  for (const { key, data, mac } of VECTORS.keyed_16) {
    assert.equal(toHex(blake2sMac(hex(key), 16, hex(data))), mac);
  }
});

Deno.test("the digests of parts are the digests of the parts joined", () => {
  const key = countingBytes(32);
  const whole = utf8("one two three");
  const parts = [utf8("one "), utf8(""), utf8("two"), utf8(" three")];

  assert.deepEqual(blake2s(...parts), blake2s(whole));
  assert.deepEqual(blake2sMac(key, 16, ...parts), blake2sMac(key, 16, whole));
  assert.deepEqual(hmacBlake2s(key, ...parts), hmacBlake2s(key, whole));
});

function countingBytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i);
}
