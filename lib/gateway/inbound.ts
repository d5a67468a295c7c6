import { type Instant, unreachable } from "../base/mod.ts";
import {
  includesAddress,
  isProxyAddress,
  isTunnelAddress,
  type TunnelAddresses,
} from "../policy/mod.ts";
import {
  type IcmpErrorView,
  type IpPacketView,
  SELECTOR_OTHER_PROTOCOL,
  selectorKind,
} from "../wire/mod.ts";
import type { Client } from "./client.ts";

/** Why a packet from the TUN device is dropped, one for each row of data-plane spec §6, and `proxy-source`, which is ours. */
export type InboundDrop = (typeof INBOUND_DROPS)[number];

/** All inbound drops, to make counters of. */
export const INBOUND_DROPS = [
  "not-a-peer",
  "no-peer-state",
  "unparseable-icmp",
  "unsupported-protocol",
  "expired-nat-session",
  "proxy-source",
  "tunnel-source",
  "not-allowed",
] as const;

/** What is to become of a packet from the TUN device. `forward-rebuilt`: what is in the scratch space goes in its place. */
export type InboundVerdict = "forward" | "forward-rebuilt" | InboundDrop;

/** Memory for the judgement of a packet. */
export interface InboundScratch {
  /** The packet that an ICMP error quotes. */
  readonly icmpError: IcmpErrorView;
  /** The arena. */
  readonly bytes: Uint8Array;
  /** Address of room for one packet: an ICMP error that was translated. */
  readonly rebuiltAt: number;
  /** Its length. Valid after `forward-rebuilt`. */
  rebuiltLength: number;
}

/**
 * Judges a packet that the TUN device brought for `client`, and undoes the translation that its flow went through.
 *
 * `gateway` are our own addresses. Nothing is ever answered to resources.
 */
export function judgeInbound(
  packet: IpPacketView,
  client: Client,
  gateway: TunnelAddresses,
  scratch: InboundScratch,
  now: Instant,
): InboundVerdict {
  const { version, bytes, sourceAt } = packet;
  const icmpClass = scratch.icmpError.attach(packet);
  const isOwn = includesAddress(gateway, version, bytes, sourceAt);
  if (icmpClass === "error") {
    return judgeIcmpError(packet, client, isOwn, scratch, now);
  }
  if (isOwn) return "forward";
  if (icmpClass === "unparseable") return "unparseable-icmp";
  return judgeReply(packet, client, now);
}

/**
 * ICMP errors pass whatever their source, which is a router on the way, unless that is another client.
 *
 * Deviation: data-plane spec §6 step 4 has all packets from our own address
 * skip translation. But the host's kernel is a router on the way, too, which
 * says "time exceeded" and "packet too big" from there. About a translated
 * flow these make sense to the client only in its own terms.
 */
function judgeIcmpError(
  packet: IpPacketView,
  client: Client,
  isOwn: boolean,
  scratch: InboundScratch,
  now: Instant,
): InboundVerdict {
  const { nat } = client;
  const { icmpError, bytes, rebuiltAt } = scratch;
  const outcome = nat.translateIcmpError(
    packet,
    icmpError,
    bytes,
    rebuiltAt,
    now,
  );
  switch (outcome) {
    case "translated":
      scratch.rebuiltLength = nat.errorLength;
      return "forward-rebuilt";
    case "expired":
      return isOwn ? "forward" : "expired-nat-session";
    case "none":
      return isOwn || !hasTunnelSource(packet) ? "forward" : "tunnel-source";
    default:
      return unreachable(outcome);
  }
}

function judgeReply(
  packet: IpPacketView,
  client: Client,
  now: Instant,
): InboundVerdict {
  if (selectorKind(packet.sourceSelector) === SELECTOR_OTHER_PROTOCOL) {
    return "unsupported-protocol";
  }
  const { version, bytes, sourceAt, sourceSelector } = packet;
  switch (client.nat.translateInbound(packet, now)) {
    case "expired":
      return "expired-nat-session";
    case "none":
      // Proxy addresses are on no network: who has one pretends to be a name.
      if (isProxyAddress(version, bytes, sourceAt)) return "proxy-source";
  }
  if (hasTunnelSource(packet)) return "tunnel-source";
  return client.accessTo(version, bytes, sourceAt, sourceSelector) ===
      "permitted"
    ? "forward"
    : "not-allowed";
}

/** Tells whether a packet comes from another client, by way of the host. */
function hasTunnelSource({ version, bytes, sourceAt }: IpPacketView): boolean {
  return isTunnelAddress(version, bytes, sourceAt);
}
