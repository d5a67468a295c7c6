import {
  after,
  type Datagram,
  type DatagramSink,
  earlier,
  type Epoch,
  type Instant,
  type Logger,
  NEVER,
  type PacketSink,
  type Transmit,
  unreachable,
} from "../base/mod.ts";
import type { NodeEvent, NodeSnapshot } from "../connection/mod.ts";
import {
  equalTunnelAddresses,
  TUNNEL_RANGE_V4,
  TUNNEL_RANGE_V6,
  type TunnelAddresses,
} from "../policy/mod.ts";
import type {
  CreateAuthorization,
  GatewayInit,
  Relay,
  Resource,
} from "../portal/mod.ts";
import { Client } from "./client.ts";
import { ClientDirectory } from "./client_directory.ts";
import { HOUSEKEEPING_INTERVAL_MS } from "./constants.ts";
import {
  DataPath,
  type InboundOutcome,
  type OutboundOutcome,
} from "./data_path.ts";
import type { CloseReason, GatewayEvent, GatewayInput } from "./events.ts";
import { expiryInstant } from "./expiry.ts";
import type { GatewayNode } from "./gateway_node.ts";
import { Outbox } from "./outbox.ts";

/** What a gateway is made of. */
export interface GatewayOptions {
  /** The connections to all clients. */
  readonly node: GatewayNode;
  /** Maps expiry times to the monotonic clock. */
  readonly epoch: Epoch;
  /** Where log lines go. */
  readonly log: Logger;
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
  /** Relays and connections. */
  readonly node: NodeSnapshot;
  /** Events that were lost because the shell did not take them. */
  readonly lostEvents: number;
}

/** A whole gateway without I/O. */
export class Gateway {
  readonly #node: GatewayNode;
  readonly #epoch: Epoch;
  readonly #log: Logger;
  readonly #clients = new ClientDirectory();
  readonly #outbox = new Outbox();
  readonly #dataPath: DataPath;
  /** Our own addresses; unknown before the first `init`, and nobody has access until then. */
  #addresses: TunnelAddresses | undefined;
  #housekeepAt: Instant = NEVER;

  /** Creates a gateway that waits for `init`. */
  constructor({ node, epoch, log }: GatewayOptions) {
    this.#node = node;
    this.#dataPath = new DataPath(node, this.#clients);
    this.#epoch = epoch;
    this.#log = log;
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

  /** Takes a datagram from the network. Packets that policy lets pass go to `packets`. */
  handleDatagram(datagram: Datagram, now: Instant, packets: PacketSink): void {
    const outcome = this.#node.handleDatagram(datagram, now, packets);
    if (outcome === "packet") {
      this.#dataPath.handleReceived(packets, this.#addresses);
    }
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

  /** Says goodbye to all clients and forgets them. */
  stop(now: Instant): void {
    this.#node.stop(now);
    this.#clients.clear();
    this.#housekeepAt = NEVER;
  }

  /** Advances to `now`. Safe to call early, late or twice. */
  handleTimeout(now: Instant): void {
    this.#node.handleTimeout(now);
    this.#takeNodeEvents();
    if (now >= this.#housekeepAt) this.#housekeep(now);
  }

  /** Returns when `handleTimeout` is due. */
  pollTimeout(): Instant {
    return earlier(this.#node.pollTimeout(), this.#housekeepAt);
  }

  /** Returns the next control datagram to send. */
  pollTransmit(): Transmit | undefined {
    return this.#node.pollTransmit();
  }

  /** Returns the next event. */
  pollEvent(): GatewayEvent | undefined {
    this.#takeNodeEvents();
    return this.#outbox.shift();
  }

  /** Returns a copy of all counters and the state that outsiders may see. */
  snapshot(): GatewaySnapshot {
    let authorizations = 0;
    for (const client of this.#clients.all()) {
      authorizations += client.resourceCount;
    }
    return {
      initialized: this.#addresses !== undefined,
      clients: this.#clients.size,
      authorizations,
      outbound: this.#dataPath.outbound.snapshot(),
      inbound: this.#dataPath.inbound.snapshot(),
      node: this.#node.snapshot(),
      lostEvents: this.#outbox.lost,
    };
  }

  #applyMessage(message: GatewayInput, now: Instant): void {
    switch (message.kind) {
      case "init":
        return this.#applyInit(message, now);
      case "create-authorization":
        return this.#createAuthorization(message, now);
      case "reject-access":
        return this.#rejectAccess(message.clientId, message.resourceId, now);
      case "resource-updated":
        return this.#updateResource(message.resource);
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
      case "domain-resolved":
        return; // No question was asked.
      default:
        return unreachable(message);
    }
  }

  /** Applies the portal's snapshot: it takes away what it does not list, and adds no authorization (portal spec §4.4.1). */
  #applyInit(message: GatewayInit, now: Instant): void {
    this.#updateRelays([], message.relays, now);
    this.#addresses = message.interface;

    const expiries = groupByClient(message.authorizations);
    for (const client of this.#clients.all()) {
      const listed = expiries.get(client.id) ?? new Map<string, number>();
      client.revokeOthers(new Set(listed.keys()));
      for (const [resourceId, expiresAt] of listed) {
        client.setExpiry(
          resourceId,
          expiryInstant(expiresAt, this.#epoch, now),
        );
      }
    }
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
    const { client, resource } = message;
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
      this.#grant(client.id, client, resource, message.expiresAt, now);
    }
    this.#outbox.request({ kind: "authorization-created", ref: message.ref });
  }

  #grant(
    clientId: string,
    addresses: TunnelAddresses,
    resource: Resource,
    expiresAt: number | null,
    now: Instant,
  ): void {
    const client = this.#upsertClient(clientId, addresses, now);
    const outcome = client.grant(
      resource,
      expiryInstant(expiresAt, this.#epoch, now),
    );
    const fields = { client: clientId, resource: resource.id, outcome };
    if (outcome === "kind-changed") {
      this.#log.log("warn", "Resource was granted as another kind", fields);
    } else this.#log.log("debug", "Authorization granted", fields);
  }

  /** Finds or makes the record of a client. One whose addresses changed starts from nothing. */
  #upsertClient(
    id: string,
    { ipv4, ipv6 }: TunnelAddresses,
    now: Instant,
  ): Client {
    const addresses = { ipv4, ipv6 };
    const known = this.#clients.byId(id);
    const client =
      known !== undefined && equalTunnelAddresses(known.addresses, addresses)
        ? known
        : new Client(id, addresses);
    this.#clients.put(client);
    if (this.#housekeepAt === NEVER) {
      this.#housekeepAt = after(now, HOUSEKEEPING_INTERVAL_MS);
    }
    return client;
  }

  #rejectAccess(clientId: string, resourceId: string, now: Instant): void {
    const client = this.#clients.byId(clientId);
    if (client === undefined || !client.revoke(resourceId)) return;
    this.#log.log("debug", "Authorization rejected", {
      client: clientId,
      resource: resourceId,
    });
    if (client.resourceCount === 0) this.#dismiss(client, now);
  }

  #updateResource(resource: Resource): void {
    for (const client of this.#clients.all()) client.updateFilters(resource);
  }

  #updateRelays(
    removed: readonly string[],
    upserted: readonly Relay[],
    now: Instant,
  ): void {
    this.#node.updateRelays({ removed, upserted }, now);
  }

  /** Expires authorizations and dismisses clients that have none left (data-plane spec §4.2). */
  #housekeep(now: Instant): void {
    for (const client of this.#clients.all()) {
      client.expire(now);
      if (client.resourceCount === 0) this.#dismiss(client, now);
    }
    this.#housekeepAt = this.#clients.size === 0
      ? NEVER
      : after(now, HOUSEKEEPING_INTERVAL_MS);
  }

  /** Says goodbye to a client that may not reach anything. */
  #dismiss(client: Client, now: Instant): void {
    this.#node.closeConnection(client.id, { goodbye: true }, now);
    this.#forget(client.id, "no-authorizations");
  }

  #forget(clientId: string, reason: CloseReason): void {
    const client = this.#clients.byId(clientId);
    if (client !== undefined) this.#clients.remove(client);
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

/** Returns the expiry of each listed resource by client. */
function groupByClient(
  authorizations: GatewayInit["authorizations"],
): Map<string, Map<string, number>> {
  const clients = new Map<string, Map<string, number>>();
  for (const { clientId, resourceId, expiresAt } of authorizations) {
    const resources = clients.get(clientId) ?? new Map<string, number>();
    resources.set(resourceId, expiresAt);
    clients.set(clientId, resources);
  }
  return clients;
}
