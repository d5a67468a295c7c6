import assert from "node:assert/strict";
import { formatIp } from "../../lib/base/mod.ts";
import { Client } from "../../lib/client/mod.ts";
import { Gateway } from "../../lib/gateway/mod.ts";
import { type RoleHost, WholeLab } from "../client/whole_lab.ts";
import { CLIENT_ID, GATEWAY_ID, policyFile } from "../control/lab.ts";
import type { SimDatagram } from "../sim/world.ts";
import { naiveCovers } from "../support/naive_policy.ts";
import { addressBytes, udpPacket } from "../support/ip_packet.ts";
import { naivePacket } from "../support/naive_packet.ts";
import vectors from "../vectors/firezone_gateway_messages.json" with {
  type: "json",
};
import { Tape } from "./choices.ts";
import { CLIENT_MESSAGES } from "./client_messages.ts";
import type { FuzzTarget } from "./engine.ts";
import { packetCorpus } from "./ip_targets.ts";
import { JsonMutator } from "./json_mutator.ts";
import { Mutator, repairPacket } from "./mutator.ts";

/** Datagrams that each host may put on the network for each step, on average: data, handshakes, checks. */
const MOST_SENT_PER_STEP = 60;

/** Events of a single host for each step, on average. */
const MOST_EVENTS_PER_STEP = 4;

const SECOND_CLIENT_ID = "33333333-aaaa-4aaa-8aaa-333333333333";
const OTHER_NETWORK_ID = "66666666-ffff-4fff-8fff-777777777777";
const GATEWAY_IP = "100.64.0.1";

/** What each client may reach at most, by tunnel address. */
const REACHABLE: ReadonlyMap<string, string> = new Map([
  ["100.64.0.2", "10.20.0.0/16"],
  ["100.64.0.3", "10.30.0.0/16"],
]);

const PLACES = [
  ...["10.20.0.1", "10.20.0.1", "10.30.0.1", "10.30.0.1", "8.8.8.8"],
  ...["100.64.0.1", "100.64.0.2", "100.64.0.3"],
];

const packets = packetCorpus();
const gatewayMessages = vectors.incoming.flatMap(({ message }) =>
  message ? [{ event: message.event, payload: message.payload as unknown }] : []
);

/** Portal, relay, gateway and two clients, all of them real, with everything that can go wrong at once. */
export const WHOLE_TARGETS: readonly FuzzTarget[] = [
  wholeTarget("whole/isolation", false),
  wholeTarget("whole/portal", true),
];

function wholeTarget(name: string, isPortalOdd: boolean): FuzzTarget {
  return {
    name,
    runs: 10,
    generate: (choices) => choices.bytes(choices.below(1_500)),
    check: (input) => new Attack(new Tape(input), isPortalOdd).run(),
  };
}

class Attack {
  readonly #tape: Tape;
  readonly #isPortalOdd: boolean;
  readonly #lab = new WholeLab(policy(["laptop", "phone"]));
  readonly #gateway = this.#lab.add("gateway", ".gateway", "203.0.113.2");
  readonly #clients: readonly RoleHost[] = [
    this.#lab.add("client", "n.client", "203.0.113.11"),
    this.#lab.add("client", "n.phone", "203.0.113.12"),
  ];
  readonly #packetMutator: Mutator;
  #genuine: SimDatagram[] = [];
  #sent = 0;
  #steps = 0;

  /** `isPortalOdd`: the portal says what it should not, so nobody knows what policy is. */
  constructor(tape: Tape, isPortalOdd: boolean) {
    this.#tape = tape;
    this.#isPortalOdd = isPortalOdd;
    this.#packetMutator = new Mutator(tape, packets, repairPacket);
  }

  run(): void {
    const { world } = this.#lab;
    world.advance(2_000);
    this.#sendOwn(0);
    this.#sendOwn(1);
    world.advance(3_000);
    assert.ok(this.#gateway.delivered.length === 2, "Not connected");
    this.#genuine = world.sent.splice(0);

    for (; !this.#tape.isAtEnd; this.#steps++) {
      this.#step();
      this.#sent += world.sent.splice(0).length;
      if (!this.#isPortalOdd) this.#checkDelivered();
      this.#gateway.delivered.length = 0;
      for (const { delivered } of this.#clients) delivered.length = 0;
    }
    world.advance(1_000);
    this.#checkAmounts();
  }

  #step(): void {
    const tape = this.#tape;
    const { world } = this.#lab;
    switch (tape.below(10)) {
      case 0:
        return world.advance(tape.pick([1, 20, 500, 5_000, 30_000]));
      case 1:
        return this.#lab.reload(
          policy(tape.pick([["laptop", "phone"], ["laptop"], ["phone"], []])),
        );
      case 2:
        return this.#sendOwn(tape.below(2));
      case 3:
        if (!this.#isPortalOdd) return this.#sendAny(this.#anyHost());
        return this.#sayOdd();
      case 4:
      case 5:
        return this.#sendAny(tape.pick(this.#clients));
      case 6:
        return this.#sendAny(this.#gateway);
      default:
        this.#hit();
        return world.advance(1);
    }
  }

  /** A client sends to what it may reach. */
  #sendOwn(number: number): void {
    const [source, network] = [...REACHABLE][number]!;
    const destination = network.replace("0.0/16", "0.1");
    this.#clients[number]!.send(
      udpPacket({ source, destination, sourcePort: 5, destinationPort: 53 }),
      this.#lab.world.now,
    );
  }

  /** The kernel hands a host a packet between any two places, or none at all. */
  #sendAny(host: RoleHost): void {
    const tape = this.#tape;
    const packet = udpPacket({
      source: tape.pick(PLACES),
      destination: tape.pick(PLACES),
      sourcePort: tape.below(100),
      destinationPort: 53,
    });
    const isOdd = tape.below(2) === 0;
    const bytes = isOdd ? this.#packetMutator.next(packet) : packet;
    const before = counted(host);
    host.send(bytes, this.#lab.world.now);
    assert.equal(counted(host), before + 1, "A packet is counted once");
    this.#lab.world.advance(tape.pick([0, 50]));
  }

  /** A datagram like those that were seen arrives at a host. */
  #hit(): void {
    const tape = this.#tape;
    const { source, destination, payload } = tape.pick(this.#genuine);
    const mutator = new Mutator(tape, [payload]);
    const host = [this.#gateway, ...this.#clients].find(({ addresses }) =>
      formatIp(addresses[0]!) === formatIp(destination.ip)
    );
    const datagram = { source, destination, payload: mutator.next(payload) };
    host?.handleDatagram(
      { ...datagram, ecn: 0, isPinned: false },
      this.#lab.world.now,
    );
  }

  /** The portal says something wrong about somebody known. */
  #sayOdd(): void {
    const tape = this.#tape;
    const host = this.#anyHost();
    const isGateway = host === this.#gateway;
    const { event, payload } = tape.pick(
      isGateway ? gatewayMessages : CLIENT_MESSAGES,
    );
    const known = isGateway ? CLIENT_ID : GATEWAY_ID;
    const text = new TextDecoder()
      .decode(new JsonMutator(tape, [payload]).next())
      .replace(/("(?:client_|gateway_)?id":")[0-9a-f-]{36}/, `$1${known}`);
    host.fromPortal(event, jsonOf(text), this.#lab.world.now);
  }

  #anyHost(): RoleHost {
    return this.#tape.pick([this.#gateway, ...this.#clients]);
  }

  #checkDelivered(): void {
    for (const bytes of this.#gateway.delivered) {
      const packet = naivePacket(bytes);
      assert.ok(packet, "A malformed packet reached TUN");
      const network = REACHABLE.get(packet.source);
      assert.ok(network, `From ${packet.source}`);
      const target = addressBytes(packet.destination);
      assert.ok(
        packet.destination === GATEWAY_IP || naiveCovers(network, target),
        `From ${packet.source} to ${packet.destination}`,
      );
    }
    for (const [i, { delivered }] of this.#clients.entries()) {
      for (const bytes of delivered) {
        const packet = naivePacket(bytes);
        assert.equal(packet?.destination, [...REACHABLE.keys()][i]);
      }
    }
  }

  #checkAmounts(): void {
    const seconds = this.#lab.world.now / 1_000;
    const most = MOST_SENT_PER_STEP * (this.#steps + 10) + 50 * seconds;
    assert.ok(this.#sent <= most, `${this.#sent} sent`);
    for (const { events, core } of [this.#gateway, ...this.#clients]) {
      assert.ok(events.length <= MOST_EVENTS_PER_STEP * (this.#steps + 10));
      assert.ok(core instanceof Gateway || core instanceof Client);
      assert.equal(core.snapshot().lostEvents, 0);
    }
  }
}

/** How many packets of the TUN device a host has counted. */
function counted({ core }: RoleHost): number {
  assert.ok(core instanceof Gateway || core instanceof Client);
  const snapshot = core.snapshot();
  const counts = core instanceof Gateway ? snapshot.inbound : snapshot.outbound;
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Two clients with a network each, of which only those named may use theirs. */
function policy(allowed: readonly string[]): unknown {
  const file = policyFile();
  const [laptop] = file.clients;
  const [network] = file.resources;
  const phone = {
    ...laptop,
    name: "phone",
    id: SECOND_CLIENT_ID,
    token: "n.phone",
    ipv4: "100.64.0.3",
    ipv6: "fd00:2021:1111::3",
  };
  const other = {
    ...network,
    name: "Other",
    id: OTHER_NETWORK_ID,
    address: "10.30.0.0/16",
  };
  const policies = [
    { client: "laptop", resource: "Net" },
    { client: "phone", resource: "Other" },
  ].filter(({ client }) => allowed.includes(client));
  return {
    ...file,
    clients: [laptop, phone],
    resources: [network, other],
    policies,
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
