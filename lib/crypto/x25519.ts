import { Buffer } from "node:buffer";
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
} from "node:crypto";
import { assert } from "../base/mod.ts";

const KEY_BYTES = 32;

/** What stands before the 32 key bytes in a PKCS #8 private key, RFC 8410 §7. */
const PRIVATE_PREFIX = [
  ...[0x30, 0x2e, 0x02, 0x01, 0x00],
  ...[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e],
  ...[0x04, 0x22, 0x04, 0x20],
];

/** What stands before the 32 key bytes in a SubjectPublicKeyInfo, RFC 8410 §4. */
const PUBLIC_PREFIX = [
  ...[0x30, 0x2a],
  ...[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e],
  ...[0x03, 0x21, 0x00],
];

/**
 * Returns the shared secret of two 32-byte keys, RFC 7748 §5.
 *
 * `undefined` means an all-zero secret: `publicKey` is a point of small order
 * and the handshake must end.
 */
export function x25519(
  privateKey: Uint8Array,
  publicKey: Uint8Array,
): Uint8Array | undefined {
  const ours = importPrivateKey(privateKey);
  const theirs = importPublicKey(publicKey);
  let shared: Uint8Array;
  try {
    shared = new Uint8Array(
      diffieHellman({ privateKey: ours, publicKey: theirs }),
    );
  } catch {
    // With both keys well formed, the all-zero secret is all it refuses.
    return undefined;
  }
  return isZero(shared) ? undefined : shared;
}

/** Returns the 32-byte public key that belongs to a private key. */
export function x25519PublicKey(privateKey: Uint8Array): Uint8Array {
  const encoded = createPublicKey(importPrivateKey(privateKey))
    .export({ format: "der", type: "spki" });
  return new Uint8Array(encoded.subarray(PUBLIC_PREFIX.length));
}

function importPrivateKey(key: Uint8Array): KeyObject {
  const encoded = prefixed(PRIVATE_PREFIX, key);
  return createPrivateKey({ key: encoded, format: "der", type: "pkcs8" });
}

function importPublicKey(key: Uint8Array): KeyObject {
  const encoded = prefixed(PUBLIC_PREFIX, key);
  return createPublicKey({ key: encoded, format: "der", type: "spki" });
}

function prefixed(prefix: readonly number[], key: Uint8Array): Buffer {
  assert(key.length === KEY_BYTES, "An X25519 key has 32 bytes");
  return Buffer.from([...prefix, ...key]);
}

function isZero(secret: Uint8Array): boolean {
  let any = 0;
  for (const byte of secret) any |= byte;
  return any === 0;
}
