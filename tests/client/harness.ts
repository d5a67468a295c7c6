import {
  after,
  Arena,
  type DatagramSink,
  type Ecn,
  type Instant,
  instant,
  NO_LOG,
  type PacketSink,
  parseCidr,
  parseIp,
} from "../../lib/base/mod.ts";
import { Client, type ClientEvent } from "../../lib/client/mod.ts";
import type {
  AuthorizationCreated,
  ClientMessage,
  ClientRequest,
  ClientResource,
} from "../../lib/portal/mod.ts";
import { addressOf, datagramOf } from "../support/datagram.ts";
import { FakeGatewayNode } from "../support/fake_gateway_node.ts";
import { ingestToken } from "../support/ingest_token.ts";

export const OWN_V4 = "100.64.0.2";
export const OWN_V6 = "fd00:2021:1111::2";
export const SITE = { id: "site-1", name: "HQ" };

type Filters = Extract<ClientResource, { kind: "cidr" }>["filters"];

/** A client on a fake node, with everything it commits and asks for at hand. */
export class Harness {
  now: Instant = instant(1_000);
  readonly node = new FakeGatewayNode();
  readonly arena = new Arena(65_536);
  readonly client: Client;
  /** Packets that reached the TUN device. */
  readonly delivered: Uint8Array[] = [];
  readonly #at = this.arena.allocate(2_048);
  readonly #room = this.arena.allocate(2_048);
  readonly datagrams: DatagramSink = {
    bytes: this.arena.bytes,
    reserve: () => this.#room,
    commit: () => {},
  };
  readonly packets: PacketSink = {
    bytes: this.arena.bytes,
    reserve: () => this.#room,
    commit: (length) => {
      const packet = this.arena.bytes.slice(this.#room, this.#room + length);
      this.delivered.push(packet);
    },
  };

  constructor({ usesInternet = true } = {}) {
    this.client = new Client({
      node: this.node,
      arena: this.arena,
      usesInternet,
      log: NO_LOG,
    });
  }

  message(message: ClientMessage): void {
    this.client.handleMessage(message, this.now);
  }

  init(...resources: ClientResource[]): void {
    this.message({
      kind: "init",
      interface: interfaceOf(OWN_V4, OWN_V6),
      resources,
      relays: [],
      flowLogs: { apiUrl: "", uploadIntervalSecs: 0, uploadBatchSize: 0 },
    });
  }

  /** Answers a request as the portal would. */
  grant(
    resourceId: string,
    gatewayId = "gw-1",
    edits: Partial<AuthorizationCreated> = {},
  ): void {
    this.message({ ...authorization(resourceId, gatewayId), ...edits });
  }

  /** Hands a packet over as the TUN device would. Returns the outcome it was counted under. */
  send(packet: Uint8Array): string {
    const before = this.client.snapshot().outbound;
    this.sendUncounted(packet);
    return changed(before, this.client.snapshot().outbound);
  }

  sendUncounted(packet: Uint8Array): void {
    this.arena.bytes.set(packet, this.#at);
    this.client.handlePacket(
      this.arena.bytes,
      this.#at,
      this.#at + packet.length,
      this.now,
      this.datagrams,
      this.packets,
    );
  }

  /** Makes a gateway's packet arrive. Returns the outcome it was counted under. */
  receive(packet: Uint8Array, gatewayId = "gw-1", ecn: Ecn = 0): string {
    const before = this.client.snapshot().inbound;
    this.node.deliver(gatewayId, packet, ecn);
    this.receiveUncounted();
    return changed(before, this.client.snapshot().inbound);
  }

  receiveUncounted(): void {
    this.client.handleDatagram(ANY_DATAGRAM, this.now, this.packets);
  }

  advance(ms: number): void {
    this.now = after(this.now, ms);
    this.client.handleTimeout(this.now);
  }

  events(): ClientEvent[] {
    const events: ClientEvent[] = [];
    let event;
    while ((event = this.client.pollEvent())) events.push(event);
    return events;
  }

  /** Takes the events and returns the requests to the portal among them. */
  requests(): ClientRequest[] {
    return this.events().flatMap((event) =>
      event.kind === "portal-request" ? [event.request] : []
    );
  }
}

export function cidr(
  id: string,
  address: string,
  filters: Filters = [],
): ClientResource {
  return {
    kind: "cidr",
    id,
    name: id,
    address: parseCidr(address)!,
    filters,
    sites: [SITE],
  };
}

export function interfaceOf(
  ipv4: string,
  ipv6: string,
): Extract<ClientMessage, { kind: "config-changed" }>["interface"] {
  return {
    ipv4: parseIp(ipv4)!,
    ipv6: parseIp(ipv6)!,
    upstreamDns: [],
    searchDomain: null,
  };
}

const ANY_DATAGRAM = datagramOf(
  "192.0.2.1:3478",
  "192.0.2.2:52625",
  new Uint8Array(32),
);

/** Gateways `gw-1`, `gw-2` … own 100.64.1.1, 100.64.1.2 …. */
function authorization(
  resourceId: string,
  gatewayId: string,
): AuthorizationCreated {
  const number = gatewayId.replace("gw-", "");
  return {
    kind: "authorization-created",
    resourceId,
    gatewayId,
    gatewayPublicKey: new Uint8Array(32).fill(Number(number)),
    gatewayIpv4: addressOf(`100.64.1.${number}:0`).ip,
    gatewayIpv6: addressOf(`[fd00:2021:1111::1:${number}]:0`).ip,
    siteId: SITE.id,
    presharedKey: new Uint8Array(32).fill(7),
    clientIceCredentials: { username: "cu", password: "cp" },
    gatewayIceCredentials: { username: "gu", password: "gp" },
    useIceless: false,
    flowLogsIngestToken: ingestToken(),
  };
}

function changed(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): string {
  return Object.keys(after).filter((key) => after[key] !== before[key]).join();
}
