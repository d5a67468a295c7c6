import type { HistogramSnapshot } from "../base/mod.ts";
import type { FailureReason } from "./connection_event.ts";
import type { RelaySnapshot } from "./connection_snapshot.ts";
import type { PeerId } from "./peer_config.ts";
import type { DatagramRefusal, NodeRefusal } from "./refusals.ts";
import type { RouteShape } from "./route.ts";
import type { TrafficSnapshot } from "./traffic.ts";

/** What a node tells its owner. */
export type NodeEvent =
  | {
    /** Candidate lines to signal to the peer. */
    readonly kind: "candidates";
    /** Whom to tell. */
    readonly peer: PeerId;
    /** Best first. */
    readonly added: readonly string[];
    /** Best first. To be sent after the additions. */
    readonly removed: readonly string[];
  }
  | {
    /** Packets can pass, or pass another way. */
    readonly kind: "established" | "path-changed";
    /** With whom. */
    readonly peer: PeerId;
    /** Whether packets pass a relay on either end. */
    readonly path: "direct" | "relayed";
    /** Time since the connection was created, in ms. */
    readonly tookMs: number;
  }
  | {
    /** The connection is gone; the peer was not told. */
    readonly kind: "failed";
    /** With whom. */
    readonly peer: PeerId;
    /** Why. */
    readonly reason: FailureReason;
  }
  | {
    /** The peer has forgotten the connection, and so have we. */
    readonly kind: "goodbye";
    /** Who. */
    readonly peer: PeerId;
  }
  | {
    /** The last relay is lost: the portal is to be asked for others. */
    readonly kind: "no-relays";
  };

/** A node at a moment, for metrics. */
export interface NodeSnapshot {
  /** Number of connections in any state. */
  readonly connections: number;
  /** Number of connections with a path, by what the path passes. */
  readonly routes: Readonly<Record<RouteShape, number>>;
  /** The relays. */
  readonly relays: readonly RelaySnapshot[];
  /** What passed in all connections, those that are gone included. */
  readonly traffic: TrafficSnapshot;
  /** How long handshakes took, in ms. */
  readonly handshakes: HistogramSnapshot;
  /** Datagrams that were not accepted, by reason. */
  readonly datagrams: Readonly<Record<DatagramRefusal, number>>;
  /** Other input that was not accepted, by reason. */
  readonly inputs: Readonly<Record<NodeRefusal, number>>;
}
