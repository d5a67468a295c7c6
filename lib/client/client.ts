import {
  type Arena,
  type Datagram,
  type DatagramSink,
  earlier,
  type Instant,
  type Logger,
  type PacketSink,
  type Transmit,
  unreachable,
} from "../base/mod.ts";
import type { NodeEvent, NodeSnapshot } from "../connection/mod.ts";
import type {
  AuthorizationCreated,
  ClientInit,
  ClientInterface,
  ClientMessage,
  ClientResource,
} from "../portal/mod.ts";
import type { ClientNode } from "./client_node.ts";
import {
  DataPath,
  type InboundOutcome,
  type OutboundOutcome,
} from "./data_path.ts";
import type { ClientEvent, ClientInput } from "./events.ts";
import { Gateways } from "./gateways.ts";
import { Grants } from "./grants.ts";
import type { IcmpReplyOutcome } from "./icmp_replies.ts";
import { InterfacePlan } from "./interface_plan.ts";
import { NatSetups, type StatusOutcome } from "./nat_setups.ts";
import { Outbox } from "./outbox.ts";
import { PacketSender } from "./packet_sender.ts";
import { ReleaseSink } from "./release_sink.ts";
import { Requests } from "./requests.ts";
import { type Route, Routes } from "./routes.ts";
import { type QueryOutcome, StubResolver } from "./stub_resolver.ts";

/** What a client is made of. */
export interface ClientOptions {
  /** The connections to all gateways; we control them. */
  readonly node: ClientNode;
  /** The memory of packets, the same as the node's. */
  readonly arena: Arena;
  /** Whether an Internet resource is used when there is one. */
  readonly usesInternet: boolean;
  /** Where decisions are logged. */
  readonly log: Logger;
}

/** A client at a moment, for health and metrics. */
export interface ClientSnapshot {
  /** Whether the portal has told us our addresses. */
  readonly initialized: boolean;
  /** Resources of all kinds. */
  readonly resources: number;
  /** Resources that packets can go to without asking the portal. */
  readonly granted: number;
  /** Gateways that we have a connection to, established or not. */
  readonly gateways: number;
  /** Packets from the TUN device by what became of them. */
  readonly outbound: Readonly<Record<OutboundOutcome, number>>;
  /** Packets from gateways by what became of them. */
  readonly inbound: Readonly<Record<InboundOutcome, number>>;
  /** ICMP errors that applications were owed by what became of them. */
  readonly icmpReplies: Readonly<Record<IcmpReplyOutcome, number>>;
  /** DNS queries of the host by what became of them. */
  readonly queries: Readonly<Record<QueryOutcome, number>>;
  /** Answers of gateways about names by what became of them. */
  readonly domainStatuses: Readonly<Record<StatusOutcome, number>>;
  /** Relays and connections. */
  readonly node: NodeSnapshot;
  /** Events that were lost because the shell did not take them. */
  readonly lostEvents: number;
}

/** A whole client without I/O. */
export class Client {
  readonly #node: ClientNode;
  readonly #routes: Routes;
  readonly #gateways = new Gateways();
  readonly #outbox = new Outbox();
  readonly #requests: Requests;
  readonly #released: ReleaseSink;
  readonly #grants: Grants;
  readonly #setups: NatSetups;
  readonly #resolver: StubResolver;
  readonly #plan: InterfacePlan;
  readonly #dataPath: DataPath;
  /** What the portal said last; unknown before the first `init`. */
  #interface: ClientInterface | undefined;
  /** Whether the portal has yet to hear of our new key. */
  #isStartingOver = false;

  /** Creates a client that waits for `init`. */
  constructor({ node, arena, usesInternet, log }: ClientOptions) {
    const routes = new Routes(usesInternet);
    const gateways = this.#gateways;
    const outbox = this.#outbox;
    const released = new ReleaseSink(arena);
    const sender = new PacketSender(node, released);
    const requests = new Requests({ node, routes, gateways, outbox });
    const setups = new NatSetups({ routes, sender });
    this.#node = node;
    this.#routes = routes;
    this.#requests = requests;
    this.#released = released;
    this.#setups = setups;
    this.#grants = new Grants({ node, gateways, sender, setups, outbox, log });
    this.#resolver = new StubResolver({ routes, requests, setups, outbox });
    this.#plan = new InterfacePlan(routes, outbox);
    this.#dataPath = new DataPath({ node, routes, gateways, requests, setups });
  }

  /** All resources. */
  get resources(): IterableIterator<ClientResource> {
    return this.#routes.resources;
  }

  /**
   * Applies a message of the portal, or news of the host.
   *
   * What the node has to say from before comes first: a goodbye must not take
   * away the access that a fresh authorization brings.
   */
  handleMessage(message: ClientInput, now: Instant): void {
    this.#takeNodeEvents();
    this.#takeInput(message, now);
    this.#resolver.settle(now);
  }

  /** Takes a datagram from the network. What a gateway may send goes to `packets`. */
  handleDatagram(datagram: Datagram, now: Instant, packets: PacketSink): void {
    const verdict = this.#node.handleDatagram(datagram, now, packets);
    if (verdict === "consumed") return this.#requests.handleRelays(now);
    if (verdict !== "packet") return;
    const denied = this.#dataPath.handleReceived(
      packets,
      now,
      this.#interface,
    );
    if (denied) this.#handleDenial(denied, now);
  }

  /** Begins to decrypt a datagram that `handleDatagram` is going to be given. Returns `false` when there is no room for more. */
  openAhead(datagram: Datagram, now: Instant): boolean {
    return this.#node.openAhead(datagram, now);
  }

  /** Takes the packet `[start, end)` from the TUN device. It goes to `datagrams`, encrypted, or waits for access; if nothing permits it, an ICMP error goes to `packets`. */
  handlePacket(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
    datagrams: DatagramSink,
    packets: PacketSink,
  ): void {
    this.#dataPath.handlePacket(
      bytes,
      start,
      end,
      now,
      datagrams,
      packets,
      this.#interface,
    );
  }

  /** Says goodbye to all gateways and forgets them. */
  stop(now: Instant): void {
    this.#node.stop(now);
    for (const route of this.#routes.all()) route.access = { kind: "none" };
    this.#gateways.clear();
  }

  /** Advances to `now`. Safe to call early, late or twice. */
  handleTimeout(now: Instant): void {
    this.#node.handleTimeout(now);
    this.#takeNodeEvents();
    this.#requests.handleTimeout(now);
    this.#resolver.settle(now);
  }

  /** Returns when `handleTimeout` is due. */
  pollTimeout(): Instant {
    return earlier(
      this.#node.pollTimeout(),
      earlier(this.#requests.pollTimeout(), this.#resolver.pollTimeout()),
    );
  }

  /** Returns the next control datagram to send. */
  pollTransmit(): Transmit | undefined {
    return this.#node.pollTransmit() ?? this.#released.pollTransmit();
  }

  /** Returns the next event. */
  pollEvent(): ClientEvent | undefined {
    this.#takeNodeEvents();
    return this.#outbox.shift();
  }

  /** Returns a copy of all counters and the state that outsiders may see. */
  snapshot(): ClientSnapshot {
    const routes = [...this.#routes.all()];
    return {
      initialized: this.#interface !== undefined,
      resources: [...this.#routes.resources].length,
      granted: routes.filter(({ access }) => access.kind === "granted").length,
      gateways: this.#gateways.size,
      outbound: this.#dataPath.outbound.snapshot(),
      inbound: this.#dataPath.inbound.snapshot(),
      icmpReplies: this.#dataPath.icmpReplies.snapshot(),
      queries: this.#resolver.outcomes.snapshot(),
      domainStatuses: this.#setups.answers.snapshot(),
      node: this.#node.snapshot(),
      lostEvents: this.#outbox.lost,
    };
  }

  #takeInput(input: ClientInput, now: Instant): void {
    switch (input.kind) {
      case "network-changed":
        return this.#startOver(input.staticPrivateKey, now);
      case "dns-query":
        return this.#resolver.handleQuery(input, now);
      case "system-resolvers":
        return this.#resolver.useSystemResolvers(input.addresses);
      case "portal-addresses":
        this.#plan.bypass(input.addresses);
        return this.#configure();
      default:
        if (this.#hears(input)) this.#applyMessage(input, now);
    }
  }

  /**
   * Goes on from another network (p2p spec §1.9).
   *
   * When the connections could not be kept, what the portal still says on the
   * old connection is about the old key, so nothing is heard until it says
   * `init`.
   */
  #startOver(staticPrivateKey: Uint8Array, now: Instant): void {
    const verdict = this.#node.reset(staticPrivateKey, now);
    this.#takeNodeEvents();
    this.#outbox.emit({ kind: "rebind-sockets" });
    const { publicKey } = this.#node;
    this.#outbox.emit({ kind: "reconnect-portal", publicKey });
    if (verdict === "connections-kept") return;
    this.#isStartingOver = true;
    for (const id of this.#gateways.ids()) this.#grants.forget(id);
  }

  #hears({ kind }: ClientMessage): boolean {
    if (kind === "init") this.#isStartingOver = false;
    return !this.#isStartingOver;
  }

  #applyMessage(message: ClientMessage, now: Instant): void {
    switch (message.kind) {
      case "init":
        return this.#applyInit(message, now);
      case "config-changed":
        this.#setInterface(message.interface);
        return this.#configure();
      case "resource-created-or-updated":
        this.#upsertResource(message.resource, now);
        return this.#configure();
      case "resource-deleted":
        this.#removeResource(message.resourceId, now);
        return this.#configure();
      case "authorization-created":
        return this.#connect(message, now);
      case "authorization-creation-failed":
        return this.#handleRefusal(message.resourceId, message.reason, now);
      case "ice-candidates":
        for (const candidate of message.candidates) {
          this.#node.addRemoteCandidate(message.gatewayId, candidate, now);
        }
        return;
      case "invalidate-ice-candidates":
        for (const candidate of message.candidates) {
          this.#node.removeRemoteCandidate(message.gatewayId, candidate, now);
        }
        return;
      case "relays-presence":
        return this.#node.updateRelays({
          removed: message.disconnectedIds,
          upserted: message.connected,
        }, now);
      default:
        return unreachable(message);
    }
  }

  /** Applies the portal's snapshot: what it does not list is gone, relays excepted. Connections stay. */
  #applyInit(message: ClientInit, now: Instant): void {
    this.#node.updateRelays({ removed: [], upserted: message.relays }, now);
    this.#setInterface(message.interface);

    const listed = new Set(message.resources.map(({ id }) => id));
    for (const { id } of [...this.#routes.resources]) {
      if (!listed.has(id)) this.#removeResource(id, now);
    }
    for (const resource of message.resources) {
      this.#upsertResource(resource, now);
    }
    this.#configure();
    this.#requests.repeat(now);
  }

  #upsertResource(resource: ClientResource, now: Instant): void {
    const useless = this.#routes.upsert(resource);
    if (useless) this.#grants.withdraw(useless, now);
  }

  #removeResource(resourceId: string, now: Instant): void {
    const route = this.#routes.remove(resourceId);
    if (route) this.#grants.withdraw(route, now);
  }

  /** Connects to the gateway that the portal chose, or reuses the connection, and releases what waited. */
  #connect(message: AuthorizationCreated, now: Instant): void {
    const route = this.#routes.byId(message.resourceId);
    if (!route) return; // Deleted meanwhile.
    const verdict = this.#node.upsertConnection({
      id: message.gatewayId,
      publicKey: message.gatewayPublicKey,
      presharedKey: message.presharedKey,
      localCredentials: message.clientIceCredentials,
      remoteCredentials: message.gatewayIceCredentials,
      useIceless: message.useIceless,
    }, now);
    switch (verdict) {
      case "no-relays":
        this.#outbox.requestRelays();
        return this.#requests.awaitRelay(route, now);
      case "created":
      case "reused":
        return this.#grants.grant(route, message, verdict, now);
      default:
        return unreachable(verdict);
    }
  }

  #handleRefusal(resourceId: string, reason: string, now: Instant): void {
    const route = this.#routes.byId(resourceId);
    if (route?.access.kind !== "requested") return;
    this.#requests.holdOff(route, reason === "offline", now);
    this.#outbox.emit({ kind: "access-refused", resourceId, reason });
  }

  /** The gateway no longer knows of our access: the portal has to be asked again, though not for each packet. */
  #handleDenial(route: Route, now: Instant): void {
    this.#grants.withdraw(route, now);
    this.#requests.holdOff(route, false, now);
  }

  #setInterface(config: ClientInterface): void {
    this.#interface = config;
    this.#resolver.configure(config);
  }

  #configure(): void {
    if (this.#interface) this.#plan.update(this.#interface);
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
          gatewayId: event.peer,
          path: event.path,
          tookMs: event.tookMs,
        });
      case "path-changed":
        return this.#outbox.emit({
          kind: "connection-path-changed",
          gatewayId: event.peer,
          path: event.path,
        });
      case "failed":
        this.#grants.forget(event.peer);
        return this.#outbox.emit({
          kind: "connection-failed",
          gatewayId: event.peer,
          reason: event.reason,
        });
      case "goodbye":
        return this.#grants.close(event.peer, "goodbye");
      case "no-relays":
        return this.#outbox.requestRelays();
      default:
        return unreachable(event);
    }
  }
}
