import { assert, writeU64LE } from "../base/mod.ts";
import { SMALL_AEAD } from "./small_aead.ts";

export { AEAD_TAG_BYTES } from "./small_aead.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const LONG_NONCE_BYTES = 24;
const COUNTER_AT = 4;

/**
 * Encrypts and authenticates, RFC 8439 §2.8: ciphertext and tag in a fresh array.
 *
 * The nonce is WireGuard's: four zero bytes and `counter` as 64 bits,
 * little-endian. For handshakes; packets go through `PacketCipher`.
 */
export function aeadSeal(
  key: Uint8Array,
  counter: number,
  plaintext: Uint8Array,
  aad: Uint8Array,
): Uint8Array {
  return sealWithNonce(key, nonceOf(counter), plaintext, aad);
}

/** Decrypts what `aeadSeal` made, or returns `undefined` when it is forged. */
export function aeadOpen(
  key: Uint8Array,
  counter: number,
  ciphertext: Uint8Array,
  aad: Uint8Array,
): Uint8Array | undefined {
  return openWithNonce(key, nonceOf(counter), ciphertext, aad);
}

/** `aeadSeal` with all 12 bytes of the nonce. */
export function sealWithNonce(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  aad: Uint8Array,
): Uint8Array {
  assertSizes(key, nonce, NONCE_BYTES);
  return SMALL_AEAD.seal(key, nonce, plaintext, aad);
}

/** `aeadOpen` with all 12 bytes of the nonce. */
export function openWithNonce(
  key: Uint8Array,
  nonce: Uint8Array,
  ciphertext: Uint8Array,
  aad: Uint8Array,
): Uint8Array | undefined {
  assertSizes(key, nonce, NONCE_BYTES);
  return SMALL_AEAD.open(key, nonce, ciphertext, aad);
}

/** Encrypts with a random 24-byte nonce, XChaCha20-Poly1305: WireGuard's cookie reply. */
export function xaeadSeal(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  aad: Uint8Array,
): Uint8Array {
  assertSizes(key, nonce, LONG_NONCE_BYTES);
  return SMALL_AEAD.seal(key, nonce, plaintext, aad);
}

/** Decrypts what `xaeadSeal` made, or returns `undefined` when it is forged. */
export function xaeadOpen(
  key: Uint8Array,
  nonce: Uint8Array,
  ciphertext: Uint8Array,
  aad: Uint8Array,
): Uint8Array | undefined {
  assertSizes(key, nonce, LONG_NONCE_BYTES);
  return SMALL_AEAD.open(key, nonce, ciphertext, aad);
}

/** Writes the WireGuard nonce of `counter`, whitepaper §5.4. */
function nonceOf(counter: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  writeU64LE(nonce, COUNTER_AT, counter);
  return nonce;
}

function assertSizes(
  key: Uint8Array,
  nonce: Uint8Array,
  nonceBytes: number,
): void {
  assert(key.length === KEY_BYTES, "An AEAD key has 32 bytes");
  assert(nonce.length === nonceBytes, "The nonce does not fit the cipher");
}
