/**
 * Which X25519 is faster, key import included: the runtime's or noble's?
 *
 *     deno bench --allow-read tests/bench/x25519_bench.ts
 */
import assert from "node:assert/strict";
import { x25519 as noble } from "@noble/curves/ed25519.js";
import { x25519, x25519PublicKey } from "../../lib/crypto/mod.ts";

const OURS = Uint8Array.from({ length: 32 }, (_, i) => i);
const THEIRS = x25519PublicKey(Uint8Array.from({ length: 32 }, (_, i) => ~i));

assert.deepEqual(noble.getPublicKey(OURS), x25519PublicKey(OURS));
assert.deepEqual(noble.getSharedSecret(OURS, THEIRS), x25519(OURS, THEIRS));

Deno.bench("noble x25519", { group: "shared secret", baseline: true }, () => {
  noble.getSharedSecret(OURS, THEIRS);
});

Deno.bench("x25519", { group: "shared secret" }, () => {
  x25519(OURS, THEIRS);
});

Deno.bench("noble public key", { group: "public key", baseline: true }, () => {
  noble.getPublicKey(OURS);
});

Deno.bench("x25519PublicKey", { group: "public key" }, () => {
  x25519PublicKey(OURS);
});
