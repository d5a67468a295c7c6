import { EMPTY } from "../base/mod.ts";
import { HASHES } from "./hash_kernel.ts";

const DIGEST_BYTES = 32;
const MAC_BYTES = 16;

/** Returns the 32-byte BLAKE2s digest of the parts joined, RFC 7693. */
export function blake2s(...parts: readonly Uint8Array[]): Uint8Array {
  return HASHES.blake2s(EMPTY, parts, DIGEST_BYTES);
}

/** Returns the BLAKE2s digest of the parts joined under a key of at most 32 bytes. WireGuard's MAC is the 16-byte one. */
export function blake2sMac(
  key: Uint8Array,
  length: 16 | 32,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  return HASHES.blake2s(key, parts, length);
}

/** Tells whether the 16 bytes at `macAt` are WireGuard's MAC of `[start, end)`, in constant time. Allocates nothing. */
export function isBlake2sMac(
  key: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
  macAt: number,
): boolean {
  return HASHES.isBlake2sMac(key, bytes, start, end, macAt, MAC_BYTES);
}

/** Returns HMAC-BLAKE2s, RFC 2104 with 64-byte blocks, of the parts joined: 32 bytes. */
export function hmacBlake2s(
  key: Uint8Array,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  return HASHES.hmacBlake2s(key, parts);
}
