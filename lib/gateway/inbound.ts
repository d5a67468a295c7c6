import {
  includesAddress,
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

/** Why a packet from the TUN device is dropped, one for each row of data-plane spec §6. */
export type InboundDrop = (typeof INBOUND_DROPS)[number];

/** All inbound drops, to make counters of. */
export const INBOUND_DROPS = [
  "not-a-peer",
  "no-peer-state",
  "unparseable-icmp",
  "unsupported-protocol",
  "tunnel-source",
  "not-allowed",
] as const;

/** What is to become of a packet from the TUN device. */
export type InboundVerdict = "forward" | InboundDrop;

/**
 * Judges a packet that was read from the TUN device.
 *
 * `client` is the owner of the destination, meaningful only if that is a
 * tunnel address, and `gateway` our own addresses, once the portal has said
 * them. `icmpError` is scratch space. Nothing is ever answered to resources.
 */
export function judgeInbound(
  packet: IpPacketView,
  client: Client | undefined,
  gateway: TunnelAddresses | undefined,
  icmpError: IcmpErrorView,
): InboundVerdict {
  const { version, bytes, sourceAt, destinationAt } = packet;
  if (!isTunnelAddress(version, bytes, destinationAt)) return "not-a-peer";
  if (client === undefined || gateway === undefined) return "no-peer-state";
  if (includesAddress(gateway, version, bytes, sourceAt)) return "forward";

  const icmpClass = icmpError.attach(packet);
  if (icmpClass === "unparseable") return "unparseable-icmp";
  if (selectorKind(packet.sourceSelector) === SELECTOR_OTHER_PROTOCOL) {
    return "unsupported-protocol";
  }
  if (isTunnelAddress(version, bytes, sourceAt)) return "tunnel-source";
  if (icmpClass === "error") return "forward";
  return client.accessTo(version, bytes, sourceAt, packet.sourceSelector) ===
      "permitted"
    ? "forward"
    : "not-allowed";
}
