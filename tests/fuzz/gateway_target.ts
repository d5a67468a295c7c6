import assert from "node:assert/strict";
import type { FilterRule } from "../../lib/policy/mod.ts";
import type { Resource } from "../../lib/portal/mod.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  dnsResource,
  GATEWAY,
  GatewayHarness,
  internetResource,
  type TestClient,
} from "../support/gateway_harness.ts";
import {
  echoRequest,
  icmpPacket,
  ipPacket,
  tcpPacket,
  udpPacket,
} from "../support/ip_packet.ts";
import {
  naiveInbound,
  naiveOutbound,
  type PacketFacts,
} from "../support/naive_gateway.ts";
import { naivePacket } from "../support/naive_packet.ts";
import { type Choices, Tape } from "./choices.ts";
import type { FuzzTarget } from "./engine.ts";
import { packetCorpus } from "./ip_targets.ts";
import { Mutator, repairPacket } from "./mutator.ts";

/** Most events that a single input may lead to here. */
const MOST_EVENTS = 8;

const CLIENTS: readonly TestClient[] = [ALICE, BOB];

const NETWORKS = [
  ...["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "100.64.0.0/10", "1.1.1.0/24"],
  ...["::/0", "2001:db8::/32", "2001:db8::5/128", "fd00::/8"],
];

const PLACES_V4 = [
  ...["10.0.0.1", "10.1.2.3", "1.1.1.1", "8.8.8.8", "100.96.0.1"],
  ...["192.168.1.1", "224.0.0.1", "0.0.0.0"],
  ...[ALICE.ipv4, BOB.ipv4, GATEWAY.ipv4, "100.95.255.255"],
];
const PLACES_V6 = [
  ...["2001:db8::1", "2001:db8::5", "2606:4700::1", "::1", "::", "fe80::1"],
  ...["fd00:2021:1111:8000::1", "ff02::1"],
  ...[ALICE.ipv6, BOB.ipv6, GATEWAY.ipv6],
];
const PORTS = [0, 22, 80, 443, 65_535];

const corpus = packetCorpus();

/** A whole gateway above its connections, against the tables of the spec read naively. */
export const GATEWAY_TARGETS: readonly FuzzTarget[] = [{
  name: "gateway/policy",
  runs: 120,
  generate: (choices) => choices.bytes(choices.below(4_000)),
  check: (input) => new Attack(new Tape(input)).run(),
}];

/** What a client was granted, as the portal understands it. */
interface Grant {
  readonly resource: Resource;
  readonly expiresAt: number;
}

class Attack {
  readonly #tape: Tape;
  readonly #world = GatewayHarness.initialized();
  readonly #grants = new Map<TestClient, Map<string, Grant>>(
    CLIENTS.map((client) => [client, new Map()]),
  );
  readonly #mutator: Mutator;

  constructor(tape: Tape) {
    this.#tape = tape;
    this.#mutator = new Mutator(tape, corpus, repairPacket);
  }

  run(): void {
    while (!this.#tape.isAtEnd) {
      this.#step();
      const events = this.#world.takeEvents();
      assert.ok(events.length <= MOST_EVENTS, `${events.length} events`);
      this.#checkSize();
    }
    assert.deepEqual(this.#world.takeWritten(), []);
    assert.deepEqual(this.#world.takeSent(), []);
  }

  #step(): void {
    const tape = this.#tape;
    const client = tape.pick(CLIENTS);
    switch (tape.below(16)) {
      case 0:
      case 1:
        return this.#grant(client);
      case 2:
        return this.#reject(client);
      case 3:
        return this.#update();
      case 4:
        return this.#reinitialize();
      case 5:
        return this.#pass(tape.pick([1, 1, 2, 90]));
      case 6:
        return this.#announce(client);
      case 7:
      case 8:
      case 9:
      case 10:
      case 11:
        return this.#sendFrom(client);
      default:
        return this.#deliverTo(client);
    }
  }

  /** Whole seconds only, so that housekeeping is up to date and the model exact: until then what is over still counts. */
  #pass(seconds: number): void {
    this.#world.advance(1_000 * seconds);
    for (const grants of this.#grants.values()) {
      for (const [id, { expiresAt }] of grants) {
        if (expiresAt <= this.#world.now) grants.delete(id);
      }
    }
  }

  #grant(client: TestClient): void {
    const resource = anyResource(this.#tape);
    const inSeconds = this.#tape.pick([null, null, 2, 60, -5]);
    this.#world.grant(client, resource, inSeconds);
    const grants = this.#grants.get(client)!;
    const known = grants.get(resource.id)?.resource;
    const expiresAt = inSeconds === null
      ? Infinity
      : this.#world.now + 1_000 * inSeconds;
    grants.set(resource.id, { resource: merged(known, resource), expiresAt });
    grants.delete(NOTHING.id);
  }

  #reject(client: TestClient): void {
    const id = anyResource(this.#tape).id;
    this.#world.reject(client, id);
    this.#grants.get(client)!.delete(id);
  }

  #update(): void {
    const resource = anyResource(this.#tape);
    this.#world.tell({ kind: "resource-updated", resource });
    for (const grants of this.#grants.values()) {
      const known = grants.get(resource.id);
      if (known === undefined) continue;
      const updated = merged(known.resource, resource);
      grants.set(resource.id, { ...known, resource: updated });
    }
  }

  /** Lists some of what is granted: the rest is revoked, and what is not granted is not added. */
  #reinitialize(): void {
    const inSeconds = this.#tape.pick([1, 60]);
    const expiresAt = this.#world.now + 1_000 * inSeconds;
    const listed = CLIENTS.flatMap((client) => {
      const id = anyResource(this.#tape).id;
      const grants = this.#grants.get(client)!;
      const kept = grants.get(id);
      const hadAny = grants.size > 0;
      grants.clear();
      const { now } = this.#world;
      if (kept) grants.set(id, { ...kept, expiresAt });
      else if (hadAny) {
        grants.set(NOTHING.id, { resource: NOTHING, expiresAt: now });
      }
      return [{ client, resource: id, inSeconds }];
    });
    this.#world.init(listed);
  }

  /** The node tells of a connection. A goodbye takes all grants along, a failure none. */
  #announce(client: TestClient): void {
    const { node } = this.#world;
    if (this.#tape.below(2) === 0) {
      node.announce({
        kind: "failed",
        peer: client.id,
        reason: "ice-disconnected",
      });
    } else {
      node.announce({ kind: "goodbye", peer: client.id });
      this.#grants.get(client)!.clear();
    }
  }

  #sendFrom(client: TestClient): void {
    const packet = this.#anyPacket(client, "outbound");
    const known = this.#known(client);
    this.#world.fromClient(client, packet);

    const facts = factsOf(packet, 1);
    const isAllowed = facts !== undefined &&
      naiveOutbound(known, seenBy(client, facts));
    const written = this.#world.takeWritten();
    assert.deepEqual(written, isAllowed ? [packet] : [], describe(facts));
    for (const { peer } of this.#world.takeSent()) {
      assert.equal(peer, client.id, "An answer went to somebody else");
    }
  }

  #deliverTo(client: TestClient): void {
    const packet = this.#anyPacket(client, "inbound");
    this.#world.fromTun(packet);

    assert.deepEqual(this.#world.takeWritten(), [], "TUN was answered");
    const facts = factsOf(packet, 0);
    const receiver = facts &&
      CLIENTS.find(({ ipv4, ipv6 }) =>
        [ipv4, ipv6].includes(facts.destination)
      );
    const isAllowed = receiver !== undefined &&
      naiveInbound(this.#known(receiver), seenBy(receiver, facts!));
    const sent = this.#world.takeSent();
    assert.deepEqual(
      sent.map(({ peer, packet }) => [peer, packet]),
      isAllowed ? [[receiver.id, packet]] : [],
      describe(facts),
    );
  }

  /** What a client may reach at this moment. */
  #known(client: TestClient): Resource[] {
    return [...this.#grants.get(client)!.values()]
      .map(({ resource }) => resource);
  }

  #anyPacket(
    client: TestClient,
    direction: "outbound" | "inbound",
  ): Uint8Array {
    const tape = this.#tape;
    const packet = tape.below(4) === 0
      ? tape.pick(corpus)
      : packetOf(tape, client, direction);
    return tape.below(3) === 0 ? this.#mutator.next(packet) : packet;
  }

  #checkSize(): void {
    const { clients, authorizations, lostEvents } = this.#world.gateway
      .snapshot();
    assert.ok(clients <= CLIENTS.length);
    assert.ok(authorizations <= CLIENTS.length * RESOURCE_IDS.length);
    assert.equal(lostEvents, 0);
  }
}

/** What a client is left with whose record is empty, until housekeeping: it can still reach the gateway. */
const NOTHING = cidrResource("", "203.0.113.255/32");

const RESOURCE_IDS = ["c0", "c1", "c2", "i", "d"];

function anyResource(choices: Choices): Resource {
  const id = choices.pick(RESOURCE_IDS);
  if (id === "i") return internetResource(id);
  const filters: FilterRule[] = Array.from(
    { length: choices.below(3) },
    () => {
      const protocol = choices.pick(["tcp", "udp", "icmp"] as const);
      if (protocol === "icmp") return { protocol };
      return { protocol, start: choices.pick(PORTS), end: choices.pick(PORTS) };
    },
  );
  return id === "d"
    ? dnsResource(id, filters)
    : cidrResource(id, choices.pick(NETWORKS), filters);
}

/** Of a resource that is known only the filters change. */
function merged(known: Resource | undefined, update: Resource): Resource {
  if (known === undefined || known.kind !== update.kind) {
    return known ?? update;
  }
  if (known.kind === "internet" || update.kind === "internet") return known;
  return { ...known, filters: update.filters };
}

function packetOf(
  choices: Choices,
  client: TestClient,
  direction: "outbound" | "inbound",
): Uint8Array {
  const isV6 = choices.below(2) === 1;
  const places = isV6 ? PLACES_V6 : PLACES_V4;
  const own = isV6 ? client.ipv6 : client.ipv4;
  const near = choices.below(8) === 0 ? choices.pick(places) : own;
  const far = choices.pick(places);
  const addresses = direction === "outbound"
    ? { source: near, destination: far }
    : { source: far, destination: near };
  const sourcePort = choices.pick(PORTS);
  const destinationPort = choices.pick(PORTS);
  const ports = { sourcePort, destinationPort };
  switch (choices.below(7)) {
    case 0:
    case 1:
      return tcpPacket({ ...addresses, ...ports });
    case 2:
    case 3:
      return udpPacket({ ...addresses, ...ports });
    case 4:
      return echoRequest({ ...addresses, identifier: sourcePort });
    case 5: {
      const { source: destination, destination: source } = addresses;
      const body = udpPacket({ source, destination, ...ports });
      const type = choices.pick(isV6 ? [1, 2, 3, 135] : [3, 11, 13, 5]);
      return icmpPacket({ ...addresses, type, body });
    }
    default:
      return ipPacket(addresses, 47, new Uint8Array(4));
  }
}

/** `side` is 0 where the resource is the source, 1 where it is the destination. */
function factsOf(packet: Uint8Array, side: 0 | 1): PacketFacts | undefined {
  const naive = naivePacket(packet);
  if (naive === undefined) return undefined;
  const { source, destination, kind, selectors } = naive;
  return { source, destination, kind, port: selectors[side] ?? 0 };
}

function describe(facts: PacketFacts | undefined): string {
  return facts === undefined ? "malformed" : JSON.stringify(facts);
}

/** The tables are written for Alice. For Bob the two change places. */
function seenBy(client: TestClient, facts: PacketFacts): PacketFacts {
  if (client === ALICE) return facts;
  const swapped = new Map([
    [ALICE.ipv4, BOB.ipv4],
    [ALICE.ipv6, BOB.ipv6],
    [BOB.ipv4, ALICE.ipv4],
    [BOB.ipv6, ALICE.ipv6],
  ]);
  const source = swapped.get(facts.source) ?? facts.source;
  const destination = swapped.get(facts.destination) ?? facts.destination;
  return { ...facts, source, destination };
}
