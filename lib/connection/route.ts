import {
  type IpAddress,
  shortLivedBytes,
  type SocketAddress,
  type Transmit,
} from "../base/mod.ts";
import {
  type CandidateKind,
  CHANNEL_DATA_HEADER_LENGTH,
  writeChannelDataHeader,
} from "../wire/mod.ts";

/** Which relays packets pass, as upstream metrics name it. The first word is our end. */
export type RouteShape =
  | "PeerToPeer"
  | "PeerToRelay"
  | "RelayToPeer"
  | "RelayToRelay";

/** Where a message leaves and where it goes. */
export interface Way {
  /** Whether it leaves through our relay. */
  readonly viaRelay: boolean;
  /** The address to send from; `null` through a relay. */
  readonly source: IpAddress | null;
  /** The peer, even when messages to it leave through our relay. */
  readonly destination: SocketAddress;
}

/** Where a connection's packets go. Made anew whenever another path is selected. */
export interface Route extends Way {
  /** What it passes. */
  readonly shape: RouteShape;
}

/** Makes the way from a candidate of ours, whose packets leave from `socket`. */
export function wayBetween(
  localKind: CandidateKind,
  socket: SocketAddress,
  destination: SocketAddress,
): Way {
  const viaRelay = localKind === "relay";
  return { viaRelay, source: viaRelay ? null : socket.ip, destination };
}

/** Makes the route of a selected pair. */
export function routeBetween(
  localKind: CandidateKind,
  socket: SocketAddress,
  remote: { readonly kind: CandidateKind; readonly address: SocketAddress },
): Route {
  const way = wayBetween(localKind, socket, remote.address);
  const shape = shapeOf(way.viaRelay, remote.kind === "relay");
  return { ...way, shape };
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
  const payload = shortLivedBytes(CHANNEL_DATA_HEADER_LENGTH + message.length);
  writeChannelDataHeader(payload, 0, channel, message.length);
  payload.set(message, CHANNEL_DATA_HEADER_LENGTH);
  return { source: null, localPort: 0, destination: relaySocket, payload };
}

function shapeOf(viaRelay: boolean, toRelay: boolean): RouteShape {
  if (viaRelay) return toRelay ? "RelayToRelay" : "RelayToPeer";
  return toRelay ? "PeerToRelay" : "PeerToPeer";
}
