import {
  type IpAddress,
  type SocketAddress,
  type Transmit,
} from "../base/mod.ts";
import type { Candidate, LocalCandidate } from "../ice/mod.ts";
import {
  CHANNEL_DATA_HEADER_LENGTH,
  writeChannelDataHeader,
} from "../wire/mod.ts";

/** Which relays packets pass, as upstream metrics name it. The first word is our end. */
export type RouteShape =
  | "PeerToPeer"
  | "PeerToRelay"
  | "RelayToPeer"
  | "RelayToRelay";

/** Where a connection's packets go. Made anew whenever ICE selects another pair. */
export interface Route {
  /** Whether packets leave through our relay. */
  readonly viaRelay: boolean;
  /** The address to send from; `null` through a relay. */
  readonly source: IpAddress | null;
  /** The peer, even when packets to it leave through our relay. */
  readonly destination: SocketAddress;
  /** What it passes. */
  readonly shape: RouteShape;
}

/** Makes the route of a selected pair. */
export function routeOf(local: LocalCandidate, remote: Candidate): Route {
  const viaRelay = local.kind === "relay";
  const toRelay = remote.kind === "relay";
  return {
    viaRelay,
    source: viaRelay ? null : local.base.ip,
    destination: remote.address,
    shape: shapeOf(viaRelay, toRelay),
  };
}

/** What kind of path users see. */
export function pathOf(route: Route): "direct" | "relayed" {
  return route.shape === "PeerToPeer" ? "direct" : "relayed";
}

/** Makes the transmit of a message that leaves from our own socket. */
export function directTransmit(
  source: IpAddress | null,
  destination: SocketAddress,
  payload: Uint8Array,
): Transmit {
  return { source, localPort: 0, destination, payload };
}

/** Makes the transmit of a message that leaves through a relay, framed as ChannelData. */
export function channelTransmit(
  relaySocket: SocketAddress,
  channel: number,
  message: Uint8Array,
): Transmit {
  const payload = new Uint8Array(CHANNEL_DATA_HEADER_LENGTH + message.length);
  writeChannelDataHeader(payload, 0, channel, message.length);
  payload.set(message, CHANNEL_DATA_HEADER_LENGTH);
  return { source: null, localPort: 0, destination: relaySocket, payload };
}

function shapeOf(viaRelay: boolean, toRelay: boolean): RouteShape {
  if (viaRelay) return toRelay ? "RelayToRelay" : "RelayToPeer";
  return toRelay ? "PeerToRelay" : "PeerToPeer";
}
