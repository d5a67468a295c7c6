import assert from "node:assert/strict";
import {
  ALICE,
  BOB,
  cidrResource,
  GATEWAY,
  GatewayHarness,
  internetResource,
} from "../support/gateway_harness.ts";
import {
  echoRequest,
  icmpPacket,
  ipPacket,
  tcpPacket,
  udpPacket,
} from "../support/ip_packet.ts";

const PORTS = { sourcePort: 443, destinationPort: 5401 };
const HTTPS = [{ protocol: "tcp", start: 443, end: 443 }] as const;
const ICMP = [{ protocol: "icmp" }] as const;

Deno.test("[dp 65] packets to addresses outside the tunnel range are ignored", () => {
  const world = worldWith(cidrResource("r1", "0.0.0.0/0"));

  for (
    const destination of [
      "224.0.0.22",
      "10.0.0.1",
      "100.96.0.1",
      "255.255.255.255",
    ]
  ) {
    const packet = udpPacket({ source: "10.0.0.1", destination, ...PORTS });
    assert.equal(world.fromTun(packet), "not-a-peer");
  }
  for (
    const destination of ["ff02::16", "fe80::1", "fd00:2021:1111:8000::1", "::"]
  ) {
    const packet = udpPacket({ source: "2001:db8::1", destination, ...PORTS });
    assert.equal(world.fromTun(packet), "not-a-peer");
  }
  assert.deepEqual(world.takeSent(), []);
});

Deno.test("an address with the low bits of a client is not taken for the client's", () => {
  const world = worldWith(cidrResource("r1", "0.0.0.0/0"));
  world.grant(ALICE, cidrResource("r2", "::/0"));

  for (const destination of ["100.96.0.1", "8.64.0.1"]) {
    const packet = udpPacket({ source: "10.0.0.1", destination, ...PORTS });
    assert.equal(world.fromTun(packet), "not-a-peer");
  }
  const packet = udpPacket({
    source: "2001:db8::1",
    destination: "2001:db8::1",
    ...PORTS,
  });
  assert.equal(world.fromTun(packet), "not-a-peer");
});

Deno.test("[dp 66] packets to unknown tunnel addresses are dropped", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));

  for (
    const packet of [from("10.0.0.1", BOB.ipv4), from("2001:db8::1", BOB.ipv6)]
  ) {
    assert.equal(world.fromTun(packet), "no-peer-state");
  }
});

Deno.test("[dp 67] packets from the gateway itself are delivered unfiltered", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8", [...HTTPS]));
  const addresses = { source: GATEWAY.ipv4, destination: ALICE.ipv4 };
  const packets = [
    from(GATEWAY.ipv4),
    from(GATEWAY.ipv6, ALICE.ipv6),
    ipPacket(addresses, 47, new Uint8Array(4)),
    icmpPacket({ ...addresses, type: 13 }),
  ];

  for (const packet of packets) assert.equal(world.fromTun(packet), "sent");
  assert.deepEqual(
    world.takeSent(),
    packets.map((packet) => ({ peer: ALICE.id, packet, ecn: 0 })),
  );
});

Deno.test("[dp 68] packets from another tunnel address are dropped", () => {
  const world = worldWith(internetResource("r1"));
  world.grant(BOB, cidrResource("r2", "100.64.0.0/10"));

  assert.equal(world.fromTun(from(BOB.ipv4)), "tunnel-source");
  assert.equal(world.fromTun(from(BOB.ipv6, ALICE.ipv6)), "tunnel-source");
  assert.equal(world.fromTun(from(ALICE.ipv4, BOB.ipv4)), "tunnel-source");
});

Deno.test("packets from proxy addresses are dropped, whatever policy says", () => {
  const world = worldWith(internetResource("r1"));
  world.grant(BOB, cidrResource("r2", "100.96.0.0/11"));

  assert.equal(world.fromTun(from("100.96.0.1")), "proxy-source");
  assert.equal(world.fromTun(from("100.96.0.1", BOB.ipv4)), "proxy-source");
  const address = "fd00:2021:1111:8000::1";
  assert.equal(world.fromTun(from(address, ALICE.ipv6)), "proxy-source");
});

Deno.test("[dp 68] an ICMP error from another tunnel address is dropped", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));
  const body = udpPacket({
    source: ALICE.ipv4,
    destination: BOB.ipv4,
    ...PORTS,
  });
  const error = icmpPacket({
    source: BOB.ipv4,
    destination: ALICE.ipv4,
    type: 3,
    body,
  });

  assert.equal(world.fromTun(error), "tunnel-source");
});

Deno.test("[dp 69] filters apply to the source port", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8", [...HTTPS]));
  const addresses = { source: "10.0.0.1", destination: ALICE.ipv4 };
  const reply = tcpPacket({ ...addresses, ...PORTS });
  const reversed = tcpPacket({
    ...addresses,
    sourcePort: 5401,
    destinationPort: 443,
  });

  assert.equal(world.fromTun(reply), "sent");
  assert.equal(world.fromTun(reversed), "not-allowed");
});

Deno.test("[dp 70] unsolicited packets that pass the filters are delivered", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));
  const packets = [
    from("10.0.0.1"),
    echoRequest({ source: "10.0.0.1", destination: ALICE.ipv4, identifier: 9 }),
  ];

  for (const packet of packets) assert.equal(world.fromTun(packet), "sent");
  assert.deepEqual(world.takeSent().map(({ packet }) => packet), packets);
});

Deno.test("packets from addresses without a resource are dropped", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));

  assert.equal(world.fromTun(from("11.0.0.1")), "not-allowed");
  assert.equal(world.fromTun(from("2001:db8::1", ALICE.ipv6)), "not-allowed");
});

Deno.test("[dp 71] ICMP errors are delivered whatever their source and the filters", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8", [...HTTPS]));
  const v4 = tcpPacket({
    source: ALICE.ipv4,
    destination: "10.0.0.1",
    ...PORTS,
  });
  const v6 = tcpPacket({
    source: ALICE.ipv6,
    destination: "2001:db8::1",
    ...PORTS,
  });
  const errors = [
    ...[3, 11].map((type) =>
      icmpPacket({
        source: "192.0.2.1",
        destination: ALICE.ipv4,
        type,
        body: v4,
      })
    ),
    ...[1, 2, 3].map((type) =>
      icmpPacket({ source: "fe80::1", destination: ALICE.ipv6, type, body: v6 })
    ),
  ];

  for (const error of errors) assert.equal(world.fromTun(error), "sent");
  assert.deepEqual(world.takeSent().map(({ packet }) => packet), errors);
});

Deno.test("[dp 72] other ICMP types and opaque protocols are dropped", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));
  const addresses = { source: "10.0.0.1", destination: ALICE.ipv4 };

  for (const type of [5, 13, 14]) {
    const packet = icmpPacket({ ...addresses, type });
    assert.equal(world.fromTun(packet), "unparseable-icmp");
  }
  const bodiless = icmpPacket({ ...addresses, type: 3 });
  assert.equal(world.fromTun(bodiless), "unparseable-icmp");
  for (const protocol of [47, 50, 132]) {
    const packet = ipPacket(addresses, protocol, new Uint8Array(4));
    assert.equal(world.fromTun(packet), "unsupported-protocol");
  }
});

Deno.test("[dp 72] the ICMP filter does not let other ICMP types in", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8", [...ICMP]));
  const addresses = { source: "10.0.0.1", destination: ALICE.ipv4 };

  assert.equal(
    world.fromTun(icmpPacket({ ...addresses, type: 13 })),
    "unparseable-icmp",
  );
  assert.equal(
    world.fromTun(echoRequest({ ...addresses, identifier: 1 })),
    "sent",
  );
});

Deno.test("[dp 73] packets from the refuse list are dropped for a client with an Internet resource", () => {
  const world = worldWith(internetResource("r1"));

  for (
    const source of ["10.0.0.1", "192.168.1.1", "169.254.169.254"]
  ) {
    assert.equal(world.fromTun(from(source)), "not-allowed");
  }
  assert.equal(world.fromTun(from("fd12::1", ALICE.ipv6)), "not-allowed");
  assert.equal(world.fromTun(from("1.1.1.1")), "sent");
  assert.equal(world.fromTun(from("2606:4700::1111", ALICE.ipv6)), "sent");
});

Deno.test("[dp 74] nothing is ever sent towards resources for what is dropped", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8", [...HTTPS]));

  for (
    const packet of [
      from("10.0.0.1"),
      from("10.0.0.1", BOB.ipv4),
      from("1.1.1.1"),
    ]
  ) {
    world.fromTun(packet);
  }

  assert.deepEqual(world.takeWritten(), []);
  assert.deepEqual(world.takeSent(), []);
});

for (
  const outcome of [
    "connecting",
    "not-connected",
    "no-channel",
    "no-session",
  ] as const
) {
  Deno.test(`[dp 75] a packet that cannot be sent is dropped and counted as ${outcome}`, () => {
    const world = worldWith(cidrResource("r1", "10.0.0.0/8"));

    world.node.sendVerdict = outcome;
    const verdict = world.fromTun(from("10.0.0.1"));
    world.node.sendVerdict = "sent";
    world.advance(5_000);

    assert.equal(verdict, outcome);
    assert.deepEqual(world.takeSent(), []);
  });
}

Deno.test("[dp 1] [dp 6] malformed packets are dropped without affecting later ones", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));
  const malformed = from("10.0.0.1");
  malformed[25]! += 1;

  assert.equal(world.fromTun(malformed), "udp-length-mismatch");
  assert.equal(world.fromTun(new Uint8Array(0)), "empty");
  assert.equal(world.fromTun(from("10.0.0.1")), "sent");
});

/** A gateway where Alice may reach one resource. */
function worldWith(resource: Parameters<GatewayHarness["grant"]>[1]) {
  const world = new GatewayHarness();
  world.init();
  world.grant(ALICE, resource);
  return world;
}

/** A UDP packet from port 443 of `source`. */
function from(source: string, destination = ALICE.ipv4): Uint8Array {
  return udpPacket({ source, destination, ...PORTS });
}
