import assert from "node:assert/strict";
import { toHex, utf8 } from "../../lib/base/mod.ts";
import {
  blake2s,
  hmacBlake2s,
  kdf1,
  kdf2,
  kdf3,
} from "../../lib/crypto/mod.ts";
import { hex, readVectors } from "./vector_file.ts";

interface Vectors {
  readonly protocol_constants: {
    readonly construction: string;
    readonly identifier: string;
    readonly initial_chaining_key: string;
    readonly initial_hash: string;
  };
  readonly hmac: readonly {
    readonly key: string;
    readonly data: string;
    readonly mac: string;
  }[];
  readonly kdf: readonly {
    readonly chaining_key: string;
    readonly input: string;
    readonly t1: string;
    readonly t2: string;
    readonly t3: string;
  }[];
}

const VECTORS = readVectors<Vectors>("hmac_hkdf_blake2s");

Deno.test("hmacBlake2s is the RFC 2104 construction, also for keys over one block", () => {
  for (const { key, data, mac } of VECTORS.hmac) {
    assert.equal(toHex(hmacBlake2s(hex(key), hex(data))), mac);
  }
});

Deno.test("kdf1, kdf2 and kdf3 give the first one, two and three keys", () => {
  for (const { chaining_key, input, t1, t2, t3 } of VECTORS.kdf) {
    const chainingKey = hex(chaining_key);

    assert.equal(toHex(kdf1(chainingKey, hex(input))), t1);
    assert.deepEqual(kdf2(chainingKey, hex(input)).map(toHex), [t1, t2]);
    assert.deepEqual(kdf3(chainingKey, hex(input)).map(toHex), [t1, t2, t3]);
  }
});

Deno.test("blake2s gives the initial chaining key and hash of WireGuard", () => {
  const constants = VECTORS.protocol_constants;

  const chainingKey = blake2s(utf8(constants.construction));
  const hash = blake2s(chainingKey, utf8(constants.identifier));

  assert.equal(toHex(chainingKey), constants.initial_chaining_key);
  assert.equal(toHex(hash), constants.initial_hash);
});
