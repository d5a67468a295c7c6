/**
 * All connections of one node: relays, paths, tunnels, and which datagram belongs to which, p2p spec §1.
 *
 * A connection to a peer is an ICE agent, which looks for a path, and a
 * WireGuard tunnel, which neither knows nor cares about paths. What the tunnel
 * wants to send before there is a path is kept; what a path brings in goes to
 * the tunnel whatever path it took. A connection is established once both are
 * there. It goes idle when it carries nothing, which only slows checks down.
 *
 * Relays belong to the node. All connections offer the node's own addresses as
 * the relays see them, and each offers its addresses on one relay. A relay
 * that is lost takes those addresses along, and its connections move to
 * another one.
 *
 * `Node` is the core: messages of the portal and datagrams come in by call,
 * decrypted packets leave through a sink, everything else is polled. On the
 * way of a packet it allocates nothing: a packet only marks its connection as
 * touched, and what follows from that is worked off when the node is polled.
 *
 * Connections without ICE (p2p spec §3) are not supported; the portal must
 * be told so.
 *
 * @module
 */
export { Node, type NodeOptions, type UpsertVerdict } from "./node.ts";
export type { NodeEvent, NodeSnapshot, RelaySnapshot } from "./node_event.ts";
export type { PeerConfig, PeerId } from "./peer_config.ts";
export type {
  RelayConfig,
  RelayReadiness,
  RelayUpdate,
} from "./allocations.ts";
export type { FailureReason, SendVerdict } from "./connection_event.ts";
export type {
  DatagramRefusal,
  DatagramVerdict,
  NodeRefusal,
  ReceivedPacket,
} from "./refusals.ts";
export type { RouteShape } from "./route.ts";
