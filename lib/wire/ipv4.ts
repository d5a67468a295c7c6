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

/** Options that name the routers to go by, RFC 791 §3.1: loose and strict source routing. */
const OPTION_LOOSE_ROUTE = 131;
const OPTION_STRICT_ROUTE = 137;
/** The two options that are one byte long. */
const OPTION_END = 0;
const OPTION_PADDING = 1;
const MIN_OPTION_LENGTH = 2;

/** Tells whether one of the options in `[at, end)` names other addresses that the packet has to visit. */
export function hasSourceRoute(
  bytes: Uint8Array,
  at: number,
  end: number,
): boolean {
  while (at < end) {
    const option = bytes[at]!;
    if (option === OPTION_LOOSE_ROUTE || option === OPTION_STRICT_ROUTE) {
      return true;
    }
    if (option === OPTION_END) return false;
    if (option === OPTION_PADDING) at++;
    else if (at + 1 < end && bytes[at + 1]! >= MIN_OPTION_LENGTH) {
      at += bytes[at + 1]!;
    } else return false;
  }
  return false;
}
