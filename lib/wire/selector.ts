import { readU16 } from "../base/mod.ts";

/**
 * The part of a packet that filters and translations look at (data-plane spec §2.2).
 *
 * Packed into one number, `kind << 16 | value`, so that it can be passed and
 * used as a key without an object. The value is a port or an echo identifier,
 * and 0 for the unsupported kinds.
 */
export type Selector = number;

/** Selector kind of TCP; the value is a port. */
export const SELECTOR_TCP = 1;
/** Selector kind of UDP; the value is a port. */
export const SELECTOR_UDP = 2;
/** Selector kind of ICMP and ICMPv6 echo requests and replies; the value is the identifier. */
export const SELECTOR_ECHO = 3;
/** Selector kind of all other ICMP and ICMPv6 messages. */
export const SELECTOR_OTHER_ICMP = 4;
/** Selector kind of all other protocols. */
export const SELECTOR_OTHER_PROTOCOL = 5;

/** IP protocol numbers, IANA "Assigned Internet Protocol Numbers". */
export const PROTOCOL_ICMP = 1;
/** TCP. */
export const PROTOCOL_TCP = 6;
/** UDP. */
export const PROTOCOL_UDP = 17;
/** ICMPv6. */
export const PROTOCOL_ICMPV6 = 58;

/** ICMP header layout in bytes, RFC 792 and RFC 4443. */
export const ICMP_TYPE = 0;
/** Offset of the code. */
export const ICMP_CODE = 1;
/** Offset of the checksum. */
export const ICMP_CHECKSUM = 2;
/** Offset of an echo message's identifier. */
export const ICMP_IDENTIFIER = 4;
/** Length of the header, and of an echo message without data. */
export const ICMP_HEADER_LENGTH = 8;

/** Offset of the source port in TCP and UDP headers. */
export const SOURCE_PORT = 0;
/** Offset of the destination port in TCP and UDP headers. */
export const DESTINATION_PORT = 2;

const ICMPV4_ECHO_REPLY = 0;
const ICMPV4_ECHO_REQUEST = 8;
const ICMPV6_ECHO_REQUEST = 128;
const ICMPV6_ECHO_REPLY = 129;

/** Packs a kind and a port or identifier. */
export function packSelector(kind: number, value: number): Selector {
  return (kind << 16) | value;
}

/** Returns the kind, one of the `SELECTOR_` constants. */
export function selectorKind(selector: Selector): number {
  return selector >>> 16;
}

/** Returns the port or identifier. */
export function selectorValue(selector: Selector): number {
  return selector & 0xffff;
}

/** Reads the selector of a transport header at `at`. `port` is `SOURCE_PORT` or `DESTINATION_PORT`. */
export function readSelector(
  protocol: number,
  bytes: Uint8Array,
  at: number,
  port: number,
): Selector {
  switch (protocol) {
    case PROTOCOL_TCP:
      return packSelector(SELECTOR_TCP, readU16(bytes, at + port));
    case PROTOCOL_UDP:
      return packSelector(SELECTOR_UDP, readU16(bytes, at + port));
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
      return isEcho(protocol, bytes, at)
        ? packSelector(SELECTOR_ECHO, readU16(bytes, at + ICMP_IDENTIFIER))
        : packSelector(SELECTOR_OTHER_ICMP, 0);
    default:
      return packSelector(SELECTOR_OTHER_PROTOCOL, 0);
  }
}

/** Tells whether the ICMP or ICMPv6 header at `at` is an echo request with code 0. */
export function isEchoRequest(
  protocol: number,
  bytes: Uint8Array,
  at: number,
): boolean {
  const request = protocol === PROTOCOL_ICMP
    ? ICMPV4_ECHO_REQUEST
    : ICMPV6_ECHO_REQUEST;
  return bytes[at + ICMP_TYPE] === request && bytes[at + ICMP_CODE] === 0;
}

function isEcho(protocol: number, bytes: Uint8Array, at: number): boolean {
  const reply = protocol === PROTOCOL_ICMP
    ? ICMPV4_ECHO_REPLY
    : ICMPV6_ECHO_REPLY;
  return isEchoRequest(protocol, bytes, at) ||
    (bytes[at + ICMP_TYPE] === reply && bytes[at + ICMP_CODE] === 0);
}
