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

/** Returns HMAC-SHA1 of the parts joined: 20 bytes. STUN's MESSAGE-INTEGRITY, RFC 8489 §14.5. */
export function hmacSha1(
  key: Uint8Array,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  return HASHES.hmacSha1(key, parts);
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
