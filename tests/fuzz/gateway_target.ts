import assert from "node:assert/strict";
import {
  GatewayHarness,
  type TestClient,
  WIKI,
  WIKI_PROXIES,
} from "../support/gateway_harness.ts";
import { icmpPacket, tcpPacket, udpPacket } from "../support/ip_packet.ts";
import type { PacketFacts } from "../support/naive_gateway.ts";
import {
  type NaivePacket,
  naivePacket,
  naiveQuoted,
  naiveSourceRoute,
} from "../support/naive_packet.ts";
import { type Choices, Tape } from "./choices.ts";
import type { FuzzTarget } from "./engine.ts";
import {
  anyResource,
  CLIENTS,
  packetOf,
  REALS,
  RESOURCE_IDS,
} from "./gateway_inputs.ts";
import { type Announced, GatewayModel } from "./gateway_model.ts";
import { hasRightChecksums, packetCorpus } from "./ip_targets.ts";
import { Mutator, repairPacket } from "./mutator.ts";

/** Most events that a single input may lead to here. */
const MOST_EVENTS = 8;

/** Most bytes of a packet that a router of the tests quotes. */
const QUOTE_LENGTH = 600;

const DOMAINS = [WIKI, WIKI, WIKI, WIKI.toUpperCase(), "other.example"];

const corpus = packetCorpus();

/** A whole gateway above its connections, against the tables of the spec read naively. */
export const GATEWAY_TARGETS: readonly FuzzTarget[] = [{
  name: "gateway/policy",
  runs: 30,
  generate: (choices) => choices.bytes(choices.below(3_000)),
  check: (input) => {
    attackGateway(new Tape(input));
  },
}];

/** Does what a tape says to a gateway, and fails when it does what it should not. Returns how often each thing became of a packet. */
export function attackGateway(tape: Tape): Readonly<Record<string, number>> {
  return new Attack(tape).run();
}

class Attack {
  readonly #tape: Tape;
  readonly #world = GatewayHarness.initialized();
  readonly #model = new GatewayModel();
  readonly #mutator: Mutator;

  constructor(tape: Tape) {
    this.#tape = tape;
    this.#mutator = new Mutator(tape, corpus, repairPacket);
  }

  run(): Readonly<Record<string, number>> {
    for (const client of [...CLIENTS, ...CLIENTS]) this.#grant(client);
    while (!this.#tape.isAtEnd) {
      this.#step();
      const events = this.#world.takeEvents();
      assert.ok(events.length <= MOST_EVENTS, `${events.length} events`);
      assert.deepEqual(this.#world.takeWritten(), []);
      assert.deepEqual(this.#world.takeSent(), []);
      assert.deepEqual(this.#world.takeStatuses(), []);
      this.#checkSize();
    }
    const { outbound, inbound } = this.#world.gateway.snapshot();
    return { ...outbound, ...inbound };
  }

  #step(): void {
    const tape = this.#tape;
    const client = tape.pick(CLIENTS);
    const step = this.#tape.below(40);
    if (step < 12) return this.#sendFrom(client);
    if (step < 21) return this.#deliverTo(client);
    if (step < 25) return this.#grant(client);
    if (step < 29) return this.#announce(client);
    if (step < 33) return this.#resolve();
    if (step < 36) return this.#pass(tape.pick([1, 1, 2, 5, 70]));
    if (step < 37) return this.#reject(client);
    if (step < 38) return this.#update();
    if (step < 39) return this.#leave(client);
    if (tape.below(3) === 0) this.#reinitialize();
  }

  /** Whole seconds only, so that housekeeping is up to date and the model exact: until then what is over still counts. */
  #pass(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      this.#world.advance(1_000);
      const givenUp = this.#model.expire(this.#world.now);
      this.#expectStatuses(givenUp.map((it) => [it, false]));
    }
  }

  #grant(client: TestClient): void {
    const resource = anyResource(this.#tape);
    const inSeconds = this.#tape.pick([null, null, null, 600, 60, 2, -5]);
    this.#world.grant(client, resource, inSeconds);
    const expiresAt = inSeconds === null
      ? Infinity
      : this.#world.now + 1_000 * inSeconds;
    this.#model.grant(client, resource, expiresAt);
  }

  #reject(client: TestClient): void {
    const id = this.#tape.pick(RESOURCE_IDS);
    this.#world.reject(client, id);
    this.#model.reject(client, id);
  }

  #update(): void {
    const resource = anyResource(this.#tape);
    this.#world.tell({ kind: "resource-updated", resource });
    this.#model.update(resource);
  }

  /** Lists some of what is granted: the rest is revoked, and what is not granted is not added. */
  #reinitialize(): void {
    const { now } = this.#world;
    const inSeconds = this.#tape.pick([1, 60]);
    const listed = CLIENTS.map((client) => {
      const resource = this.#tape.pick(RESOURCE_IDS);
      this.#model.keepOnly(client, resource, now + 1_000 * inSeconds, now);
      return { client, resource, inSeconds };
    });
    this.#world.init(listed);
  }

  /** The node tells of a connection. A goodbye takes everything along, a failure nothing. */
  #leave(client: TestClient): void {
    const { node } = this.#world;
    if (this.#tape.below(3) !== 0) {
      const reason = "ice-disconnected";
      return node.announce({ kind: "failed", peer: client.id, reason });
    }
    node.announce({ kind: "goodbye", peer: client.id });
    this.#model.forget(client);
  }

  #announce(client: TestClient): void {
    const tape = this.#tape;
    const announced: Announced = {
      client,
      resource: tape.pick(RESOURCE_IDS.slice(3)),
      domain: tape.pick(DOMAINS),
      proxies: tape.below(3) === 0 ? someOf(tape, WIKI_PROXIES) : WIKI_PROXIES,
    };
    const outcome = this.#model.judgeAnnouncement(announced);
    const queryId = this.#world.announce(client, announced);

    assert.equal(queryId !== undefined, outcome === "asked", outcome);
    if (queryId !== undefined) {
      this.#model.ask(queryId, announced, this.#world.now);
    }
    this.#expectStatuses(outcome === "inactive" ? [[announced, false]] : []);
  }

  #resolve(): void {
    const tape = this.#tape;
    const id = tape.pick([...this.#model.questionIds, 999_999]);
    const addresses = someOf(tape, REALS);
    const told = this.#model.resolve(id, addresses);
    this.#world.resolve(id, addresses);
    this.#expectStatuses(told ? [[told.question, told.isActive]] : []);
  }

  #expectStatuses(expected: readonly (readonly [Announced, boolean])[]): void {
    const statuses = this.#world.takeStatuses();
    assert.deepEqual(
      statuses,
      expected.map(([{ resource: resourceId, domain }, isActive]) => (
        { resourceId, domain, isActive }
      )),
    );
  }

  #sendFrom(client: TestClient): void {
    const packet = this.#anyPacket(client, "outbound");
    const facts = factsOf(packet, 1);
    const verdict = facts && !naiveSourceRoute(packet)
      ? this.#model.judgeOutbound(client, facts)
      : "dropped";
    this.#world.fromClient(client, packet);

    const written = this.#world.takeWritten();
    const expected = verdict === "dropped" ? 0 : 1;
    assert.equal(written.length, expected, `${verdict}: ${describe(facts)}`);
    this.#checkAnswers(client, packet);
    if (verdict === "forwarded") assert.deepEqual(written, [packet]);
    if (verdict === "translated") {
      this.#checkSession(client, packet, written[0]!);
    }
  }

  /** All that a packet leads to is an ICMP error that its own sender gets, about what it sent. */
  #checkAnswers(client: TestClient, packet: Uint8Array): void {
    const sent = this.#world.takeSent();
    assert.ok(sent.length <= 1);
    this.#world.node.controls.length = 0;
    for (const { peer, packet: answer } of sent) {
      assert.equal(peer, client.id, "An answer went to somebody else");
      const [about, error] = [naivePacket(packet)!, naivePacket(answer)!];
      assert.equal(error.source, about.destination);
      assert.equal(error.destination, about.source);
      assert.ok([1, 58].includes(error.protocol));
      assert.ok(hasRightChecksums(answer));
    }
  }

  /** A packet to a name went to an address of it: the answer, and an error about it, come back in the client's terms. */
  #checkSession(
    client: TestClient,
    packet: Uint8Array,
    written: Uint8Array,
  ): void {
    const inside = naivePacket(packet)!;
    const outside = naivePacket(written)!;
    assert.equal(outside.source, inside.source);
    assert.equal(outside.kind, inside.kind);
    assert.ok(REALS.includes(outside.destination), outside.destination);
    if (hasRightChecksums(packet)) assert.ok(hasRightChecksums(written));
    this.#model.noteTuple(client, tupleOf(outside, 0));
    if (inside.kind !== "echo") {
      assert.equal(outside.selectors[1], inside.selectors[1]);
    }

    this.#world.fromTun(answerTo(outside));
    const [answer] = this.#takeFor(client);
    assert.equal(answer?.source, inside.destination);
    assert.equal(answer.destination, inside.source);
    assert.deepEqual(answer.selectors, inside.selectors.toReversed());

    const error = errorAbout(outside, written);
    if (naivePacket(error)?.kind !== "icmp-error") return;
    this.#world.fromTun(error);
    const [report] = this.#takeFor(client);
    assert.equal(report?.source, inside.destination);
    assert.deepEqual(report.quoted, inside);
  }

  #deliverTo(client: TestClient): void {
    const packet = this.#anyPacket(client, "inbound");
    const facts = factsOf(packet, 0);
    const receiver = facts &&
      CLIENTS.find(({ ipv4, ipv6 }) =>
        [ipv4, ipv6].includes(facts.destination)
      );
    this.#world.fromTun(packet);

    const sent = this.#world.takeSent();
    if (receiver && this.#mayBelongToName(receiver, packet)) {
      for (const { peer } of sent) assert.equal(peer, receiver.id);
      return;
    }
    const isAllowed = receiver !== undefined &&
      this.#model.allowsInbound(receiver, facts!);
    assert.deepEqual(
      sent.map(({ peer, packet }) => [peer, packet]),
      isAllowed ? [[receiver.id, packet]] : [],
      describe(facts),
    );
  }

  #mayBelongToName(receiver: TestClient, packet: Uint8Array): boolean {
    const naive = naivePacket(packet)!;
    return naive.kind === "icmp-error"
      ? this.#model.mayBelongToName(receiver)
      : this.#model.mayBelongToName(receiver, tupleOf(naive, 1));
  }

  /** Takes what was sent, which must be for this client and have right checksums. */
  #takeFor(
    client: TestClient,
  ): (NaivePacket & { readonly quoted: NaivePacket | undefined })[] {
    return this.#world.takeSent().map(({ peer, packet }) => {
      assert.equal(peer, client.id, "It went to somebody else");
      assert.ok(hasRightChecksums(packet), "A checksum is wrong");
      const isV6 = packet[0]! >> 4 === 6;
      const body = packet.slice(isV6 ? 48 : 28);
      const naive = naivePacket(packet)!;
      const isError = naive.kind === "icmp-error";
      return {
        ...naive,
        quoted: isError ? naiveQuoted(body, isV6) : undefined,
      };
    });
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

/** What a server says to a packet. */
function answerTo({ source, destination, kind, selectors }: NaivePacket) {
  const addresses = { source: destination, destination: source };
  const [destinationPort = 0, sourcePort = 0] = selectors;
  const ports = { sourcePort, destinationPort };
  if (kind === "tcp") return tcpPacket({ ...addresses, ...ports });
  if (kind === "udp") return udpPacket({ ...addresses, ...ports });
  const type = source.includes(":") ? 129 : 0;
  const rest = [destinationPort >> 8, destinationPort & 255, 0, 1];
  return icmpPacket({ ...addresses, type, rest });
}

/** What a router says about a packet. */
function errorAbout({ source }: NaivePacket, packet: Uint8Array): Uint8Array {
  const isV6 = source.includes(":");
  return icmpPacket({
    source: isV6 ? "2001:db8:ffff::1" : "192.0.2.1",
    destination: source,
    type: isV6 ? 1 : 3,
    body: packet.slice(0, QUOTE_LENGTH),
  });
}

/** The far end and our side's port, at one address of a name. `side` is 0 for what we send, 1 for what comes. */
function tupleOf(packet: NaivePacket, side: 0 | 1): string {
  const far = side === 0 ? packet.destination : packet.source;
  return `${packet.kind} ${packet.selectors[side]} ${far}`;
}

function someOf(choices: Choices, all: readonly string[]): string[] {
  const bits = choices.below(256);
  return all.filter((_, i) => (bits >> i & 1) === 1);
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
