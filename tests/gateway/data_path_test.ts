import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Arena,
  type Ecn,
  instant,
  NO_LOG,
  unixMs,
} from "../../lib/base/mod.ts";
import { Gateway, type GatewayNode } from "../../lib/gateway/mod.ts";
import type { Resource } from "../../lib/portal/mod.ts";
import { worldPackets, worldResources } from "../arbitraries/gateway.ts";
import { datagramOf } from "../support/datagram.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  EPOCH_SECONDS,
  GatewayHarness,
  internetResource,
  ipOf,
} from "../support/gateway_harness.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { udpPacket } from "../support/ip_packet.ts";
import { SeededRandom } from "../support/random.ts";
import { naiveInbound, naiveOutbound } from "../support/naive_gateway.ts";

const PORTS = { sourcePort: 5401, destinationPort: 443 };

Deno.test("a packet reaches the TUN device if and only if the spec's outbound table lets it", () => {
  let forwarded = 0;
  fc.assert(
    fc.property(
      worldResources(),
      worldPackets("outbound"),
      (resources, packets) => {
        const world = worldOf(resources);
        for (const { bytes, fields } of packets) {
          world.fromClient(ALICE, bytes);

          const expected = naiveOutbound(resources, fields) ? [bytes] : [];
          assert.deepEqual(world.takeWritten(), expected);
          forwarded += expected.length;
        }
      },
    ),
    { numRuns: 400 },
  );
  assert.ok(forwarded > 200, `Only ${forwarded} packets passed`);
});

Deno.test("a packet reaches the client if and only if the spec's inbound table lets it", () => {
  let delivered = 0;
  fc.assert(
    fc.property(
      worldResources(),
      worldPackets("inbound"),
      (resources, packets) => {
        const world = worldOf(resources);
        for (const { bytes, fields } of packets) {
          world.fromTun(bytes);

          const expected = naiveInbound(resources, fields) ? [bytes] : [];
          assert.deepEqual(
            world.takeSent().map(({ packet }) => packet),
            expected,
          );
          delivered += expected.length;
        }
      },
    ),
    { numRuns: 400 },
  );
  assert.ok(delivered > 200, `Only ${delivered} packets passed`);
});

Deno.test("[dp 13] random bytes from either side harm nothing and pass nowhere", () => {
  const world = worldOf([cidrResource("r1", "10.0.0.0/8")]);

  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 1_400 }), (bytes) => {
      world.fromClient(ALICE, bytes);
      world.fromTun(bytes);

      assert.deepEqual(world.takeWritten(), []);
      assert.deepEqual(world.takeSent(), []);
    }),
  );
});

Deno.test("[dp 115] [dp 116] congestion on the way to us is marked in the packet, with a right checksum", () => {
  const outcomes: (readonly [number, Ecn, number])[] = [
    [0, 0, 0],
    [0, 1, 0],
    [0, 2, 0],
    [0, 3, 0],
    [1, 0, 1],
    [1, 1, 1],
    [1, 2, 1],
    [1, 3, 3],
    [2, 0, 2],
    [2, 1, 2],
    [2, 2, 2],
    [2, 3, 3],
    [3, 0, 3],
    [3, 1, 3],
    [3, 2, 3],
    [3, 3, 3],
  ];
  const world = worldOf([
    cidrResource("r1", "10.0.0.0/8"),
    cidrResource("r2", "2001:db8::/32"),
  ]);

  for (const [inner, outer, expected] of outcomes) {
    const v4 = { source: ALICE.ipv4, destination: "10.0.0.1" };
    const v6 = { source: ALICE.ipv6, destination: "2001:db8::1" };
    for (const addresses of [v4, v6]) {
      const trafficClass = (mark: number) => ({ trafficClass: 0xb8 | mark });

      world.fromClient(
        ALICE,
        udpPacket({ ...addresses, ...PORTS, ...trafficClass(inner) }),
        outer,
      );

      assert.deepEqual(world.takeWritten(), [
        udpPacket({ ...addresses, ...PORTS, ...trafficClass(expected) }),
      ]);
    }
  }
});

Deno.test("[dp 117] the packet's congestion bits go to the datagram that carries it", () => {
  const world = worldOf([cidrResource("r1", "10.0.0.0/8")]);

  for (const trafficClass of [0, 1, 2, 3, 0xba]) {
    world.fromTun(
      udpPacket({
        source: "10.0.0.1",
        destination: ALICE.ipv4,
        ...PORTS,
        trafficClass,
      }),
    );
  }

  assert.deepEqual(world.takeSent().map(({ ecn }) => ecn), [0, 1, 2, 3, 2]);
});

Deno.test("[dp 119] packets keep their order in both directions", () => {
  const world = worldOf([cidrResource("r1", "10.0.0.0/8")]);
  const numbered = (source: string, destination: string) =>
    Array.from(
      { length: 50 },
      (_, i) =>
        udpPacket({ source, destination, ...PORTS, payload: Uint8Array.of(i) }),
    );
  const outbound = numbered(ALICE.ipv4, "10.0.0.1");
  const inbound = numbered("10.0.0.1", ALICE.ipv4);

  for (const packet of outbound) world.fromClient(ALICE, packet);
  for (const packet of inbound) world.fromTun(packet);

  assert.deepEqual(world.takeWritten(), outbound);
  assert.deepEqual(world.takeSent().map(({ packet }) => packet), inbound);
});

Deno.test("judging and forwarding a packet costs no heap in either direction", () => {
  const { gateway, outbound, inbound } = steadyGateway();

  const outboundBytes = heapBytesPerCall(outbound);
  const inboundBytes = heapBytesPerCall(inbound);

  const { outbound: out, inbound: into } = gateway.snapshot();
  assert.ok(out.forward > 0 && out["prohibited-by-filter"] > 0);
  assert.ok(into.sent > 0 && into["not-allowed"] > 0);
  assert.ok(outboundBytes < 1, `${outboundBytes} bytes a packet outbound`);
  assert.ok(inboundBytes < 1, `${inboundBytes} bytes a packet inbound`);
});

/** A gateway where Alice may reach `resources`, and Bob something else. */
function worldOf(resources: readonly Resource[]): GatewayHarness {
  const world = new GatewayHarness();
  world.init();
  world.grant(BOB, internetResource("other"));
  for (const resource of resources) world.grant(ALICE, resource);
  return world;
}

/** A gateway on a node that allocates nothing, and one call for a mix of packets in each direction. */
function steadyGateway() {
  const arena = new Arena(65_536);
  const { bytes } = arena;
  const slotsAt = arena.allocate(16 * 1_500);
  const received = { peer: ALICE.id, start: 0, end: 0, ecn: 3 as Ecn };
  const node = {
    received,
    updateRelays: () => {},
    upsertConnection: () => "created",
    handleDatagram: () => "packet",
    sendPacket: () => "sent",
    pollEvent: () => undefined,
    snapshot: () => ({}),
  } as unknown as GatewayNode;
  const epoch = { instant: instant(0), unix: unixMs(EPOCH_SECONDS * 1_000) };
  const random = new SeededRandom(1);
  const gateway = new Gateway({ node, arena, epoch, random, log: NO_LOG });
  authorize(gateway, [
    ...Array.from(
      { length: 500 },
      (_, i) =>
        cidrResource(`r${i}`, `10.${i >> 4}.${(i & 15) << 4}.0/20`, [
          { protocol: "tcp", start: 443, end: 443 },
          { protocol: "udp", start: i, end: 2 * i },
        ]),
    ),
    cidrResource("v6", "2001:db8::/32"),
  ]);

  const from = (source: string) =>
    ["10.3.0.1", "10.9.1.2", "2001:db8::1", "11.0.0.1"]
      .map((destination) => ({
        source: destination.includes(":") ? ALICE.ipv6 : source,
        destination,
      }));
  const pairs = from(ALICE.ipv4);
  const outgoing = pairs.map((addresses) =>
    udpPacket({ ...addresses, sourcePort: 9, destinationPort: 60 })
  );
  const incoming = pairs.map(({ source, destination }) =>
    udpPacket({
      source: destination,
      destination: source,
      sourcePort: 60,
      destinationPort: 9,
    })
  );
  const slots = [...outgoing, ...incoming].map((packet, i) => {
    const start = slotsAt + i * 1_500;
    bytes.set(packet, start);
    return { start, end: start + packet.length };
  });
  const packets = { bytes, reserve: () => 0, commit: () => {} };
  const datagrams = { bytes, reserve: () => 0, commit: () => {} };
  const datagram = datagramOf("192.0.2.9:5", "192.0.2.1:6", new Uint8Array(0));
  const now = instant(5);
  let turn = 0;
  return {
    gateway,
    outbound: () => {
      const slot = slots[turn++ & 3]!;
      received.start = slot.start;
      received.end = slot.end;
      gateway.handleDatagram(datagram, now, packets, datagrams);
    },
    inbound: () => {
      const slot = slots[4 + (turn++ & 3)]!;
      gateway.handlePacket(bytes, slot.start, slot.end, now, datagrams);
    },
  };
}

function authorize(gateway: Gateway, resources: readonly Resource[]): void {
  const now = instant(0);
  gateway.handleMessage({
    kind: "init",
    interface: { ipv4: ipOf("100.70.0.1"), ipv6: ipOf("fd00:2021:1111::a:1") },
    relays: [],
    authorizations: [],
    flowLogs: { apiUrl: "", uploadIntervalSecs: 0, uploadBatchSize: 0 },
    accountSlug: null,
  }, now);
  for (const resource of resources) {
    gateway.handleMessage({
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
      flowLogsIngestToken: "",
    }, now);
  }
}
