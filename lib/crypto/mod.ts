/**
 * The cryptography of WireGuard, STUN and the portal: functions over bytes.
 *
 * Two halves. The control path (handshakes, cookies, STUN, credentials) is
 * plain functions with fresh results. Where the runtime's own `node:crypto` is
 * good they are that: X25519 is four times as fast as in JavaScript. Where the
 * set-up of a library's object costs more than the work they are kernels of
 * ours: a handshake is made of some sixty small hashes and three small seals,
 * a STUN check or a bad datagram that looks like either costs one hash.
 *
 * The data path is `PacketCipher`: ChaCha20-Poly1305 over addresses of an
 * arena, which allocates nothing. Its kernel is AssemblyScript with SIMD, in
 * `wasm/`, compiled by `scripts/build_wasm.ts` into a checked-in module. It
 * computes four or eight ChaCha20 blocks side by side and Poly1305 of earlier
 * ciphertext in their shadow. An engine without SIMD gets `@noble/ciphers` instead.
 *
 * `PooledCipher` is the same with help of other threads, which share one
 * memory with it (`HandOff`): packets to work on, and nothing else. Arena and
 * kernels stay as they are, private to each thread; a packet is copied in and
 * out, some 30 ns each way.
 *
 * The kernel and `equalSecrets` have no branch and no address that depends on
 * a secret. What comes from the network never throws: a forged message is
 * `undefined` or `false`. Keys and nonces of a wrong size are our own bugs and
 * end the worker.
 *
 * @module
 */
export { aeadOpen, aeadSeal, xaeadOpen, xaeadSeal } from "./aead.ts";
export { base32LowerNoPad } from "./base32.ts";
export { blake2s, blake2sMac, hmacBlake2s, isBlake2sMac } from "./blake2s.ts";
export { crc32 } from "./crc32.ts";
export {
  hmacSha256,
  isStunMac,
  md5,
  pbkdf2Sha256,
  sha256,
  writeHmacSha1,
} from "./digest.ts";
export { equalSecrets } from "./equal.ts";
export { kdf1, kdf2, kdf3 } from "./kdf.ts";
export { createHandOffMemory, stopHandOff } from "./hand_off.ts";
export { serveHandOff } from "./hand_off_runner.ts";
export { type CipherImplementation, PacketCipher } from "./packet_cipher.ts";
export {
  type PoolCount,
  PooledCipher,
  type PooledCipherOptions,
} from "./pooled_cipher.ts";
export { x25519, x25519PublicKey } from "./x25519.ts";
