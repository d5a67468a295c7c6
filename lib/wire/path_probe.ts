import { fromHex, readU16, writeU16 } from "../base/mod.ts";
import { internetChecksum, pseudoHeaderSum } from "./checksum.ts";
import {
  IPV6_HEADER_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from "./ipv6.ts";
import {
  ICMP_CHECKSUM,
  ICMP_CODE,
  ICMP_HEADER_LENGTH,
  ICMP_IDENTIFIER,
  ICMP_TYPE,
  PROTOCOL_ICMPV6,
} from "./selector.ts";

/** A request to show that a path works, ICMPv6 type 128. */
export const PROBE_REQUEST = 128;
/** The answer to it, ICMPv6 type 129. */
export const PROBE_REPLY = 129;

/** Length of a probe, p2p spec §3.5: an IPv6 header and an echo message without data. */
const PROBE_LENGTH = IPV6_HEADER_LENGTH + ICMP_HEADER_LENGTH;

/** `100::dead:1ce:1` and `100::dead:1ce:2`, in requests and replies alike. */
const ADDRESSES = fromHex(
  "01000000000000000000dead01ce000101000000000000000000dead01ce0002",
)!;

const IPV6_NIBBLE = 6;
const HOP_LIMIT_AT = 7;
const HOP_LIMIT = 64;
const SEQUENCE = ICMP_IDENTIFIER + 2;

/**
 * Returns `PROBE_REQUEST` or `PROBE_REPLY` if the inner packet at `start` is a path probe, p2p spec §3.5, and 0 otherwise.
 *
 * Only packets with exactly the two addresses of probes are. Allocates nothing.
 */
export function pathProbeType(
  bytes: Uint8Array,
  start: number,
  end: number,
): 0 | typeof PROBE_REQUEST | typeof PROBE_REPLY {
  if (end - start < PROBE_LENGTH) return 0;
  if (bytes[start]! >>> 4 !== IPV6_NIBBLE) return 0;
  if (bytes[start + IPV6_NEXT_HEADER] !== PROTOCOL_ICMPV6) return 0;
  for (let i = 0; i < ADDRESSES.length; i++) {
    if (bytes[start + IPV6_SOURCE + i] !== ADDRESSES[i]) return 0;
  }
  const icmp = start + IPV6_HEADER_LENGTH;
  if (bytes[icmp + ICMP_CODE] !== 0) return 0;
  const type = bytes[icmp + ICMP_TYPE];
  return type === PROBE_REQUEST || type === PROBE_REPLY ? type : 0;
}

/** Returns the identifier of the probe at `start`. */
export function pathProbeIdentifier(bytes: Uint8Array, start: number): number {
  return readU16(bytes, start + IPV6_HEADER_LENGTH + ICMP_IDENTIFIER);
}

/** Returns the sequence number of the probe at `start`. */
export function pathProbeSequence(bytes: Uint8Array, start: number): number {
  return readU16(bytes, start + IPV6_HEADER_LENGTH + SEQUENCE);
}

/** Builds a path probe. */
export function encodePathProbe(
  type: typeof PROBE_REQUEST | typeof PROBE_REPLY,
  identifier: number,
  sequence: number,
): Uint8Array {
  const packet = new Uint8Array(PROBE_LENGTH);
  packet[0] = IPV6_NIBBLE << 4;
  writeU16(packet, IPV6_PAYLOAD_LENGTH, ICMP_HEADER_LENGTH);
  packet[IPV6_NEXT_HEADER] = PROTOCOL_ICMPV6;
  packet[HOP_LIMIT_AT] = HOP_LIMIT;
  packet.set(ADDRESSES, IPV6_SOURCE);

  const icmp = IPV6_HEADER_LENGTH;
  packet[icmp + ICMP_TYPE] = type;
  writeU16(packet, icmp + ICMP_IDENTIFIER, identifier);
  writeU16(packet, icmp + SEQUENCE, sequence);
  const pseudoHeader = pseudoHeaderSum(
    packet,
    IPV6_SOURCE,
    16,
    PROTOCOL_ICMPV6,
    ICMP_HEADER_LENGTH,
  );
  const checksum = internetChecksum(packet, icmp, PROBE_LENGTH, pseudoHeader);
  writeU16(packet, icmp + ICMP_CHECKSUM, checksum);
  return packet;
}
