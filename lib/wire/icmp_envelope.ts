import { writeU16 } from "../base/mod.ts";
import { internetChecksum, pseudoHeaderSum } from "./checksum.ts";
import {
  IPV4_CHECKSUM,
  IPV4_HEADER_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
} from "./ipv4.ts";
import {
  IPV6_HEADER_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from "./ipv6.ts";
import { ICMP_CHECKSUM, PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from "./selector.ts";

/** TTL and hop limit of ICMP errors that we write, data-plane spec §12. */
const HOP_LIMIT = 20;
const IPV4_TTL = 8;
const IPV6_HOP_LIMIT = 7;

/** Returns the offset of the ICMP message in a packet that `finishIcmpError` finishes. */
export function icmpMessageOffset(version: 4 | 6): number {
  return version === 4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH;
}

/**
 * Finishes the ICMP error at `bytes[at…]` whose addresses and message are written.
 *
 * The checksum of the message is zero. Fills in the rest of the IP header and
 * the checksums, and returns the length of the packet. `messageLength`
 * includes the ICMP header.
 */
export function finishIcmpError(
  bytes: Uint8Array,
  at: number,
  version: 4 | 6,
  messageLength: number,
): number {
  return version === 4
    ? finishIpv4(bytes, at, messageLength)
    : finishIpv6(bytes, at, messageLength);
}

function finishIpv4(
  bytes: Uint8Array,
  at: number,
  messageLength: number,
): number {
  const length = IPV4_HEADER_LENGTH + messageLength;
  bytes.fill(0, at, at + IPV4_SOURCE);
  bytes[at] = 0x45;
  writeU16(bytes, at + IPV4_TOTAL_LENGTH, length);
  bytes[at + IPV4_TTL] = HOP_LIMIT;
  bytes[at + IPV4_PROTOCOL] = PROTOCOL_ICMP;
  const messageAt = at + IPV4_HEADER_LENGTH;
  writeU16(
    bytes,
    at + IPV4_CHECKSUM,
    internetChecksum(bytes, at, messageAt),
  );
  writeMessageChecksum(bytes, messageAt, at + length, 0);
  return length;
}

function finishIpv6(
  bytes: Uint8Array,
  at: number,
  messageLength: number,
): number {
  bytes.fill(0, at, at + IPV6_SOURCE);
  bytes[at] = 0x60;
  writeU16(bytes, at + IPV6_PAYLOAD_LENGTH, messageLength);
  bytes[at + IPV6_NEXT_HEADER] = PROTOCOL_ICMPV6;
  bytes[at + IPV6_HOP_LIMIT] = HOP_LIMIT;
  const messageAt = at + IPV6_HEADER_LENGTH;
  const pseudoHeader = pseudoHeaderSum(
    bytes,
    at + IPV6_SOURCE,
    16,
    PROTOCOL_ICMPV6,
    messageLength,
  );
  writeMessageChecksum(
    bytes,
    messageAt,
    messageAt + messageLength,
    pseudoHeader,
  );
  return IPV6_HEADER_LENGTH + messageLength;
}

function writeMessageChecksum(
  bytes: Uint8Array,
  start: number,
  end: number,
  initial: number,
): void {
  writeU16(
    bytes,
    start + ICMP_CHECKSUM,
    internetChecksum(bytes, start, end, initial),
  );
}
