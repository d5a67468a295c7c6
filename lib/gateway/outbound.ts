import { unreachable } from "../base/mod.ts";
import {
  includesAddress,
  isMulticastAddress,
  isProxyAddress,
  isTunnelAddress,
  type TunnelAddresses,
} from "../policy/mod.ts";
import {
  type IcmpErrorView,
  type IpPacketView,
  isP2pControl,
} from "../wire/mod.ts";
import type { Client } from "./client.ts";

/** What is to become of a packet from a client, one for each row of data-plane spec §5. */
export type OutboundVerdict = (typeof OUTBOUND_VERDICTS)[number];

/**
 * All outbound verdicts, to make counters of.
 *
 * `prohibited-…` and `unreachable-…` name the ICMP error that the client is
 * due (§12) and why; a client may ask the portal for a fresh authorization
 * after the first, but never after the second.
 */
export const OUTBOUND_VERDICTS = [
  "forward",
  "multicast",
  "unknown-client",
  "control",
  "icmp-error",
  "prohibited-source",
  "prohibited-tunnel-address",
  "prohibited-destination",
  "prohibited-by-filter",
  "unreachable-by-internet",
  "unreachable-no-translation",
] as const;

/**
 * Judges a packet that was decrypted on a client's connection.
 *
 * `client` is that client's record, if there is one, and `gateway` our own
 * addresses, once the portal has said them. `icmpError` is scratch space.
 */
export function judgeOutbound(
  packet: IpPacketView,
  client: Client | undefined,
  gateway: TunnelAddresses | undefined,
  icmpError: IcmpErrorView,
): OutboundVerdict {
  const { version, bytes, destinationAt } = packet;
  if (isMulticastAddress(version, bytes, destinationAt)) return "multicast";
  if (client === undefined || gateway === undefined) return "unknown-client";
  if (isP2pControl(packet)) return "control";
  if (icmpError.attach(packet) === "error") return "icmp-error";
  if (!includesAddress(client.addresses, version, bytes, packet.sourceAt)) {
    return "prohibited-source";
  }
  if (includesAddress(gateway, version, bytes, destinationAt)) return "forward";
  if (isTunnelAddress(version, bytes, destinationAt)) {
    return "prohibited-tunnel-address";
  }
  return judgeDestination(packet, client);
}

function judgeDestination(
  packet: IpPacketView,
  client: Client,
): OutboundVerdict {
  const { version, bytes, destinationAt, destinationSelector } = packet;
  const access = client.accessTo(
    version,
    bytes,
    destinationAt,
    destinationSelector,
  );
  switch (access) {
    case "permitted":
      return isProxyAddress(version, bytes, destinationAt)
        ? "unreachable-no-translation"
        : "forward";
    case "filtered":
      return "prohibited-by-filter";
    case "uncovered":
      return "prohibited-destination";
    case "refused":
      return "unreachable-by-internet";
    default:
      return unreachable(access);
  }
}
