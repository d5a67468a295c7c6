import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { HASHES } from "./hash_kernel.ts";

/** Returns the 16-byte MD5 digest of the parts joined. Only for STUN's long-term key, RFC 8489 §9.2.2. */
export function md5(...parts: readonly Uint8Array[]): Uint8Array {
  return hash("md5", parts);
}

/** Returns the 32-byte SHA-256 digest of the parts joined. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return hash("sha256", parts);
}

/** Writes the 20 bytes of HMAC-SHA1 of `[start, end)` to `at`: STUN's MESSAGE-INTEGRITY, RFC 8489 §14.5. Allocates nothing. */
export function writeHmacSha1(
  key: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
  at: number,
): void {
  HASHES.writeHmacSha1(key, bytes, start, end, at);
}

/**
 * Tells whether the 20 bytes at `macAt` are HMAC-SHA1 of the STUN message
 * `[start, end)` as if its length field said `length`, in constant time.
 * Allocates nothing.
 */
export function isStunMac(
  key: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
  length: number,
  macAt: number,
): boolean {
  return HASHES.isStunMac(key, bytes, start, end, length, macAt);
}

/** Returns HMAC-SHA256 of the parts joined: 32 bytes. */
export function hmacSha256(
  key: Uint8Array,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  const state = createHmac("sha256", key);
  for (const part of parts) state.update(part);
  return new Uint8Array(state.digest());
}

/** Derives `length` bytes with PBKDF2-HMAC-SHA256, RFC 8018 §5.2. */
export function pbkdf2Sha256(
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Uint8Array {
  return new Uint8Array(
    pbkdf2Sync(password, salt, iterations, length, "sha256"),
  );
}

function hash(algorithm: string, parts: readonly Uint8Array[]): Uint8Array {
  const state = createHash(algorithm);
  for (const part of parts) state.update(part);
  return new Uint8Array(state.digest());
}
