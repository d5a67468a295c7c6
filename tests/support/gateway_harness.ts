import {
  after,
  Arena,
  type Cidr,
  type DatagramSink,
  type Ecn,
  type Instant,
  instant,
  type IpAddress,
  type LogFields,
  type Logger,
  type LogLevel,
  type PacketSink,
  parseCidr,
  parseIp,
  unixMs,
} from "../../lib/base/mod.ts";
import {
  Gateway,
  type GatewayEvent,
  type GatewayInput,
  type GatewaySnapshot,
} from "../../lib/gateway/mod.ts";
import type { GatewayRequest, Resource } from "../../lib/portal/mod.ts";
import {
  type DomainStatus,
  encodeAssignedIps,
  IpPacketView,
  readDomainStatus,
} from "../../lib/wire/mod.ts";
import { datagramOf } from "./datagram.ts";
import { SeededRandom } from "./random.ts";
import { udpPacket } from "./ip_packet.ts";
import { FakeGatewayNode, type SentPacket } from "./fake_gateway_node.ts";
import { ingestToken } from "./ingest_token.ts";

/** Tunnel addresses of the gateway under test. */
export const GATEWAY = {
  ipv4: "100.70.0.1",
  ipv6: "fd00:2021:1111::a:1",
} as const;

/** A client of the tests. */
export interface TestClient {
  readonly id: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** The client that most tests use. */
export const ALICE: TestClient = {
  id: "11111111-aaaa-4aaa-8aaa-111111111111",
  ipv4: "100.64.0.1",
  ipv6: "fd00:2021:1111::1",
};

/** Another client. */
export const BOB: TestClient = {
  id: "22222222-bbbb-4bbb-8bbb-222222222222",
  ipv4: "100.64.0.2",
  ipv6: "fd00:2021:1111::2",
};

/** Wall-clock time at instant 0 of every test, in seconds. */
export const EPOCH_SECONDS = 1_787_000_000;

type Filters = Extract<Resource, { kind: "cidr" }>["filters"];

/** A CIDR resource. */
export function cidrResource(
  id: string,
  address: string,
  filters: Filters = [],
): Resource {
  return { kind: "cidr", id, name: id, address: cidrOf(address), filters };
}

/** The name that belongs to the DNS resources of most tests. */
export const WIKI = "wiki.corp.example";

/** The addresses that a client makes up for its first name. */
export const WIKI_PROXIES: readonly string[] = [
  ...["100.96.0.1", "100.96.0.2", "100.96.0.3", "100.96.0.4"],
  ...["fd00:2021:1111:8000::", "fd00:2021:1111:8000::1"],
  ...["fd00:2021:1111:8000::2", "fd00:2021:1111:8000::3"],
];

/** A DNS resource. */
export function dnsResource(
  id: string,
  filters: Filters = [],
  address: string = WIKI,
): Resource {
  return { kind: "dns", id, name: id, address, filters };
}

/** Returns a UUID that ends in `number`. In-tunnel messages name resources by nothing else. */
export function uuidOf(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
}

/** What a client announces. */
export interface TestAnnouncement {
  readonly resource: string;
  readonly domain?: string;
  readonly proxies?: readonly string[];
}

/** An Internet resource. */
export function internetResource(id: string): Resource {
  return { kind: "internet", id };
}

/** A gateway on a fake node, with everything a test does to it in one line each. */
export class GatewayHarness {
  /** Whether grants call for a connection without ICE. */
  useIceless = false;
  readonly node = new FakeGatewayNode();
  readonly gateway: Gateway;
  /** Packets that reached the TUN device. */
  readonly written: Uint8Array[] = [];
  /** Messages of log lines above debug. */
  readonly loud: string[] = [];
  now: Instant = instant(0);
  readonly #arena = new Arena(16_384);
  readonly #receiveAt = this.#arena.allocate(2_048);
  readonly #readAt = this.#arena.allocate(2_048);
  readonly #packets: PacketSink = {
    bytes: this.#arena.bytes,
    reserve: () => this.#receiveAt,
    commit: (length) => {
      const at = this.#receiveAt;
      this.written.push(this.#arena.bytes.slice(at, at + length));
    },
  };
  readonly #datagrams: DatagramSink = {
    bytes: this.#arena.bytes,
    reserve: () => 0,
    commit: () => {},
  };
  #ref = 0;

  /** Where the datagrams of all clients come from. */
  outer = "192.0.2.9:5";

  /** All log lines go to `log`; without one, those above debug go to `loud`. */
  constructor(log?: Logger, { trackFlows = false } = {}) {
    this.gateway = new Gateway({
      trackFlows,
      node: this.node,
      arena: this.#arena,
      random: new SeededRandom(1),
      epoch: { instant: instant(0), unix: unixMs(EPOCH_SECONDS * 1_000) },
      log: log ?? loudLog(this.loud),
    });
  }

  /** A gateway after its first `init`, with nothing waiting. */
  static initialized(log?: Logger, options = {}): GatewayHarness {
    const world = new GatewayHarness(log, options);
    world.init();
    world.takeEvents();
    return world;
  }

  /** Hands over a message of the portal, or news of the host. */
  tell(message: GatewayInput): void {
    this.gateway.handleMessage(message, this.now);
  }

  /** Sends `init` with the given authorizations, expiring in so many seconds. */
  init(
    authorizations: readonly {
      readonly client: TestClient;
      readonly resource: string;
      readonly inSeconds: number;
    }[] = [],
    addresses: { readonly ipv4: string; readonly ipv6: string } = GATEWAY,
    uploadIntervalSecs = 0,
  ): void {
    this.tell({
      kind: "init",
      interface: { ipv4: ipOf(addresses.ipv4), ipv6: ipOf(addresses.ipv6) },
      relays: [],
      authorizations: authorizations.map((entry) => ({
        clientId: entry.client.id,
        resourceId: entry.resource,
        expiresAt: EPOCH_SECONDS + this.now / 1_000 + entry.inSeconds,
      })),
      flowLogs: { apiUrl: "", uploadIntervalSecs, uploadBatchSize: 0 },
      accountSlug: null,
    });
  }

  /** Grants a resource, for ever or for so many seconds. Returns the `ref` to be echoed. */
  grant(
    client: TestClient,
    resource: Resource,
    inSeconds: number | null = null,
  ): string {
    const ref = `ref-${++this.#ref}`;
    this.tell({
      kind: "create-authorization",
      ref,
      resource,
      client: {
        id: client.id,
        publicKey: new Uint8Array(32).fill(1),
        presharedKey: new Uint8Array(32).fill(2),
        ipv4: ipOf(client.ipv4),
        ipv6: ipOf(client.ipv6),
      },
      clientIceCredentials: { username: "client", password: "client-secret" },
      gatewayIceCredentials: { username: "gw", password: "gw-secret" },
      expiresAt: inSeconds === null
        ? null
        : EPOCH_SECONDS + this.now / 1_000 + inSeconds,
      useIceless: this.useIceless,
      flowLogsIngestToken: ingestToken(),
    });
    return ref;
  }

  /** Withdraws a resource. */
  reject(client: TestClient, resourceId: string): void {
    this.tell({ kind: "reject-access", clientId: client.id, resourceId });
  }

  /** Lets time pass as the shell does: the gateway is called whenever it asked for it. */
  advance(ms: number): void {
    const target = after(this.now, ms);
    while (this.gateway.pollTimeout() <= target) {
      this.now = this.gateway.pollTimeout();
      this.gateway.handleTimeout(this.now);
    }
    this.now = target;
  }

  /** A client sends a packet. Returns the verdict that was counted. */
  fromClient(client: TestClient, packet: Uint8Array, ecn: Ecn = 0): string {
    this.node.deliver(client.id, packet, ecn);
    return this.#counted("outbound", () =>
      this.gateway.handleDatagram(
        datagramOf(this.outer, "192.0.2.1:52625", new Uint8Array(0)),
        this.now,
        this.#packets,
        this.#datagrams,
      ));
  }

  /** The kernel hands us a packet. Returns the verdict that was counted. */
  fromTun(packet: Uint8Array): string {
    this.#arena.bytes.set(packet, this.#readAt);
    return this.#counted("inbound", () =>
      this.gateway.handlePacket(
        this.#arena.bytes,
        this.#readAt,
        this.#readAt + packet.length,
        this.now,
        this.#datagrams,
      ));
  }

  /** Alice sends a UDP packet. Returns the verdict that was counted. */
  sendTo(destination: string, source = ALICE.ipv4): string {
    const ports = { sourcePort: 5401, destinationPort: 53 };
    return this.fromClient(ALICE, udpPacket({ source, destination, ...ports }));
  }

  /** A resource sends a UDP packet. Returns the verdict that was counted. */
  replyTo(source: string, destination = ALICE.ipv4): string {
    const ports = { sourcePort: 53, destinationPort: 5401 };
    return this.fromTun(udpPacket({ source, destination, ...ports }));
  }

  /** A client announces the addresses that stand for a name. Returns the question that this raises. */
  announce(
    client: TestClient,
    { resource, domain = WIKI, proxies = WIKI_PROXIES }: TestAnnouncement,
  ): number | undefined {
    this.fromClient(
      client,
      encodeAssignedIps({
        resourceId: resource,
        domain,
        proxyIps: proxies.map(ipOf),
      }),
    );
    return this.takeQuestions().at(-1)?.queryId;
  }

  /** Answers a question. */
  resolve(queryId: number | undefined, addresses: readonly string[]): void {
    if (queryId === undefined) throw new Error("There was no question");
    this.gateway.handleMessage({
      kind: "domain-resolved",
      queryId,
      addresses: addresses.map(ipOf),
    }, this.now);
  }

  /** A client announces a name, which is looked up. Returns the answers that the client gets. */
  translate(
    client: TestClient,
    announcement: TestAnnouncement,
    addresses: readonly string[],
  ): DomainStatus[] {
    this.resolve(this.announce(client, announcement), addresses);
    return this.takeStatuses();
  }

  /** Takes all waiting events and returns the questions among them. */
  takeQuestions(): Extract<GatewayEvent, { kind: "resolve-domain" }>[] {
    return this.takeEvents().filter((event) => event.kind === "resolve-domain");
  }

  /** Takes the answers to announcements. */
  takeStatuses(): DomainStatus[] {
    return this.node.controls.splice(0).map(({ packet }) => {
      const view = new IpPacketView();
      view.attach(packet, 0, packet.length);
      const status = readDomainStatus(view);
      if (!status.ok) throw new Error(`Not a domain status: ${status.error}`);
      return status.value;
    });
  }

  /** Takes what was sent to clients. */
  takeSent(): SentPacket[] {
    return this.node.sent.splice(0);
  }

  /** Takes what was written to the TUN device. */
  takeWritten(): Uint8Array[] {
    return this.written.splice(0);
  }

  /** Takes all waiting events. */
  takeEvents(): GatewayEvent[] {
    const events: GatewayEvent[] = [];
    for (let e = this.gateway.pollEvent(); e; e = this.gateway.pollEvent()) {
      events.push(e);
    }
    return events;
  }

  /** Takes all waiting events and returns the requests to the portal among them. */
  takeRequests(): GatewayRequest[] {
    return this.takeEvents().flatMap((event) =>
      event.kind === "portal-request" ? [event.request] : []
    );
  }

  #counted(direction: "outbound" | "inbound", action: () => void): string {
    const before = this.#counts(direction);
    action();
    const changed = Object.entries(this.#counts(direction)).filter(
      ([name, count]) => count !== before[name],
    );
    const [name, count] = changed[0] ?? ["nothing", 0];
    if (changed.length !== 1 || count !== (before[name] ?? 0) + 1) {
      throw new Error("A packet must be counted exactly once");
    }
    return name;
  }

  #counts(direction: "outbound" | "inbound"): Record<string, number> {
    const snapshot: GatewaySnapshot = this.gateway.snapshot();
    return { ...snapshot[direction] };
  }
}

/** The answer to an authorization. */
export function acknowledged(ref: string): GatewayRequest {
  return { kind: "authorization-created", ref };
}

/** Reads an address that the test wrote down, so it must be valid. */
export function ipOf(text: string): IpAddress {
  const ip = parseIp(text);
  if (!ip) throw new Error(`Not an address: ${text}`);
  return ip;
}

/** Reads a network that the test wrote down, so it must be valid. */
export function cidrOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw new Error(`Not a network: ${text}`);
  return cidr;
}

function loudLog(lines: string[]): Logger {
  const logger: Logger = {
    enabled: () => true,
    log: (level: LogLevel, message: string, _fields?: LogFields) => {
      if (level !== "trace" && level !== "debug") lines.push(message);
    },
    child: () => logger,
  };
  return logger;
}
