import {
  elapsedMs,
  formatSocketAddress,
  type Instant,
  type SocketAddress,
} from "../base/mod.ts";
import type { Relay } from "./allocations.ts";
import type { Connection, ConnectionStage } from "./connection.ts";
import type { PeerId } from "./peer_config.ts";
import { pathOf, type RouteShape } from "./route.ts";
import type { TrafficSnapshot } from "./traffic.ts";

/** One connection at a moment. Plain data without secrets. */
export interface ConnectionSnapshot {
  /** The peer. */
  readonly peer: PeerId;
  /** How far it is; `idle` is connected without packets for a while. */
  readonly stage: ConnectionStage;
  /** How its path is found. */
  readonly mode: "ice" | "iceless";
  /** What kind of path packets take; `null` before there is one. */
  readonly path: "direct" | "relayed" | null;
  /** Which ends are relays; `null` before there is a path. */
  readonly shape: RouteShape | null;
  /** The relay of ours that packets pass; `null` when they pass none of ours. */
  readonly relay: string | null;
  /** The peer's address, or its address on its relay; `null` before there is a path. */
  readonly remote: string | null;
  /** Smoothed round-trip time of the path in ms; `null` while unknown. */
  readonly roundTripMs: number | null;
  /** How old the keys of the session are in ms; `null` without a session. */
  readonly handshakeAgeMs: number | null;
  /** How long the connection exists, in ms. */
  readonly ageMs: number;
  /** What passed. */
  readonly traffic: TrafficSnapshot;
}

/** Describes a connection. */
export function describeConnection(
  connection: Connection,
  now: Instant,
): ConnectionSnapshot {
  const { finder, id, relay, route, stage, traffic, tunnel } = connection;
  const establishedAt = tunnel.sessionEstablishedAt;
  return {
    peer: id,
    stage,
    mode: finder.mode,
    path: route ? pathOf(route) : null,
    shape: route?.shape ?? null,
    relay: route?.viaRelay ? relay?.config.id ?? null : null,
    remote: route ? formatSocketAddress(route.destination) : null,
    roundTripMs: finder.roundTripMs ?? null,
    handshakeAgeMs: establishedAt === undefined
      ? null
      : elapsedMs(establishedAt, now),
    ageMs: elapsedMs(connection.createdAt, now),
    traffic: traffic.snapshot(),
  };
}

/** One relay at a moment. Plain data without secrets. */
export interface RelaySnapshot {
  /** The portal's name for it. */
  readonly id: string;
  /** Where it is reached. */
  readonly addresses: readonly string[];
  /** How far we are with it: no answer yet, an answer, or addresses that peers can send to. */
  readonly state: "asking" | "answered" | "allocated";
  /** Our addresses there. */
  readonly allocated: readonly string[];
  /** Smoothed round-trip time in ms, `null` before the first answer. */
  readonly roundTripMs: number | null;
}

/** Describes a relay. */
export function describeRelay({ config, allocation }: Relay): RelaySnapshot {
  const relayed = [allocation.relayed(4), allocation.relayed(6)];
  const isThere = (it: SocketAddress | undefined) => it !== undefined;
  return {
    id: config.id,
    addresses: allocation.addresses().map(formatSocketAddress),
    state: allocation.state,
    allocated: relayed.filter(isThere).map(formatSocketAddress),
    roundTripMs: allocation.roundTripMs ?? null,
  };
}
