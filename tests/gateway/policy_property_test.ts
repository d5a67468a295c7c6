import assert from "node:assert/strict";
import fc from "fast-check";
import { readU16 } from "../../lib/base/mod.ts";
import { IpPacketView } from "../../lib/wire/mod.ts";
import {
  answerTo,
  bytesOf,
  type WorldAccess,
  worldAccess,
  worldPackets,
} from "../arbitraries/gateway.ts";
import { wrongChecksums } from "../support/checksums.ts";
import {
  ALICE,
  BOB,
  dnsResource,
  GatewayHarness,
  type TestClient,
  uuidOf,
} from "../support/gateway_harness.ts";
import {
  type Addresses,
  type Ports,
  tcpPacket,
  udpPacket,
} from "../support/ip_packet.ts";
import { type FlowFacts, NaiveClient } from "../support/naive_client.ts";
import { destinationOf, sourceOf } from "../support/packet_fields.ts";

Deno.test("[dp 101] a packet passes if and only if the spec's tables let it, and as its NAT has it", () => {
  const seen = { written: 0, sent: 0, translated: 0, errors: 0, denied: 0 };
  fc.assert(
    fc.property(
      worldAccess(),
      worldAccess(),
      worldPackets(),
      (alices, bobs, packets) => {
        const trial = new Trial(alices, bobs);
        for (const { client, direction, facts, answer } of packets) {
          if (direction === "inbound") trial.deliver(facts);
          else {
            const written = trial.send(client, facts);
            if (written === undefined || answer === "none") continue;
            trial.deliver(answerTo(written, answer));
          }
        }
        for (const key of COUNTS) seen[key] += trial.seen[key];
      },
    ),
    { numRuns: 500 },
  );
  const { written, sent, translated, errors, denied } = seen;
  const summary = JSON.stringify(seen);
  assert.ok(written > 100 && sent > 100 && denied > 100, summary);
  assert.ok(translated > 50 && errors > 3, summary);
});

Deno.test("two clients with the same names, proxies and ports never see each other's flows, and each round trip is the identity", () => {
  const flow = fc.record({
    client: fc.constantFrom(ALICE, BOB),
    isV6: fc.boolean(),
    proxy: fc.integer({ min: 1, max: 3 }),
    build: fc.constantFrom<(fields: Addresses & Ports) => Uint8Array>(
      tcpPacket,
      udpPacket,
    ),
    sourcePort: fc.constantFrom(1, 2, 65_535),
    destinationPort: fc.constantFrom(80, 443),
  });
  fc.assert(
    fc.property(fc.array(flow, { minLength: 1, maxLength: 24 }), (flows) => {
      const world = worldWithSharedName();
      for (const { client, isV6, proxy, build, ...ports } of flows) {
        const own = isV6 ? client.ipv6 : client.ipv4;
        const at = isV6 ? "fd00:2021:1111:8000::" : "100.96.0.";
        const destination = `${at}${proxy}`;
        world.fromClient(
          client,
          build({ source: own, destination, ...ports }),
        );
        const [written, ...others] = world.takeWritten();
        assert.ok(written);
        assert.deepEqual(others, []);
        assert.equal(sourceOf(written), own);

        world.fromTun(build({
          source: destinationOf(written),
          destination: own,
          sourcePort: ports.destinationPort,
          destinationPort: readU16(written, isV6 ? 40 : 20),
        }));

        assert.deepEqual(
          world.takeSent().map(({ peer, packet }) => [peer, packet]),
          [[
            client.id,
            build({
              source: destination,
              destination: own,
              sourcePort: ports.destinationPort,
              destinationPort: ports.sourcePort,
            }),
          ]],
        );
      }
    }),
  );
});

const COUNTS = ["written", "sent", "translated", "errors", "denied"] as const;

/** A gateway of two clients, held to what the spec says about each packet. */
class Trial {
  readonly seen = { written: 0, sent: 0, translated: 0, errors: 0, denied: 0 };
  readonly #world = GatewayHarness.initialized();
  readonly #models = new Map<TestClient, NaiveClient>();

  constructor(alices: WorldAccess, bobs: WorldAccess) {
    for (const [client, access] of [[ALICE, alices], [BOB, bobs]] as const) {
      const model = new NaiveClient(client, access.resources);
      for (const it of access.resources) this.#world.grant(client, it);
      for (const name of access.names) {
        this.#world.translate(client, name, name.addresses);
        model.announce(name);
      }
      this.#models.set(client, model);
    }
  }

  /** A client sends a packet. Returns what reaches the TUN device. */
  send(client: TestClient, facts: FlowFacts): FlowFacts | undefined {
    const expected = this.#models.get(client)?.outbound(facts);
    this.#world.fromClient(client, bytesOf(facts, "outbound"));

    const written = this.#world.takeWritten();
    assertPassed(facts, expected, written, "outbound");
    assertAnswers(client, this.#world.takeSent());
    this.#count(facts, expected, "written");
    return expected;
  }

  /** The TUN device brings a packet. */
  deliver(facts: FlowFacts): void {
    const receiver = [ALICE, BOB].find(({ ipv4, ipv6 }) =>
      [ipv4, ipv6].includes(facts.destination)
    );
    const expected = receiver && this.#models.get(receiver)?.inbound(facts);
    this.#world.fromTun(bytesOf(facts, "inbound"));

    const sent = this.#world.takeSent();
    assertPassed(facts, expected, sent.map((it) => it.packet), "inbound");
    assert.ok(sent.every(({ peer }) => peer === receiver?.id));
    assert.deepEqual(this.#world.takeWritten(), []);
    this.#count(facts, expected, "sent");
  }

  #count(
    facts: FlowFacts,
    expected: FlowFacts | undefined,
    way: "written" | "sent",
  ): void {
    this.seen[expected === undefined ? "denied" : way]++;
    if (expected === undefined || expected === facts) return;
    this.seen[facts.kind === "icmp-error" ? "errors" : "translated"]++;
  }
}

function worldWithSharedName(): GatewayHarness {
  const world = GatewayHarness.initialized();
  const resource = uuidOf(1);
  const proxies = [1, 2, 3].flatMap((n) => [
    `100.96.0.${n}`,
    `fd00:2021:1111:8000::${n}`,
  ]);
  const addresses = ["10.0.0.1", "10.0.0.2", "2001:db8::1"];
  for (const client of [ALICE, BOB]) {
    world.grant(client, dnsResource(resource));
    world.translate(client, { resource, proxies }, addresses);
  }
  return world;
}

/** Holds the one packet that passed to what it should be. An ICMP error about a translated flow is made anew. */
function assertPassed(
  facts: FlowFacts,
  expected: FlowFacts | undefined,
  passed: readonly Uint8Array[],
  direction: "outbound" | "inbound",
): void {
  if (expected === undefined) return assert.deepEqual(passed, []);
  if (facts.kind !== "icmp-error" || expected === facts) {
    return assert.deepEqual(passed, [bytesOf(expected, direction)]);
  }
  const [packet, ...others] = passed;
  assert.ok(packet);
  assert.deepEqual(others, []);
  const quote = packet.subarray(facts.source.includes(":") ? 48 : 28);
  assert.equal(sourceOf(packet), expected.source);
  assert.equal(destinationOf(packet), expected.destination);
  assert.equal(destinationOf(quote), expected.source);
  assert.equal(sourceOf(quote), expected.destination);
  const portsAt = facts.source.includes(":") ? 40 : 20;
  assert.equal(readU16(quote, portsAt), expected.otherPort);
  assert.deepEqual(wrongChecksums(viewOf(packet)), []);
}

/** What goes back to a client is one ICMP error at most, to nobody else. */
function assertAnswers(
  client: TestClient,
  sent: readonly { readonly peer: string; readonly packet: Uint8Array }[],
): void {
  assert.ok(sent.length <= 1);
  for (const { peer, packet } of sent) {
    assert.equal(peer, client.id);
    assert.deepEqual(wrongChecksums(viewOf(packet)), []);
  }
}

function viewOf(packet: Uint8Array): IpPacketView {
  const view = new IpPacketView();
  assert.equal(view.attach(packet, 0, packet.length), "ok");
  return view;
}
