import { type Ecn, readU16, writeU16 } from "../base/mod.ts";
import { adjustChecksum, wordChange } from "./checksum.ts";
import type { IpPacketView } from "./ip_packet.ts";
import { IPV4_CHECKSUM } from "./ipv4.ts";
import {
  DESTINATION_PORT,
  ICMP_CHECKSUM,
  ICMP_IDENTIFIER,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  SOURCE_PORT,
} from "./selector.ts";

const TCP_CHECKSUM = 16;
const UDP_CHECKSUM = 6;
const UDP_CHECKSUM_ABSENT = 0;

const NOT_ECT = 0;
const CONGESTION_EXPERIENCED = 3;

/**
 * Carries congestion marks of the outer header into the packet, data-plane spec §13.3.
 *
 * Only an outer CE on an inner ECT(0) or ECT(1) changes anything; then the
 * inner bits become CE and an IPv4 header checksum follows.
 */
export function applyOuterEcn(packet: IpPacketView, outer: Ecn): void {
  if (outer !== CONGESTION_EXPERIENCED || packet.ecn === NOT_ECT) return;

  const { bytes, start } = packet;
  const before = readU16(bytes, start);
  const after = before |
    (CONGESTION_EXPERIENCED << (packet.version === 4 ? 0 : 4));
  if (after === before) return;
  writeU16(bytes, start, after);
  if (packet.version === 4) {
    adjustChecksum(bytes, start + IPV4_CHECKSUM, wordChange(before, after));
  }
}

/** Replaces the source address by the one of the same family at `from[at…]` and adjusts the checksums. */
export function replaceSourceAddress(
  packet: IpPacketView,
  from: Uint8Array,
  at: number,
): void {
  replaceAddress(packet, packet.sourceAt, from, at);
}

/** Replaces the destination address by the one of the same family at `from[at…]` and adjusts the checksums. */
export function replaceDestinationAddress(
  packet: IpPacketView,
  from: Uint8Array,
  at: number,
): void {
  replaceAddress(packet, packet.destinationAt, from, at);
}

/** Replaces the source port of a TCP or UDP packet and adjusts its checksum. */
export function replaceSourcePort(packet: IpPacketView, port: number): void {
  replaceTransportWord(packet, SOURCE_PORT, port);
}

/** Replaces the destination port of a TCP or UDP packet and adjusts its checksum. */
export function replaceDestinationPort(
  packet: IpPacketView,
  port: number,
): void {
  replaceTransportWord(packet, DESTINATION_PORT, port);
}

/** Replaces the identifier of an ICMP or ICMPv6 echo message and adjusts its checksum. */
export function replaceEchoIdentifier(
  packet: IpPacketView,
  identifier: number,
): void {
  const { bytes, transportAt } = packet;
  const before = readU16(bytes, transportAt + ICMP_IDENTIFIER);
  writeU16(bytes, transportAt + ICMP_IDENTIFIER, identifier);
  adjustChecksum(
    bytes,
    transportAt + ICMP_CHECKSUM,
    wordChange(before, identifier),
  );
}

function replaceAddress(
  packet: IpPacketView,
  target: number,
  from: Uint8Array,
  at: number,
): void {
  const { bytes, addressLength } = packet;
  let change = 0;
  for (let i = 0; i < addressLength; i += 2) {
    const after = readU16(from, at + i);
    change += wordChange(readU16(bytes, target + i), after);
    writeU16(bytes, target + i, after);
  }
  if (packet.version === 4) {
    adjustChecksum(bytes, packet.start + IPV4_CHECKSUM, change);
  }
  adjustTransportChecksum(packet, change);
}

function replaceTransportWord(
  packet: IpPacketView,
  offset: number,
  after: number,
): void {
  const { bytes, transportAt } = packet;
  const before = readU16(bytes, transportAt + offset);
  writeU16(bytes, transportAt + offset, after);
  adjustTransportChecksum(packet, wordChange(before, after));
}

/** Adjusts the checksum of a transport that covers addresses and ports. ICMPv4 covers neither. */
function adjustTransportChecksum(packet: IpPacketView, change: number): void {
  const { bytes, transportAt } = packet;
  switch (packet.protocol) {
    case PROTOCOL_TCP:
      adjustChecksum(bytes, transportAt + TCP_CHECKSUM, change);
      return;
    case PROTOCOL_UDP:
      if (readU16(bytes, transportAt + UDP_CHECKSUM) !== UDP_CHECKSUM_ABSENT) {
        adjustChecksum(bytes, transportAt + UDP_CHECKSUM, change);
      }
      return;
    case PROTOCOL_ICMPV6:
      adjustChecksum(bytes, transportAt + ICMP_CHECKSUM, change);
  }
}
