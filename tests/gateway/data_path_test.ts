import assert from "node:assert/strict";
import fc from "fast-check";
import type { Ecn } from "../../lib/base/mod.ts";
import type { Resource } from "../../lib/portal/mod.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  GatewayHarness,
  internetResource,
} from "../support/gateway_harness.ts";
import { udpPacket } from "../support/ip_packet.ts";

const PORTS = { sourcePort: 5401, destinationPort: 443 };

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

Deno.test("[dp 120] a packet that is refused takes nothing from those after it", () => {
  const world = worldOf([cidrResource("r1", "10.0.0.0/8")]);
  const good = udpPacket({
    source: ALICE.ipv4,
    destination: "10.0.0.1",
    ...PORTS,
  });
  const answer = udpPacket({
    source: "10.0.0.1",
    destination: ALICE.ipv4,
    ...PORTS,
  });
  const bad = [new Uint8Array(0), good.subarray(0, 27), new Uint8Array(1_281)];

  for (const packet of bad) {
    world.fromClient(ALICE, packet);
    world.fromClient(ALICE, good);
    world.fromTun(packet);
    world.fromTun(answer);
  }

  assert.deepEqual(world.takeWritten(), [good, good, good]);
  assert.deepEqual(
    world.takeSent().map(({ packet }) => packet),
    [answer, answer, answer],
  );
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

/** A gateway where Alice may reach `resources`, and Bob something else. */
function worldOf(resources: readonly Resource[]): GatewayHarness {
  const world = new GatewayHarness();
  world.init();
  world.grant(BOB, internetResource("other"));
  for (const resource of resources) world.grant(ALICE, resource);
  return world;
}
