/** IPv4 header layout in bytes, RFC 791 §3.1. */
export const IPV4_TOTAL_LENGTH = 2;
/** Offset of the flags and the fragment offset. */
export const IPV4_FRAGMENT = 6;
/** Offset of the protocol. */
export const IPV4_PROTOCOL = 9;
/** Offset of the header checksum. */
export const IPV4_CHECKSUM = 10;
/** Offset of the source address. */
export const IPV4_SOURCE = 12;
/** Offset of the destination address. */
export const IPV4_DESTINATION = 16;
/** Length of a header without options. */
export const IPV4_HEADER_LENGTH = 20;

/** The more-fragments flag and the fragment offset, without the don't-fragment flag. */
export const IPV4_FRAGMENT_MASK = 0x3fff;
/** The fragment offset alone. */
export const IPV4_FRAGMENT_OFFSET_MASK = 0x1fff;

/** Returns the header length that the first byte of an IPv4 packet declares, options included. */
export function ipv4HeaderLength(firstByte: number): number {
  return (firstByte & 0x0f) * 4;
}
