import { copyBytes, MAX_PACKET_BYTES } from "../base/mod.ts";
import { finishIcmpError, icmpMessageOffset } from "./icmp_envelope.ts";
import type { IpPacketView } from "./ip_packet.ts";
import { IPV4_DESTINATION, IPV4_SOURCE, ipv4HeaderLength } from "./ipv4.ts";
import { IPV6_DESTINATION, IPV6_HEADER_LENGTH, IPV6_SOURCE } from "./ipv6.ts";
import { ICMP_CODE, ICMP_HEADER_LENGTH, ICMP_TYPE } from "./selector.ts";

/**
 * Why a packet did not reach its destination, as its sender is told.
 *
 * `prohibited`: policy forbids it, and the client may ask for a grant.
 * `unreachable`: no grant would help (data-plane spec §12).
 */
export type IcmpReplyKind = "prohibited" | "unreachable";

const ICMPV4_UNREACHABLE = 3;
const ICMPV6_UNREACHABLE = 1;
const ICMPV4_CODES = { prohibited: 13, unreachable: 0 } as const;
const ICMPV6_CODES = { prohibited: 1, unreachable: 3 } as const;

/** Bytes of the transport that an ICMPv4 error quotes, RFC 792. */
const QUOTED_TRANSPORT_BYTES = 8;
/** Most bytes of a packet that an ICMPv6 error quotes. */
const MAX_QUOTE_V6 = MAX_PACKET_BYTES - IPV6_HEADER_LENGTH -
  ICMP_HEADER_LENGTH;

/**
 * Writes the ICMP error about a packet to `target[at…]` and returns its length, at most 1280 (data-plane spec §12).
 *
 * It comes from the packet's destination, goes to its source, and quotes the
 * packet as it is, so write it before any translation. `target` must not
 * overlap the packet.
 */
export function writeIcmpReply(
  packet: IpPacketView,
  kind: IcmpReplyKind,
  target: Uint8Array,
  at: number,
): number {
  const { version, bytes, start, sourceAt, destinationAt, addressLength } =
    packet;
  const isV4 = version === 4;
  const fromAt = at + (isV4 ? IPV4_SOURCE : IPV6_SOURCE);
  const toAt = at + (isV4 ? IPV4_DESTINATION : IPV6_DESTINATION);
  copyBytes(
    bytes,
    destinationAt,
    destinationAt + addressLength,
    target,
    fromAt,
  );
  copyBytes(bytes, sourceAt, sourceAt + addressLength, target, toAt);

  const messageAt = at + icmpMessageOffset(version);
  target.fill(0, messageAt, messageAt + ICMP_HEADER_LENGTH);
  target[messageAt + ICMP_TYPE] = isV4
    ? ICMPV4_UNREACHABLE
    : ICMPV6_UNREACHABLE;
  target[messageAt + ICMP_CODE] = isV4
    ? ICMPV4_CODES[kind]
    : ICMPV6_CODES[kind];
  const quoteLength = quoteLengthOf(packet);
  copyBytes(
    bytes,
    start,
    start + quoteLength,
    target,
    messageAt + ICMP_HEADER_LENGTH,
  );
  return finishIcmpError(
    target,
    at,
    version,
    ICMP_HEADER_LENGTH + quoteLength,
  );
}

function quoteLengthOf({ version, bytes, start, end }: IpPacketView): number {
  const limit = version === 4
    ? ipv4HeaderLength(bytes[start]!) + QUOTED_TRANSPORT_BYTES
    : MAX_QUOTE_V6;
  return Math.min(end - start, limit);
}
