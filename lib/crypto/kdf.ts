import { hmacBlake2s } from "./blake2s.ts";

const ONE = new Uint8Array([1]);
const TWO = new Uint8Array([2]);
const THREE = new Uint8Array([3]);

/** Derives one 32-byte key, KDF1 of the WireGuard whitepaper §5.4: HKDF with HMAC-BLAKE2s. */
export function kdf1(chainingKey: Uint8Array, input: Uint8Array): Uint8Array {
  return hmacBlake2s(hmacBlake2s(chainingKey, input), ONE);
}

/** Derives two 32-byte keys, KDF2 of the WireGuard whitepaper §5.4. */
export function kdf2(
  chainingKey: Uint8Array,
  input: Uint8Array,
): [Uint8Array, Uint8Array] {
  const secret = hmacBlake2s(chainingKey, input);
  const first = hmacBlake2s(secret, ONE);
  return [first, hmacBlake2s(secret, first, TWO)];
}

/** Derives three 32-byte keys, KDF3 of the WireGuard whitepaper §5.4. */
export function kdf3(
  chainingKey: Uint8Array,
  input: Uint8Array,
): [Uint8Array, Uint8Array, Uint8Array] {
  const secret = hmacBlake2s(chainingKey, input);
  const first = hmacBlake2s(secret, ONE);
  const second = hmacBlake2s(secret, first, TWO);
  return [first, second, hmacBlake2s(secret, second, THREE)];
}
