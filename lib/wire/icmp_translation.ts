import { copyBytes, writeU16 } from "../base/mod.ts";
import type { IcmpErrorView } from "./icmp_error.ts";
import { finishIcmpError, icmpMessageOffset } from "./icmp_envelope.ts";
import type { IpPacketView } from "./ip_packet.ts";
import { IPV4_DESTINATION, IPV4_SOURCE } from "./ipv4.ts";
import { IPV6_DESTINATION, IPV6_SOURCE } from "./ipv6.ts";
import {
  ICMP_CODE,
  ICMP_HEADER_LENGTH,
  ICMP_IDENTIFIER,
  ICMP_TYPE,
  SELECTOR_ECHO,
  selectorKind,
  SOURCE_PORT,
} from "./selector.ts";

const ICMPV4_UNREACHABLE = 3;
const ICMPV4_FRAGMENTATION_NEEDED = 4;
const ICMPV6_PACKET_TOO_BIG = 2;

/** Offset of the next-hop MTU, which reaches to the end of the header: RFC 1191 §4, RFC 4443 §3.2. */
const ICMPV4_MTU = 6;
const ICMPV6_MTU = 4;

/**
 * Writes an ICMP error about a translated packet as the packet's sender understands it (data-plane spec §8.6).
 *
 * The packet in `target[at…]` comes from the proxy address at
 * `proxies[proxyAt…]`, and quotes a packet to that address with
 * `insideValue` as source port or echo identifier. Checksums inside the quote
 * are left as they are. Returns the length: it never exceeds that of
 * `packet`, because options and extension headers are left out. `quoted` is
 * attached to `packet`, which `target` must not overlap.
 */
export function rebuildIcmpError(
  packet: IpPacketView,
  quoted: IcmpErrorView,
  proxies: Uint8Array,
  proxyAt: number,
  insideValue: number,
  target: Uint8Array,
  at: number,
): number {
  const { version, bytes, end, addressLength } = packet;
  const isV4 = version === 4;
  const proxyEnd = proxyAt + addressLength;
  copyBytes(
    proxies,
    proxyAt,
    proxyEnd,
    target,
    at + (isV4 ? IPV4_SOURCE : IPV6_SOURCE),
  );
  copyBytes(
    bytes,
    packet.destinationAt,
    packet.destinationAt + addressLength,
    target,
    at + (isV4 ? IPV4_DESTINATION : IPV6_DESTINATION),
  );

  const messageAt = at + icmpMessageOffset(version);
  writeHeader(packet, target, messageAt);
  const shift = messageAt + ICMP_HEADER_LENGTH - quoted.start;
  copyBytes(bytes, quoted.start, end, target, shift + quoted.start);
  copyBytes(proxies, proxyAt, proxyEnd, target, shift + quoted.destinationAt);
  const valueAt = selectorKind(quoted.sourceSelector) === SELECTOR_ECHO
    ? ICMP_IDENTIFIER
    : SOURCE_PORT;
  writeU16(target, shift + quoted.transportAt + valueAt, insideValue);

  return finishIcmpError(target, at, version, end - packet.transportAt);
}

/** Copies type, code and MTU. What else routers put into the header has no meaning to the sender. */
function writeHeader(
  { version, bytes, transportAt }: IpPacketView,
  target: Uint8Array,
  messageAt: number,
): void {
  const type = bytes[transportAt + ICMP_TYPE]!;
  const code = bytes[transportAt + ICMP_CODE]!;
  target.fill(0, messageAt, messageAt + ICMP_HEADER_LENGTH);
  target[messageAt + ICMP_TYPE] = type;
  target[messageAt + ICMP_CODE] = code;
  copyBytes(
    bytes,
    transportAt + mtuOffset(version, type, code),
    transportAt + ICMP_HEADER_LENGTH,
    target,
    messageAt + mtuOffset(version, type, code),
  );
}

/** Returns where in the ICMP header the MTU begins that reaches to its end; the end if there is none. */
function mtuOffset(version: 4 | 6, type: number, code: number): number {
  if (version === 6) {
    return type === ICMPV6_PACKET_TOO_BIG ? ICMPV6_MTU : ICMP_HEADER_LENGTH;
  }
  return type === ICMPV4_UNREACHABLE && code === ICMPV4_FRAGMENTATION_NEEDED
    ? ICMPV4_MTU
    : ICMP_HEADER_LENGTH;
}
