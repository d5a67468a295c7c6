import { writeU16, writeU32 } from "../base/mod.ts";
import { crc32, isStunMac, writeHmacSha1 } from "../crypto/mod.ts";
import {
  ATTRIBUTE,
  ATTRIBUTE_HEADER_LENGTH,
  encodeStun,
  STUN_HEADER_LENGTH,
  type StunMessage,
  type StunView,
} from "../wire/mod.ts";

/** Encodes a message with MESSAGE-INTEGRITY and FINGERPRINT behind it, as ICE peers exchange. */
export function encodeCheck(
  message: StunMessage,
  key: Uint8Array,
): Uint8Array {
  const bytes = encodeStun(message, INTEGRITY_LENGTH + FINGERPRINT_LENGTH);
  const end = bytes.length - FINGERPRINT_LENGTH;
  appendIntegrity(bytes, end - INTEGRITY_LENGTH, key);
  appendFingerprint(bytes, end);
  return bytes;
}

/**
 * Returns `message` with MESSAGE-INTEGRITY appended, RFC 8489 §14.5.
 *
 * The key is `longTermKey(…)` for relays and `shortTermKey(…)` between ICE peers.
 */
export function sealStun(message: Uint8Array, key: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(message.length + INTEGRITY_LENGTH);
  sealed.set(message);
  appendIntegrity(sealed, message.length, key);
  return sealed;
}

/** Returns `message` with FINGERPRINT appended, which must come last, RFC 8489 §14.7. */
export function addFingerprint(message: Uint8Array): Uint8Array {
  const marked = new Uint8Array(message.length + FINGERPRINT_LENGTH);
  marked.set(message);
  appendFingerprint(marked, message.length);
  return marked;
}

/**
 * Tells whether the message carries a MESSAGE-INTEGRITY that `key` made.
 *
 * Computed over the bytes as received: padding need not be zero (RFC 5769 §2.1
 * pads with spaces), and what follows MESSAGE-INTEGRITY does not count.
 */
export function verifyIntegrity(view: StunView, key: Uint8Array): boolean {
  if (view.integrityLength !== MAC_LENGTH) return false;
  const { bytes, start, integrityAt } = view;
  const macAt = integrityAt + ATTRIBUTE_HEADER_LENGTH;
  const length = macAt + MAC_LENGTH - start - STUN_HEADER_LENGTH;
  return isStunMac(key, bytes, start, integrityAt, length, macAt);
}

/** Offset of the length field in the header, in bytes. */
const LENGTH = 2;
/** Length of HMAC-SHA1, in bytes. */
const MAC_LENGTH = 20;
/** Length of CRC-32, in bytes. */
const CRC_LENGTH = 4;
/** "STUN" in ASCII, RFC 8489 §14.7. */
const FINGERPRINT_MASK = 0x5354_554e;

/** Lengths of both attributes, in bytes. */
const INTEGRITY_LENGTH = ATTRIBUTE_HEADER_LENGTH + MAC_LENGTH;
const FINGERPRINT_LENGTH = ATTRIBUTE_HEADER_LENGTH + CRC_LENGTH;

function appendIntegrity(bytes: Uint8Array, at: number, key: Uint8Array): void {
  beginAttribute(bytes, at, ATTRIBUTE["message-integrity"], MAC_LENGTH);
  writeHmacSha1(key, bytes, 0, at, at + ATTRIBUTE_HEADER_LENGTH);
}

function appendFingerprint(bytes: Uint8Array, at: number): void {
  beginAttribute(bytes, at, ATTRIBUTE.fingerprint, CRC_LENGTH);
  const crc = crc32(bytes, 0, at) ^ FINGERPRINT_MASK;
  writeU32(bytes, at + ATTRIBUTE_HEADER_LENGTH, crc);
}

/** Writes the header of the last attribute of a message, which counts it already. */
function beginAttribute(
  bytes: Uint8Array,
  at: number,
  type: number,
  valueLength: number,
): void {
  const end = at + ATTRIBUTE_HEADER_LENGTH + valueLength;
  writeU16(bytes, LENGTH, end - STUN_HEADER_LENGTH);
  writeU16(bytes, at, type);
  writeU16(bytes, at + 2, valueLength);
}
