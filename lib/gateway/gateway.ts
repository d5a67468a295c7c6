import {
  type Arena,
  type Datagram,
  type DatagramSink,
  earlier,
  elapsedMs,
  type Epoch,
  type Instant,
  type Logger,
  type PacketSink,
  type RandomSource,
  randomU32,
  type Transmit,
  unreachable,
} from "../base/mod.ts";
import { type FlowSnapshot, FlowTracker } from "../flow_log/mod.ts";
import type { NodeEvent, NodeSnapshot } from "../connection/mod.ts";
import {
  TUNNEL_RANGE_V4,
  TUNNEL_RANGE_V6,
  type TunnelAddresses,
} from "../policy/mod.ts";
import type { CreateAuthorization, GatewayInit, Relay } from "../portal/mod.ts";
import { Authorizations } from "./authorizations.ts";
import type { Client } from "./client.ts";
import { ClientDirectory } from "./client_directory.ts";
import { DRAIN_SILENCE_MS } from "./constants.ts";
import {
  DataPath,
  type InboundOutcome,
  type OutboundOutcome,
} from "./data_path.ts";
import { type ControlOutcome, DomainService } from "./domain_service.ts";
import type { CloseReason, GatewayEvent, GatewayInput } from "./events.ts";
import type { GatewayNode } from "./gateway_node.ts";
import type { IcmpReplyOutcome } from "./icmp_replies.ts";
import { Outbox } from "./outbox.ts";
import { describePeers, type PeerSnapshot } from "./peer_snapshot.ts";

/** What a gateway is made of. */
export interface GatewayOptions {
  /** The connections to all clients. */
  readonly node: GatewayNode;
  /** The memory that packets lie in. */
  readonly arena: Arena;
  /** Maps expiry times to the monotonic clock. */
  readonly epoch: Epoch;
  /** Makes the tables of clients unpredictable. */
  readonly random: RandomSource;
  /** Where log lines go. */
  readonly log: Logger;
  /** Whether flows are tracked also when the portal does not ask for it. */
  readonly trackFlows?: boolean;
}

/** State and counters for health checks and metrics. Plain data. */
export interface GatewaySnapshot {
  /** Whether the portal has told us our addresses. */
  readonly initialized: boolean;
  /** Clients that may reach something. */
  readonly clients: number;
  /** Authorizations of all clients. */
  readonly authorizations: number;
  /** Packets from clients by what became of them. */
  readonly outbound: Readonly<Record<OutboundOutcome, number>>;
  /** Packets from the TUN device by what became of them. */
  readonly inbound: Readonly<Record<InboundOutcome, number>>;
  /** ICMP errors that clients were owed by what became of them. */
  readonly icmpReplies: Readonly<Record<IcmpReplyOutcome, number>>;
  /** In-tunnel messages of clients by what became of them, and of the names in them. */
  readonly control: Readonly<Record<ControlOutcome, number>>;
  /** Names that are being looked up. */
  readonly questions: number;
  /** Proxy addresses of all clients. */
  readonly translations: number;
  /** Flows through proxy addresses of all clients. */
  readonly natSessions: number;
  /** What clients and resources exchange. */
  readonly flows: FlowSnapshot;
  /** Relays and connections. */
  readonly node: NodeSnapshot;
  /** Events that were lost because the shell did not take them. */
  readonly lostEvents: number;
}

/** A whole gateway without I/O. */
export class Gateway {
  readonly #node: GatewayNode;
  readonly #epoch: Epoch;
  readonly #clients = new ClientDirectory();
  readonly #outbox = new Outbox();
  readonly #authorizations: Authorizations;
  readonly #domains: DomainService;
  readonly #flows: FlowTracker;
  readonly #dataPath: DataPath;
  /** Our own addresses; unknown before the first `init`, and nobody has access until then. */
  #addresses: TunnelAddresses | undefined;

  /** Creates a gateway that waits for `init`. */
  constructor(
    { node, arena, epoch, random, log, trackFlows = false }: GatewayOptions,
  ) {
    const clients = this.#clients;
    this.#node = node;
    this.#epoch = epoch;
    this.#authorizations = new Authorizations({
      clients,
      epoch,
      random,
      log,
      dismiss: (client, now) => this.#dismiss(client, now),
      discard: (client) => this.#domains.forget(client.id),
      isSilent: (client, now) => this.#isSilent(client, now),
      drained: () => this.#outbox.emit({ kind: "drained" }),
    });
    this.#domains = new DomainService(node, clients, this.#outbox);
    this.#flows = new FlowTracker({
      epoch,
      seed: randomU32(random),
      always: trackFlows,
    });
    this.#dataPath = new DataPath({
      node,
      arena,
      clients,
      domains: this.#domains,
      flows: this.#flows,
    });
  }

  /**
   * Applies a message of the portal, or news of the host.
   *
   * What the node has to say from before comes first: a goodbye must not
   * delete the record that a fresh authorization makes.
   */
  handleMessage(message: GatewayInput, now: Instant): void {
    this.#takeNodeEvents();
    this.#applyMessage(message, now);
  }

  /** Takes a datagram from the network. Packets that policy lets pass go to `packets`, answers to the others to `datagrams`. */
  handleDatagram(
    datagram: Datagram,
    now: Instant,
    packets: PacketSink,
    datagrams: DatagramSink,
  ): void {
    const outcome = this.#node.handleDatagram(datagram, now, packets);
    if (outcome !== "packet") return;
    this.#dataPath.handleReceived(
      datagram,
      now,
      packets,
      datagrams,
      this.#addresses,
    );
  }

  /** Takes the packet `[start, end)` from the TUN device. What policy lets pass goes to `datagrams`, encrypted. */
  handlePacket(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
    datagrams: DatagramSink,
  ): void {
    this.#dataPath.handlePacket(
      bytes,
      start,
      end,
      now,
      datagrams,
      this.#addresses,
    );
  }

  /** Says goodbye to all clients and forgets them. All flows end; what is to be told of them can be polled. */
  stop(now: Instant): void {
    this.#flows.stop(now);
    this.#node.stop(now);
    this.#authorizations.clear();
    this.#domains.clear();
  }

  /** Advances to `now`. Safe to call early, late or twice. */
  handleTimeout(now: Instant): void {
    this.#node.handleTimeout(now);
    this.#takeNodeEvents();
    this.#domains.handleTimeout(now);
    this.#authorizations.handleTimeout(now);
    this.#flows.handleTimeout(now);
  }

  /** Returns when `handleTimeout` is due. */
  pollTimeout(): Instant {
    const dueAt = earlier(
      this.#authorizations.pollTimeout(),
      this.#domains.pollTimeout(),
    );
    const nodeDueAt = this.#node.pollTimeout();
    return earlier(earlier(nodeDueAt, dueAt), this.#flows.pollTimeout());
  }

  /** Returns the next control datagram to send. */
  pollTransmit(): Transmit | undefined {
    return this.#node.pollTransmit();
  }

  /** Returns the next event. */
  pollEvent(): GatewayEvent | undefined {
    this.#takeNodeEvents();
    return this.#outbox.shift() ?? this.#flowReports();
  }

  /** Returns a copy of all counters and the state that outsiders may see. */
  snapshot(): GatewaySnapshot {
    let translations = 0;
    let natSessions = 0;
    for (const client of this.#clients.all()) {
      translations += client.translationCount;
      natSessions += client.nat.size;
    }
    return {
      initialized: this.#addresses !== undefined,
      clients: this.#clients.size,
      authorizations: this.#authorizations.size,
      outbound: this.#dataPath.outbound.snapshot(),
      inbound: this.#dataPath.inbound.snapshot(),
      icmpReplies: this.#dataPath.icmpReplies.snapshot(),
      control: this.#domains.counters.snapshot(),
      questions: this.#domains.questionCount,
      translations,
      natSessions,
      flows: this.#flows.snapshot(),
      node: this.#node.snapshot(),
      lostEvents: this.#outbox.lost,
    };
  }

  /** Describes each client. Costs some µs for each, so for people, not for every second. */
  describe(now: Instant): PeerSnapshot[] {
    const connections = this.#node.describeConnections(now);
    return describePeers(this.#clients.all(), connections, this.#epoch, now);
  }

  #applyMessage(message: GatewayInput, now: Instant): void {
    switch (message.kind) {
      case "init":
        return this.#applyInit(message, now);
      case "create-authorization":
        return this.#createAuthorization(message, now);
      case "reject-access":
        return this.#authorizations.reject(
          message.clientId,
          message.resourceId,
          now,
        );
      case "resource-updated":
        return this.#authorizations.updateFilters(message.resource);
      case "ice-candidates":
        for (const candidate of message.candidates) {
          this.#node.addRemoteCandidate(message.clientId, candidate, now);
        }
        return;
      case "invalidate-ice-candidates":
        for (const candidate of message.candidates) {
          this.#node.removeRemoteCandidate(message.clientId, candidate, now);
        }
        return;
      case "relays-presence":
        return this.#updateRelays(
          message.disconnectedIds,
          message.connected,
          now,
        );
      case "network-changed":
        this.#node.verifyRelays(now);
        return this.#outbox.emit({ kind: "reconnect-portal" });
      case "drain":
        return this.#authorizations.drain(now);
      case "domain-resolved":
        return this.#domains.handleResolved(
          message.queryId,
          message.addresses,
          now,
        );
      default:
        return unreachable(message);
    }
  }

  /** Reports wait with the flows, not in the outbox, so that many of them cannot take the room of other events. */
  #flowReports(): GatewayEvent | undefined {
    const reports = this.#flows.pollReports();
    return reports && { kind: "flow-reports", reports };
  }

  #applyInit(message: GatewayInit, now: Instant): void {
    this.#flows.configure(message.flowLogs.uploadIntervalSecs);
    this.#updateRelays([], message.relays, now);
    this.#addresses = message.interface;
    this.#authorizations.reconcile(message.authorizations, now);
    this.#outbox.emit({
      kind: "configure-interface",
      ipv4: message.interface.ipv4,
      ipv6: message.interface.ipv6,
      routes: [TUNNEL_RANGE_V4, TUNNEL_RANGE_V6],
    });
  }

  /**
   * Connects a client and lets it reach a resource (portal spec §4.4.2).
   *
   * The answer goes out before the node's candidates are taken: a client
   * drops candidates for a gateway that it was not told about.
   */
  #createAuthorization(message: CreateAuthorization, now: Instant): void {
    const { client } = message;
    const outcome = this.#node.upsertConnection({
      id: client.id,
      publicKey: client.publicKey,
      presharedKey: client.presharedKey,
      localCredentials: message.gatewayIceCredentials,
      remoteCredentials: message.clientIceCredentials,
      useIceless: message.useIceless,
    }, now);
    if (outcome === "no-relays") return this.#outbox.requestRelays();

    if (this.#addresses !== undefined) {
      this.#authorizations.grant(message, now);
    }
    this.#outbox.request({ kind: "authorization-created", ref: message.ref });
  }

  #updateRelays(
    removed: readonly string[],
    upserted: readonly Relay[],
    now: Instant,
  ): void {
    this.#node.updateRelays({ removed, upserted }, now);
  }

  /** Says goodbye to a client that may not reach anything. */
  #dismiss(client: Client, now: Instant): void {
    this.#node.closeConnection(client.id, { goodbye: true }, now);
    this.#forget(client.id, "no-authorizations");
  }

  #isSilent({ id }: Client, now: Instant): boolean {
    const at = this.#node.lastActivityOf(id);
    return at === undefined || elapsedMs(at, now) >= DRAIN_SILENCE_MS;
  }

  #forget(clientId: string, reason: CloseReason): void {
    const client = this.#clients.byId(clientId);
    if (client !== undefined) this.#clients.remove(client);
    this.#domains.forget(clientId);
    this.#outbox.emit({ kind: "connection-closed", clientId, reason });
  }

  #takeNodeEvents(): void {
    let event = this.#node.pollEvent();
    while (event !== undefined) {
      this.#handleNodeEvent(event);
      event = this.#node.pollEvent();
    }
  }

  #handleNodeEvent(event: NodeEvent): void {
    switch (event.kind) {
      case "candidates":
        return this.#outbox.signalCandidates(
          event.peer,
          event.added,
          event.removed,
        );
      case "established":
        return this.#outbox.emit({
          kind: "connection-established",
          clientId: event.peer,
          path: event.path,
          tookMs: event.tookMs,
        });
      case "path-changed":
        return this.#outbox.emit({
          kind: "connection-path-changed",
          clientId: event.peer,
          path: event.path,
        });
      case "failed":
        return this.#outbox.emit({
          kind: "connection-failed",
          clientId: event.peer,
          reason: event.reason,
        });
      case "goodbye":
        return this.#forget(event.peer, "goodbye");
      case "no-relays":
        return this.#outbox.requestRelays();
      default:
        return unreachable(event);
    }
  }
}
