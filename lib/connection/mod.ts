/**
 * All connections of one node: relays, paths, tunnels, and which datagram belongs to which, p2p spec §1.
 *
 * A connection to a peer is a `PathFinder`, which looks for a path, and a
 * WireGuard tunnel, which neither knows nor cares about paths. What a path
 * brings in goes to the tunnel whatever path it took. A connection is
 * established once both are there.
 *
 * There are two ways to find a path, and for each connection the portal says
 * which is used. With ICE (`IceFinder`) a path comes first: what the tunnel
 * wants to send before that is kept, and checks slow down when the connection
 * carries nothing. Without ICE (`IcelessFinder`) the handshake comes first: it
 * goes out on many paths, each answer takes the way back that its question
 * came, and from then on probes inside the tunnel choose the path.
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
 * @module
 */
export {
  Node,
  type NodeOptions,
  type ResetVerdict,
  type UpsertVerdict,
} from "./node.ts";
export type { NodeEvent, NodeSnapshot } from "./node_event.ts";
export type { ConnectionStage } from "./connection.ts";
export type {
  ConnectionSnapshot,
  RelaySnapshot,
} from "./connection_snapshot.ts";
export type { TrafficSnapshot } from "./traffic.ts";
export type { PeerConfig, PeerId } from "./peer_config.ts";
export type {
  RelayConfig,
  RelayReadiness,
  RelayUpdate,
} from "./allocations.ts";
export {
  type FailureReason,
  SEND_VERDICTS,
  type SendVerdict,
} from "./connection_event.ts";
export type {
  DatagramRefusal,
  DatagramVerdict,
  NodeRefusal,
  ReceivedPacket,
} from "./refusals.ts";
export type { RouteShape } from "./route.ts";
