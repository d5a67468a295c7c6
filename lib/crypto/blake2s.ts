import { blake2s as digest } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";

/** Returns the 32-byte BLAKE2s digest of the parts joined, RFC 7693. */
export function blake2s(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = digest.create();
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Returns the keyed BLAKE2s digest of the parts joined. WireGuard's MAC is the 16-byte one. */
export function blake2sMac(
  key: Uint8Array,
  length: 16 | 32,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  const hash = digest.create({ key, dkLen: length });
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Returns HMAC-BLAKE2s, RFC 2104 with 64-byte blocks, of the parts joined: 32 bytes. */
export function hmacBlake2s(
  key: Uint8Array,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  const mac = hmac.create(digest, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
