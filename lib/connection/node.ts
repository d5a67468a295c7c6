import {
  Counters,
  type Datagram,
  type DatagramSink,
  earlier,
  type Ecn,
  type Epoch,
  Histogram,
  type Instant,
  type Logger,
  type PacketSink,
  Queue,
  type RandomSource,
  type Transmit,
} from "../base/mod.ts";
import { type PacketCipher, x25519PublicKey } from "../crypto/mod.ts";
import { type IceRole, TransactionTable } from "../ice/mod.ts";
import type { LocalCandidate } from "../turn/mod.ts";
import { type CandidateKind, encodeGoodbye } from "../wire/mod.ts";
import { IndexTable } from "../wireguard/mod.ts";
import {
  Allocations,
  type Relay,
  type RelayReadiness,
  type RelayUpdate,
} from "./allocations.ts";
import type { Connection } from "./connection.ts";
import type { SendVerdict } from "./connection_event.ts";
import {
  type ConnectionSnapshot,
  describeConnection,
  describeRelay,
} from "./connection_snapshot.ts";
import { ConnectionFactory } from "./connection_factory.ts";
import { ConnectionTable } from "./connection_table.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { NodeEvent, NodeSnapshot } from "./node_event.ts";
import { isSamePeer, type PeerConfig, type PeerId } from "./peer_config.ts";
import { relayCandidatesOf, RelayMigration } from "./relay_migration.ts";
import {
  DATAGRAM_REFUSALS,
  type DatagramRefusal,
  type DatagramVerdict,
  NODE_REFUSALS,
  type NodeRefusal,
  type ReceivedPacket,
} from "./refusals.ts";
import type { RouteShape } from "./route.ts";
import { Traffic } from "./traffic.ts";

/** Most transmits that wait to be polled. */
const TRANSMIT_LIMIT = 8192;

/** Most events that wait to be polled. */
const EVENT_LIMIT = 8192;

/** Bounds of the buckets that handshakes are counted in, in ms: from a LAN to two losses. */
const HANDSHAKE_BOUNDS_MS: readonly number[] = [
  1,
  2.5,
  5,
  10,
  25,
  50,
  100,
  250,
  500,
  1_000,
  2_500,
  5_000,
  10_000,
];

/** What a `Node` is made of. */
export interface NodeOptions {
  /** `controlled` for a gateway, `controlling` for a client. */
  readonly role: IceRole;
  /** The node's static private key. */
  readonly staticPrivateKey: Uint8Array;
  /** Ties `Instant` to the wall clock. */
  readonly epoch: Epoch;
  /** The current time. */
  readonly now: Instant;
  /** Source of keys, ids and jitter. */
  readonly random: RandomSource;
  /** Seals and opens packets. Received datagrams lie in its arena. */
  readonly cipher: PacketCipher;
  /** Where decisions are logged. */
  readonly log: Logger;
}

/** What became of an upsert. */
export type UpsertVerdict = "created" | "reused" | "no-relays";

/** What became of the connections when our network changed. */
export type ResetVerdict = "connections-kept" | "connections-dropped";

/** What depends on the node's static key. */
interface Identity {
  readonly publicKey: Uint8Array;
  readonly factory: ConnectionFactory;
  readonly dispatcher: Dispatcher;
}

/** One end of all connections: relays, paths, tunnels, and which datagram belongs to which. p2p spec §1. */
export class Node {
  /** Datagrams that were not accepted, by reason. */
  readonly counters: Counters<DatagramRefusal> = new Counters(
    DATAGRAM_REFUSALS,
  );
  /** Other input that was not accepted, by reason. */
  readonly inputCounters: Counters<NodeRefusal> = new Counters(NODE_REFUSALS);
  readonly #handshakes = new Histogram(HANDSHAKE_BOUNDS_MS);
  /** Of connections that are gone. */
  readonly #formerTraffic = new Traffic();
  readonly #connections = new ConnectionTable();
  readonly #indices = new IndexTable<Connection>();
  readonly #allocations: Allocations;
  readonly #migration: RelayMigration;
  readonly #options: NodeOptions;
  #identity: Identity;
  readonly #transmits = new Queue<Transmit>(TRANSMIT_LIMIT);
  readonly #events = new Queue<NodeEvent>(EVENT_LIMIT);
  #now: Instant;

  /** Creates a node without relays and connections. */
  constructor(options: NodeOptions) {
    const { random, log, now } = options;
    this.#now = now;
    this.#allocations = new Allocations(random, log);
    this.#migration = new RelayMigration(this.#allocations, this.#connections);
    this.#options = options;
    this.#identity = this.#identityOf(options.staticPrivateKey, now);
  }

  /** The node's static public key. */
  get publicKey(): Uint8Array {
    return this.#identity.publicKey;
  }

  /** The packet that the last `handleDatagram` with the verdict `packet` brought. Valid until the next call. */
  get received(): ReceivedPacket {
    return this.#identity.dispatcher.received;
  }

  /** The number of connections. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Whether a connection can be made: without a usable relay `upsertConnection` says `no-relays`. Allocates nothing. */
  get relayReadiness(): RelayReadiness {
    return this.#allocations.readiness;
  }

  /** Takes a change of the set of relays from the portal. */
  updateRelays(update: RelayUpdate, now: Instant): void {
    this.#now = now;
    this.#allocations.update(update, now);
    this.#migration.noteUpdate(now);
    this.#settleAllocations(now);
  }

  /**
   * Starts over because our network changed, on new sockets, p2p spec §1.9:
   * asks all relays anew.
   *
   * Connections without ICE find other paths by themselves. If there is one
   * with ICE, all are forgotten without a word and the node takes another key,
   * of which the portal has to be told `publicKey`.
   */
  reset(staticPrivateKey: Uint8Array, now: Instant): ResetVerdict {
    this.#now = now;
    this.#settle();
    const connections = [...this.#connections.values()];
    const mustDrop = connections.some(({ finder }) => finder.mode === "ice");
    for (const connection of connections) {
      if (mustDrop) this.#forget(connection);
      else {
        connection.roam(now);
        this.#connections.touch(connection);
      }
    }
    if (mustDrop) this.#identity = this.#identityOf(staticPrivateKey, now);
    this.#allocations.restart(now);
    this.#settleAllocations(now);
    return mustDrop ? "connections-dropped" : "connections-kept";
  }

  /** Finds out at once what a change of our own addresses means. Connections stay, p2p spec §1.9. */
  verifyRelays(now: Instant): void {
    this.#now = now;
    this.#allocations.verify(now);
    this.#settleAllocations(now);
  }

  /**
   * Makes sure that there is a connection to a peer, p2p spec §1.6.
   *
   * An existing one is kept only if nothing about it differs. With
   * `no-relays` nothing has changed, and the peer must not be told that it may connect.
   */
  upsertConnection(peer: PeerConfig, now: Instant): UpsertVerdict {
    this.#now = now;
    const existing = this.#connections.get(peer.id);
    if (existing && isSamePeer(existing.config, peer)) {
      existing.reuse(now);
      this.#connections.touch(existing);
      return "reused";
    }
    const relay = this.#allocations.sample();
    if (!relay) return "no-relays";
    if (existing) this.#forget(existing);
    this.#create(peer, relay, now);
    return "created";
  }

  /** Forgets the connection to a peer, after telling the peer if that is wanted and possible. */
  closeConnection(
    id: PeerId,
    options: { readonly goodbye: boolean },
    now: Instant,
  ): void {
    this.#now = now;
    const connection = this.#connections.get(id);
    if (!connection) return;
    if (options.goodbye) {
      connection.sendControl(encodeGoodbye(), now);
      this.#takeTransmits(connection);
    }
    this.#forget(connection);
  }

  /** Takes a candidate line that the peer signalled. One that cannot be used is counted and has no effect. */
  addRemoteCandidate(id: PeerId, line: string, now: Instant): void {
    this.#now = now;
    const connection = this.#connectionFor(id);
    if (!connection) return;
    const result = connection.addRemoteCandidate(line, now);
    if (!result.ok) this.inputCounters.increment(result.error);
    this.#connections.touch(connection);
  }

  /** Takes the withdrawal of a candidate that the peer signalled. */
  removeRemoteCandidate(id: PeerId, line: string, now: Instant): void {
    this.#now = now;
    const connection = this.#connectionFor(id);
    if (!connection) return;
    const result = connection.removeRemoteCandidate(line, now);
    if (!result.ok) this.inputCounters.increment(result.error);
    this.#connections.touch(connection);
  }

  /**
   * Takes one received datagram.
   *
   * After `packet`, `received` describes an inner packet that lies in the
   * room reserved from `packets`, not committed.
   */
  handleDatagram(
    datagram: Datagram,
    now: Instant,
    packets: PacketSink,
  ): DatagramVerdict {
    this.#now = now;
    const { dispatcher } = this.#identity;
    const verdict = dispatcher.dispatch(datagram, now, packets);
    if (verdict !== "packet" && verdict !== "consumed") {
      this.counters.increment(verdict);
    }
    return verdict;
  }

  /** Begins to decrypt a datagram that `handleDatagram` is going to be given. Decides nothing. Returns `false` when there is no room for more. */
  openAhead(datagram: Datagram, now: Instant): boolean {
    return this.#identity.dispatcher.openAhead(datagram, now);
  }

  /** Encrypts the inner packet in `[start, end)` of the arena and commits it to `out`. */
  sendPacket(
    id: PeerId,
    start: number,
    end: number,
    now: Instant,
    out: DatagramSink,
    ecn: Ecn,
  ): SendVerdict {
    this.#now = now;
    const connection = this.#connections.get(id);
    if (connection === undefined) return "not-connected";
    this.#connections.touch(connection);
    return connection.send(start, end - start, now, out, ecn);
  }

  /** Encrypts a packet of our own and sends it, if the peer is connected. */
  sendControl(id: PeerId, packet: Uint8Array, now: Instant): void {
    this.#now = now;
    const connection = this.#connections.get(id);
    if (!connection) return;
    connection.sendControl(packet, now);
    this.#connections.touch(connection);
  }

  /** Says goodbye to all connected peers and forgets them. */
  stop(now: Instant): void {
    for (const { id } of [...this.#connections.values()]) {
      this.closeConnection(id, { goodbye: true }, now);
    }
  }

  /** Advances to `now`. Safe to call early, late or twice. */
  handleTimeout(now: Instant): void {
    this.#now = now;
    if (now >= this.#allocations.pollTimeout()) {
      this.#allocations.handleTimeout(now);
      this.#settleAllocations(now);
    }
    this.#migration.handleTimeout(now);
    this.#connections.handleTimeout(now);
    this.#settle();
  }

  /** When `handleTimeout` has something to do. */
  pollTimeout(): Instant {
    this.#settle();
    const dueAt = earlier(this.#connections.dueAt, this.#migration.dueAt);
    return earlier(dueAt, this.#allocations.pollTimeout());
  }

  /** Returns the next datagram to send. */
  pollTransmit(): Transmit | undefined {
    this.#settle();
    return this.#allocations.pollTransmit() ?? this.#transmits.shift();
  }

  /** Returns the next event. */
  pollEvent(): NodeEvent | undefined {
    this.#settle();
    return this.#events.shift();
  }

  /** Returns the state of relays and connections for metrics. */
  snapshot(): NodeSnapshot {
    const routes: Record<RouteShape, number> = {
      PeerToPeer: 0,
      PeerToRelay: 0,
      RelayToPeer: 0,
      RelayToRelay: 0,
    };
    const traffic = new Traffic();
    traffic.add(this.#formerTraffic);
    for (const connection of this.#connections.values()) {
      const { route } = connection;
      if (route) routes[route.shape]++;
      traffic.add(connection.traffic);
    }
    return {
      connections: this.#connections.size,
      routes,
      relays: this.#allocations.relays.map(describeRelay),
      traffic: traffic.snapshot(),
      handshakes: this.#handshakes.snapshot(),
      datagrams: this.counters.snapshot(),
      inputs: this.inputCounters.snapshot(),
    };
  }

  /** Returns when packets of applications were last exchanged with a peer, or candidates changed; `undefined` for one that is not connected. */
  lastActivityOf(id: PeerId): Instant | undefined {
    return this.#connections.get(id)?.lastActivityAt;
  }

  /** Describes each connection. Costs some µs for each, so for people, not for every second. */
  describeConnections(now: Instant): ConnectionSnapshot[] {
    return [...this.#connections.values()].map((connection) =>
      describeConnection(connection, now)
    );
  }

  #identityOf(staticPrivateKey: Uint8Array, now: Instant): Identity {
    const staticPublicKey = x25519PublicKey(staticPrivateKey);
    const shared = {
      ...this.#options,
      staticPrivateKey,
      staticPublicKey,
      now,
      transactions: new TransactionTable(),
      indices: this.#indices,
    };
    const dispatcher = new Dispatcher({
      ...shared,
      allocations: this.#allocations,
      connections: this.#connections,
      transmit: (transmit) => this.#transmits.push(transmit),
      handleGoodbye: (connection) => this.#handleGoodbye(connection),
    });
    const factory = new ConnectionFactory(shared);
    return { publicKey: staticPublicKey, factory, dispatcher };
  }

  #create(config: PeerConfig, relay: Relay, now: Instant): void {
    const connection = this.#identity.factory.create(config, relay, now);
    this.#connections.add(connection);
    const candidates = [
      ...this.#allocations.sharedCandidates(),
      ...relayCandidatesOf(relay),
    ];
    connection.addLocalCandidates(candidates.sort(bestFirst), now);
    connection.start(now);
  }

  #handleGoodbye(connection: Connection): void {
    this.#events.push({ kind: "goodbye", peer: connection.id });
    this.#forget(connection);
  }

  /** Works off what the input since the last poll has led to. */
  #settle(): void {
    const now = this.#now;
    this.#settleAllocations(now);
    const connections = this.#connections;
    for (let c = connections.takeTouched(); c; c = connections.takeTouched()) {
      const isForgotten = connections.get(c.id) !== c;
      if (!isForgotten) this.#settleConnection(c, now);
    }
  }

  #settleConnection(connection: Connection, now: Instant): void {
    const peer = connection.id;
    connection.settle(now);
    this.#takeTransmits(connection);
    const signals = connection.takeSignals();
    this.inputCounters.add("too-many-channels", connection.takeRefusedBinds());
    if (signals) this.#events.push({ kind: "candidates", peer, ...signals });
    for (let e = connection.pollEvent(); e; e = connection.pollEvent()) {
      if (e.kind === "handshake") this.#handshakes.observe(e.tookMs);
      else this.#events.push({ ...e, peer });
    }
    if (connection.hasFailed) this.#forget(connection);
    else this.#connections.reschedule(connection, now);
  }

  #takeTransmits(connection: Connection): void {
    for (let t = connection.pollTransmit(); t; t = connection.pollTransmit()) {
      this.#transmits.push(t);
    }
  }

  #settleAllocations(now: Instant): void {
    const isLastLost = this.#migration.settle(now);
    if (isLastLost) this.#events.push({ kind: "no-relays" });
  }

  #connectionFor(id: PeerId): Connection | undefined {
    const connection = this.#connections.get(id);
    if (!connection) this.inputCounters.increment("unknown-peer");
    return connection;
  }

  #forget(connection: Connection): void {
    this.#connections.remove(connection);
    this.#formerTraffic.add(connection.traffic);
    this.#indices.remove(connection.connectionId);
    connection.tunnel.close();
  }
}

/** Orders candidates as they are added, best first: priorities fall with each addition. */
function bestFirst(a: LocalCandidate, b: LocalCandidate): number {
  const byKind = KIND_ORDER.indexOf(a.kind) - KIND_ORDER.indexOf(b.kind);
  return byKind || b.address.ip.family - a.address.ip.family;
}

const KIND_ORDER: readonly CandidateKind[] = [
  "host",
  "prflx",
  "srflx",
  "relay",
];
