import assert from "node:assert/strict";
import { x25519 as reference } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { toHex } from "../../lib/base/mod.ts";
import { x25519, x25519PublicKey } from "../../lib/crypto/mod.ts";
import { hex, readVectors } from "./vector_file.ts";

interface Rfc7748 {
  readonly scalar_mult: readonly {
    readonly id: string;
    readonly scalar: string;
    readonly u: string;
    readonly out: string;
  }[];
  readonly iterated: readonly {
    readonly iterations: number;
    readonly out: string;
  }[];
  readonly dh: readonly {
    readonly alice_private: string;
    readonly alice_public: string;
    readonly bob_private: string;
    readonly bob_public: string;
    readonly shared: string;
  }[];
}

interface WycheproofX25519 {
  readonly cases: readonly {
    readonly id: number;
    readonly flags: readonly string[];
    readonly public: string;
    readonly private: string;
    readonly shared: string;
  }[];
}

/** A million iterations take over a minute and show no more than a thousand. */
const MAX_ITERATIONS = 1_000;

const RFC_7748 = readVectors<Rfc7748>("rfc7748");
const WYCHEPROOF = readVectors<WycheproofX25519>("wycheproof_x25519_half");

Deno.test("x25519 gives the products of RFC 7748 §5.2", () => {
  for (const { id, scalar, u, out } of RFC_7748.scalar_mult) {
    assert.equal(shared(hex(scalar), hex(u)), out, id);
  }
});

Deno.test("x25519 fed with its own results gives those of RFC 7748 §5.2", () => {
  for (const { iterations, out } of RFC_7748.iterated) {
    if (iterations > MAX_ITERATIONS) continue;
    let k: Uint8Array = hex("09".padEnd(64, "0"));
    let u = k;
    for (let i = 0; i < iterations; i++) {
      const next = x25519(k, u);
      assert(next);
      u = k;
      k = next;
    }
    assert.equal(toHex(k), out, `${iterations} iterations`);
  }
});

Deno.test("two parties get the public keys and the shared secret of RFC 7748 §6.1", () => {
  for (const dh of RFC_7748.dh) {
    const alice = hex(dh.alice_private);
    const bob = hex(dh.bob_private);

    assert.equal(toHex(x25519PublicKey(alice)), dh.alice_public);
    assert.equal(toHex(x25519PublicKey(bob)), dh.bob_public);
    assert.equal(shared(alice, hex(dh.bob_public)), dh.shared);
    assert.equal(shared(bob, hex(dh.alice_public)), dh.shared);
  }
});

Deno.test("x25519 gives what Wycheproof expects, and undefined for an all-zero secret", () => {
  for (const { id, flags, ...keys } of WYCHEPROOF.cases) {
    const secret = x25519(hex(keys.private), hex(keys.public));

    if (flags.includes("ZeroSharedSecret")) {
      assert.equal(secret, undefined, `case ${id}`);
    } else {
      assert(secret, `case ${id}`);
      assert.equal(toHex(secret), keys.shared, `case ${id}`);
    }
  }
});

Deno.test("x25519 agrees with noble on any keys", () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(key, key, (ours, theirs) => {
      const theirPublic = x25519PublicKey(theirs);

      assert.deepEqual(theirPublic, reference.getPublicKey(theirs));
      assert.deepEqual(
        x25519(ours, theirPublic),
        reference.getSharedSecret(ours, theirPublic),
      );
    }),
    { numRuns: 50 },
  );
});

Deno.test("x25519 refuses keys that do not have 32 bytes", () => {
  const key = new Uint8Array(32).fill(9);

  assert.throws(() => x25519(key.subarray(1), key), /32 bytes/);
  assert.throws(() => x25519(key, key.subarray(1)), /32 bytes/);
  assert.throws(() => x25519PublicKey(new Uint8Array(33)), /32 bytes/);
});

function shared(privateKey: Uint8Array, publicKey: Uint8Array): string {
  const secret = x25519(privateKey, publicKey);
  return secret ? toHex(secret) : "none";
}
