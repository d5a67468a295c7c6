import { readU16 } from "../base/mod.ts";

const IPV4_TOTAL_LENGTH = 2;
const IPV4_HEADER_BYTES = 20;
const IPV6_PAYLOAD_LENGTH = 4;
const IPV6_HEADER_BYTES = 40;

/**
 * Returns how long the IP packet is that starts a plaintext, without padding, p2p spec §5.2.
 *
 * 0 when the `length` bytes at `at` are no whole IPv4 or IPv6 packet.
 */
export function innerLength(
  bytes: Uint8Array,
  at: number,
  length: number,
): number {
  const declared = declaredLength(bytes, at, length);
  return declared <= length ? declared : 0;
}

function declaredLength(bytes: Uint8Array, at: number, length: number): number {
  const version = bytes[at]! >>> 4;
  if (version === 4 && length >= IPV4_HEADER_BYTES) {
    const total = readU16(bytes, at + IPV4_TOTAL_LENGTH);
    return total >= IPV4_HEADER_BYTES ? total : 0;
  }
  if (version === 6 && length >= IPV6_HEADER_BYTES) {
    return IPV6_HEADER_BYTES + readU16(bytes, at + IPV6_PAYLOAD_LENGTH);
  }
  return 0;
}
