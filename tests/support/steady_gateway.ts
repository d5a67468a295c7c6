import {
  Arena,
  type Ecn,
  type Instant,
  instant,
  NO_LOG,
  unixMs,
} from "../../lib/base/mod.ts";
import { Gateway, type GatewayNode } from "../../lib/gateway/mod.ts";
import type { Resource } from "../../lib/portal/mod.ts";
import { encodeAssignedIps } from "../../lib/wire/mod.ts";
import { datagramOf } from "./datagram.ts";
import {
  ALICE,
  EPOCH_SECONDS,
  GATEWAY,
  ipOf,
  WIKI,
} from "./gateway_harness.ts";
import { ingestToken } from "./ingest_token.ts";
import { SeededRandom } from "./random.ts";

const SLOT_BYTES = 2_048;

/**
 * A gateway on a node that does nothing and allocates nothing, for measuring what a packet costs.
 *
 * Alice is the only client. Time passes with each packet, a millisecond each.
 */
export class SteadyGateway {
  readonly gateway: Gateway;
  readonly #arena: Arena;
  readonly #bytes: Uint8Array;
  readonly #at: number;
  readonly #received = { peer: ALICE.id, start: 0, end: 0, ecn: 3 as Ecn };
  readonly #packets;
  readonly #datagrams;
  readonly #datagram = datagramOf(
    "192.0.2.9:5",
    "192.0.2.1:6",
    new Uint8Array(0),
  );
  #now: Instant = instant(0);

  constructor(
    resources: readonly Resource[],
    { trackFlows = false } = {},
  ) {
    this.#arena = new Arena(1 << 20);
    this.#bytes = this.#arena.bytes;
    this.#at = this.#arena.allocate(SLOT_BYTES);
    const bytes = this.#bytes;
    this.#packets = { bytes, reserve: () => 0, commit: () => {} };
    this.#datagrams = { bytes, reserve: () => 0, commit: () => {} };
    this.gateway = new Gateway({
      node: idleNode(this.#received),
      arena: this.#arena,
      epoch: { instant: instant(0), unix: unixMs(EPOCH_SECONDS * 1_000) },
      random: new SeededRandom(1),
      log: NO_LOG,
      trackFlows,
    });
    this.#authorize(resources);
  }

  /** Puts a packet where the following calls find it. Returns its number. */
  store(packet: Uint8Array): StoredPacket {
    const start = this.#arena.allocate(SLOT_BYTES);
    this.#bytes.set(packet, start);
    return { start, length: packet.length };
  }

  /** Alice sends a stored packet. Allocates nothing. */
  send({ start, length }: StoredPacket): void {
    this.#bytes.copyWithin(this.#at, start, start + length);
    this.#received.start = this.#at;
    this.#received.end = this.#at + length;
    this.gateway.handleDatagram(
      this.#datagram,
      this.#tick(),
      this.#packets,
      this.#datagrams,
    );
  }

  /** The TUN device brings a stored packet. Allocates nothing. */
  deliver({ start, length }: StoredPacket): void {
    const at = this.#at;
    this.#bytes.copyWithin(at, start, start + length);
    this.gateway.handlePacket(
      this.#bytes,
      at,
      at + length,
      this.#tick(),
      this.#datagrams,
    );
  }

  /** Alice announces the wiki for a resource, and it has these addresses. */
  announce(
    resourceId: string,
    proxies: readonly string[],
    addresses: readonly string[],
  ): void {
    this.send(this.store(encodeAssignedIps({
      resourceId,
      domain: WIKI,
      proxyIps: proxies.map(ipOf),
    })));
    for (let e = this.gateway.pollEvent(); e; e = this.gateway.pollEvent()) {
      if (e.kind !== "resolve-domain") continue;
      this.gateway.handleMessage({
        kind: "domain-resolved",
        queryId: e.queryId,
        addresses: addresses.map(ipOf),
      }, this.#now);
    }
  }

  #tick(): Instant {
    return this.#now = instant(this.#now + 1);
  }

  #authorize(resources: readonly Resource[]): void {
    this.gateway.handleMessage({
      kind: "init",
      interface: { ipv4: ipOf(GATEWAY.ipv4), ipv6: ipOf(GATEWAY.ipv6) },
      relays: [],
      authorizations: [],
      flowLogs: { apiUrl: "", uploadIntervalSecs: 0, uploadBatchSize: 0 },
      accountSlug: null,
    }, this.#now);
    for (const resource of resources) {
      this.gateway.handleMessage({
        kind: "create-authorization",
        ref: "ref",
        resource,
        client: {
          id: ALICE.id,
          publicKey: new Uint8Array(32),
          presharedKey: new Uint8Array(32),
          ipv4: ipOf(ALICE.ipv4),
          ipv6: ipOf(ALICE.ipv6),
        },
        clientIceCredentials: { username: "", password: "" },
        gatewayIceCredentials: { username: "", password: "" },
        expiresAt: null,
        useIceless: false,
        flowLogsIngestToken: ingestToken(),
      }, this.#now);
    }
  }
}

/** A packet in the arena. */
export interface StoredPacket {
  readonly start: number;
  readonly length: number;
}

function idleNode(received: GatewayNode["received"]): GatewayNode {
  return {
    received,
    updateRelays: () => {},
    upsertConnection: () => "created",
    handleDatagram: () => "packet",
    sendPacket: () => "sent",
    sendControl: () => {},
    pollEvent: () => undefined,
    snapshot: () => ({}),
  } as unknown as GatewayNode;
}
