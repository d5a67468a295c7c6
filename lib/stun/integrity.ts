import { readU16, writeU16, writeU32 } from "../base/mod.ts";
import { crc32, equalSecrets, hmacSha1 } from "../crypto/mod.ts";
import {
  ATTRIBUTE,
  ATTRIBUTE_HEADER_LENGTH,
  STUN_HEADER_LENGTH,
  type StunView,
} from "../wire/mod.ts";

/**
 * Returns `message` with MESSAGE-INTEGRITY appended, RFC 8489 §14.5.
 *
 * The key is `longTermKey(…)` for relays and `shortTermKey(…)` between ICE peers.
 */
export function sealStun(message: Uint8Array, key: Uint8Array): Uint8Array {
  const sealed = withRoomFor(
    message,
    ATTRIBUTE["message-integrity"],
    MAC_LENGTH,
  );
  const mac = hmacSha1(key, sealed.subarray(0, message.length));
  sealed.set(mac, message.length + ATTRIBUTE_HEADER_LENGTH);
  return sealed;
}

/** Returns `message` with FINGERPRINT appended, which must come last, RFC 8489 §14.7. */
export function addFingerprint(message: Uint8Array): Uint8Array {
  const marked = withRoomFor(message, ATTRIBUTE.fingerprint, CRC_LENGTH);
  const crc = crc32(marked, 0, message.length) ^ FINGERPRINT_MASK;
  writeU32(marked, message.length + ATTRIBUTE_HEADER_LENGTH, crc);
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

  const length = new Uint8Array(2);
  writeU16(length, 0, macAt + MAC_LENGTH - start - STUN_HEADER_LENGTH);
  const mac = hmacSha1(
    key,
    bytes.subarray(start, start + LENGTH),
    length,
    bytes.subarray(start + LENGTH + length.length, integrityAt),
  );
  return equalSecrets(mac, bytes.subarray(macAt, macAt + MAC_LENGTH));
}

/** Offset of the length field in the header, in bytes. */
const LENGTH = 2;
/** Length of HMAC-SHA1, in bytes. */
const MAC_LENGTH = 20;
/** Length of CRC-32, in bytes. */
const CRC_LENGTH = 4;
/** "STUN" in ASCII, RFC 8489 §14.7. */
const FINGERPRINT_MASK = 0x5354_554e;

/** Copies `message` with an empty attribute behind it that its length field counts already. */
function withRoomFor(
  message: Uint8Array,
  type: number,
  valueLength: number,
): Uint8Array {
  const attributeLength = ATTRIBUTE_HEADER_LENGTH + valueLength;
  const grown = new Uint8Array(message.length + attributeLength);
  grown.set(message);
  writeU16(grown, LENGTH, readU16(message, LENGTH) + attributeLength);
  writeU16(grown, message.length, type);
  writeU16(grown, message.length + 2, valueLength);
  return grown;
}
