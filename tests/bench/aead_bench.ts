/**
 * How fast is a packet sealed and opened, and what does the kernel gain?
 *
 *     deno bench --allow-read tests/bench/aead_bench.ts
 */
import assert from "node:assert/strict";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { Arena, writeU64LE } from "../../lib/base/mod.ts";
import { PacketCipher } from "../../lib/crypto/mod.ts";

const SIZES = [64, 512, 1_280];
const TAG = 16;
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);

const arena = new Arena(8_192);
const kernel = new PacketCipher(arena, "webassembly");
const plain = arena.allocate(2_048);
const sealed = arena.allocate(2_048);
const opened = arena.allocate(2_048);
const nonce = new Uint8Array(12);

assert.equal(kernel.implementation, "webassembly");

for (const size of SIZES) {
  const message = arena.bytes.slice(plain, plain + size);
  const ciphertext = nobleSeal(0, message);
  kernel.seal(KEY, 0, plain, size, sealed);
  assert.deepEqual(
    arena.bytes.slice(sealed, sealed + size + TAG),
    ciphertext,
  );
  assert(kernel.open(KEY, 0, sealed, size + TAG, opened));
  assert.deepEqual(arena.bytes.slice(opened, opened + size), message);
  assert.deepEqual(nobleOpen(0, ciphertext), message);

  let counter = 0;
  Deno.bench(`noble seal ${size} B`, {
    group: `seal ${size} B`,
    baseline: true,
  }, () => {
    nobleSeal(counter++, message);
  });
  Deno.bench(`PacketCipher seal ${size} B`, { group: `seal ${size} B` }, () => {
    kernel.seal(KEY, counter++, plain, size, sealed);
  });

  const packet = arena.allocate(size + TAG);
  arena.bytes.set(ciphertext, packet);
  Deno.bench(`noble open ${size} B`, {
    group: `open ${size} B`,
    baseline: true,
  }, () => {
    nobleOpen(0, ciphertext);
  });
  Deno.bench(`PacketCipher open ${size} B`, { group: `open ${size} B` }, () => {
    kernel.open(KEY, 0, packet, size + TAG, opened);
  });
}

function nobleSeal(counter: number, message: Uint8Array): Uint8Array {
  writeU64LE(nonce, 4, counter);
  return chacha20poly1305(KEY, nonce).encrypt(message);
}

function nobleOpen(counter: number, message: Uint8Array): Uint8Array {
  writeU64LE(nonce, 4, counter);
  return chacha20poly1305(KEY, nonce).decrypt(message);
}
