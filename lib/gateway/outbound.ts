import { type Instant, unreachable } from "../base/mod.ts";
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

/** What becomes of a packet from a client, one for each row of data-plane spec §5. */
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
  "source-routed",
  "prohibited-tunnel-address",
  "prohibited-destination",
  "prohibited-by-filter",
  "unreachable-by-internet",
  "unreachable-no-translation",
  "unreachable-no-address",
  "unsupported-protocol",
  "nat-exhausted",
  "nat-table-full",
] as const;

/**
 * Judges a packet that was decrypted on a client's connection, and rewrites it if it goes to a name.
 *
 * `client` is that client's record, if there is one, and `gateway` our own
 * addresses, once the portal has said them. `icmpError` is scratch space.
 * Only `forward` can have changed the packet, so any other verdict may quote
 * it as the client sent it. After `forward` to anything but ourselves,
 * `client.flowOwner` and `client.translation` say what it belongs to.
 */
export function judgeOutbound(
  packet: IpPacketView,
  client: Client | undefined,
  gateway: TunnelAddresses | undefined,
  icmpError: IcmpErrorView,
  now: Instant,
): OutboundVerdict {
  const { version, bytes, destinationAt } = packet;
  if (isMulticastAddress(version, bytes, destinationAt)) return "multicast";
  if (client === undefined || gateway === undefined) return "unknown-client";
  if (isP2pControl(packet)) return "control";
  if (icmpError.attach(packet) === "error") return "icmp-error";
  if (!includesAddress(client.addresses, version, bytes, packet.sourceAt)) {
    return "prohibited-source";
  }
  // Deviation: the spec lets them pass. Policy would have judged one of several destinations.
  if (packet.isSourceRouted) return "source-routed";
  if (includesAddress(gateway, version, bytes, destinationAt)) return "forward";
  if (isTunnelAddress(version, bytes, destinationAt)) {
    return "prohibited-tunnel-address";
  }
  return judgeDestination(packet, client, now);
}

function judgeDestination(
  packet: IpPacketView,
  client: Client,
  now: Instant,
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
        ? translate(packet, client, now)
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

/** Sends a permitted packet to an address of the name that its destination stands for (data-plane spec §5 steps 12 to 16). */
function translate(
  packet: IpPacketView,
  client: Client,
  now: Instant,
): OutboundVerdict {
  const { translation } = client;
  if (translation === undefined) return "unreachable-no-translation";
  if (translation.real === undefined) return "unreachable-no-address";
  const outcome = client.nat.translateOutbound(packet, translation.real, now);
  switch (outcome) {
    case "translated":
      return "forward";
    case "unsupported":
      return "unsupported-protocol";
    case "exhausted":
      return "nat-exhausted";
    case "table-full":
      return "nat-table-full";
    default:
      return unreachable(outcome);
  }
}
