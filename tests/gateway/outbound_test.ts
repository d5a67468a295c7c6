import assert from "node:assert/strict";
import { encodeP2pControl } from "../../lib/wire/mod.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  dnsResource,
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

const PORTS = { sourcePort: 5401, destinationPort: 443 };
const HTTPS = [{ protocol: "tcp", start: 443, end: 443 }] as const;
const ICMP = [{ protocol: "icmp" }] as const;

Deno.test("[dp 47] packets to multicast groups are dropped silently", () => {
  const world = worldWith(cidrResource("r1", "0.0.0.0/0"));
  world.grant(ALICE, cidrResource("r2", "::/0"));

  for (const destination of ["224.0.0.251", "239.255.255.250"]) {
    assert.equal(world.fromClient(ALICE, udp4(destination)), "multicast");
  }
  assert.equal(world.fromClient(ALICE, udp6("ff02::fb")), "multicast");
  assert.deepEqual(world.takeWritten(), []);
});

Deno.test("packets of a client without authorizations are dropped", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));

  assert.equal(
    world.fromClient(BOB, udp4("10.0.0.1", BOB.ipv4)),
    "unknown-client",
  );
  assert.deepEqual(world.takeWritten(), []);
});

Deno.test("[dp 83] in-tunnel messages are never forwarded", () => {
  const world = worldWith(cidrResource("r1", "::/0"));

  for (const event of [0, 1, 2, 99]) {
    const message = encodeP2pControl(event, new Uint8Array(2));

    assert.equal(world.fromClient(ALICE, message), "control");
  }
  assert.deepEqual(world.takeWritten(), []);
});

Deno.test("an in-tunnel message without its header is judged by its source", () => {
  const world = worldWith(cidrResource("r1", "::/0"));
  const addresses = { source: "::", destination: "::" };
  const short = ipPacket(addresses, 255, new Uint8Array(7));

  assert.equal(world.fromClient(ALICE, short), "prohibited-source");
});

Deno.test("[dp 62] ICMP errors of clients are dropped", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));
  const body = udp4(ALICE.ipv4, "10.0.0.1");
  const error = icmpPacket({ ...to("10.0.0.1"), type: 3, code: 3, body });

  assert.equal(world.fromClient(ALICE, error), "icmp-error");
  assert.deepEqual(world.takeWritten(), []);
});

Deno.test("[dp 48] packets from a foreign source are owed a prohibition and never forwarded", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));
  world.grant(ALICE, cidrResource("r2", "2001:db8::/32"));
  world.grant(BOB, cidrResource("r1", "10.0.0.0/8"));

  for (const source of [BOB.ipv4, "192.168.1.1", GATEWAY.ipv4, "0.0.0.0"]) {
    const verdict = world.fromClient(ALICE, udp4("10.0.0.1", source));
    assert.equal(verdict, "prohibited-source");
  }
  for (const source of [BOB.ipv6, "fe80::1", "::"]) {
    const verdict = world.fromClient(ALICE, udp6("2001:db8::1", source));
    assert.equal(verdict, "prohibited-source");
  }
  assert.deepEqual(world.takeWritten(), []);
});

Deno.test("[dp 49] packets to the gateway itself pass, whatever protocol and filter", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8", [...HTTPS]));
  const packets = [
    udp4(GATEWAY.ipv4),
    udp6(GATEWAY.ipv6),
    tcpPacket({ ...to(GATEWAY.ipv4), ...PORTS }),
    echoRequest({ ...to(GATEWAY.ipv4), identifier: 1 }),
    icmpPacket({ ...to(GATEWAY.ipv4), type: 13 }),
    ipPacket(to(GATEWAY.ipv4), 47, new Uint8Array(4)),
  ];

  for (const packet of packets) {
    assert.equal(world.fromClient(ALICE, packet), "forward");
  }
  assert.deepEqual(world.takeWritten(), packets);
});

Deno.test("[dp 50] packets to other tunnel addresses are prohibited, with an Internet resource too", () => {
  const world = worldWith(cidrResource("r1", "100.64.0.0/10"));
  const withInternet = worldWith(internetResource("r1"));

  for (const it of [world, withInternet]) {
    for (
      const packet of [udp4(BOB.ipv4), udp4("100.95.255.255"), udp6(BOB.ipv6)]
    ) {
      assert.equal(it.fromClient(ALICE, packet), "prohibited-tunnel-address");
    }
    assert.deepEqual(it.takeWritten(), []);
  }
});

Deno.test("packets that name further destinations are dropped, to the gateway itself too", () => {
  const world = worldWith(cidrResource("r1", "0.0.0.0/0"));
  world.grant(ALICE, cidrResource("r2", "::/0"));
  const [loose, strict] = [131, 137].map((
    option,
  ) => [1, option, 7, 4, 10, 0, 0, 9]);
  const packets = [
    withOptions(udp4("10.0.0.1"), loose!),
    withOptions(udp4("10.0.0.1"), [68, 4, 5, 0, ...strict!]),
    withOptions(udp4(GATEWAY.ipv4), strict!),
    routed("2001:db8::1", 1),
    routed(GATEWAY.ipv6, 2),
  ];

  for (const packet of packets) {
    assert.equal(world.fromClient(ALICE, packet), "source-routed");
  }
  assert.deepEqual(world.takeWritten(), []);
  assert.deepEqual(world.node.sent, []);
});

Deno.test("other options pass, and so do routing headers that have been worked off", () => {
  const world = worldWith(cidrResource("r1", "0.0.0.0/0"));
  world.grant(ALICE, cidrResource("r2", "::/0"));
  const packets = [
    withOptions(udp4("10.0.0.1"), [7, 4, 131, 137]),
    withOptions(udp4("10.0.0.1"), [0, 131, 3, 4]),
    withOptions(udp4("10.0.0.1"), [7, 0, 131, 3]),
    routed("2001:db8::1", 0),
  ];

  for (const packet of packets) {
    assert.equal(world.fromClient(ALICE, packet), "forward");
  }
});

Deno.test("[dp 51] packets to addresses without a resource are prohibited", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));

  for (
    const packet of [udp4("11.0.0.1"), udp6("2001:db8::1"), udp4("100.96.0.1")]
  ) {
    assert.equal(world.fromClient(ALICE, packet), "prohibited-destination");
  }
  assert.deepEqual(world.takeWritten(), []);
});

Deno.test("[dp 52] packets that a filter rejects are prohibited", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8", [...HTTPS]));
  const rejected = [
    udp4("10.0.0.1"),
    tcpPacket({ ...to("10.0.0.1"), sourcePort: 443, destinationPort: 442 }),
    echoRequest({ ...to("10.0.0.1"), identifier: 443 }),
  ];

  for (const packet of rejected) {
    assert.equal(world.fromClient(ALICE, packet), "prohibited-by-filter");
  }
  const https = tcpPacket({ ...to("10.0.0.1"), ...PORTS });
  assert.equal(world.fromClient(ALICE, https), "forward");
  assert.deepEqual(world.takeWritten(), [https]);
});

Deno.test("[dp 56] opaque protocols pass only where there are no filters", () => {
  const gre = ipPacket(to("10.0.0.1"), 47, new Uint8Array(4));
  const open = worldWith(cidrResource("r1", "10.0.0.0/8"));
  const filtered = worldWith(
    cidrResource("r1", "10.0.0.0/8", [...HTTPS, ...ICMP]),
  );

  assert.equal(open.fromClient(ALICE, gre), "forward");
  assert.equal(filtered.fromClient(ALICE, gre), "prohibited-by-filter");
});

Deno.test("[dp 57] a packet passes if any resource that covers it permits it", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8", [...HTTPS]));
  world.grant(ALICE, cidrResource("r2", "10.0.0.1/32", [...ICMP]));

  const https = tcpPacket({ ...to("10.0.0.1"), ...PORTS });
  const echo = echoRequest({ ...to("10.0.0.1"), identifier: 1 });
  assert.equal(world.fromClient(ALICE, https), "forward");
  assert.equal(world.fromClient(ALICE, echo), "forward");
  assert.equal(
    world.fromClient(ALICE, udp4("10.0.0.1")),
    "prohibited-by-filter",
  );
});

Deno.test("[dp 59] CIDR resources are ignored while there is an Internet resource", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));
  assert.equal(world.fromClient(ALICE, udp4("10.0.0.1")), "forward");

  world.grant(ALICE, internetResource("r2"));
  assert.equal(
    world.fromClient(ALICE, udp4("10.0.0.1")),
    "unreachable-by-internet",
  );

  world.reject(ALICE, "r2");
  assert.equal(world.fromClient(ALICE, udp4("10.0.0.1")), "forward");
});

Deno.test("[dp 60] [dp 108] an Internet resource leaves out the refuse list as unreachable", () => {
  const world = worldWith(internetResource("r1"));

  for (
    const destination of [
      "10.0.0.1",
      "172.16.0.1",
      "192.168.0.1",
      "127.0.0.1",
      "169.254.169.254",
      "240.0.0.1",
      "255.255.255.255",
    ]
  ) {
    assert.equal(
      world.fromClient(ALICE, udp4(destination)),
      "unreachable-by-internet",
    );
  }
  for (const destination of ["::1", "::ffff:8.8.8.8", "fd12::1", "fe80::1"]) {
    assert.equal(
      world.fromClient(ALICE, udp6(destination)),
      "unreachable-by-internet",
    );
  }
  const allowed = [
    udp4("1.1.1.1"),
    udp6("2606:4700::1111"),
    ipPacket(to("1.1.1.1"), 50, new Uint8Array(9)),
  ];
  world.takeWritten();
  for (const packet of allowed) {
    assert.equal(world.fromClient(ALICE, packet), "forward");
  }
  assert.deepEqual(world.takeWritten(), allowed);
});

Deno.test("proxy addresses are judged by the table also with an Internet resource", () => {
  const world = worldWith(internetResource("r1"));
  world.grant(ALICE, dnsResource("r2"));

  assert.equal(
    world.fromClient(ALICE, udp4("100.96.0.1")),
    "prohibited-destination",
  );
});

Deno.test("a proxy address that no client announced is unreachable where a resource covers it", () => {
  const world = worldWith(cidrResource("r1", "0.0.0.0/0"));

  assert.equal(
    world.fromClient(ALICE, udp4("100.96.0.1")),
    "unreachable-no-translation",
  );
  assert.deepEqual(world.takeWritten(), []);
});

Deno.test("[dp 63] unsupported ICMP types pass where ICMP is permitted", () => {
  const timestamp = icmpPacket({ ...to("10.0.0.1"), type: 13 });

  const permitted = worldWith(cidrResource("r1", "10.0.0.0/8", [...ICMP]));
  const rejected = worldWith(cidrResource("r1", "10.0.0.0/8", [...HTTPS]));

  assert.equal(permitted.fromClient(ALICE, timestamp), "forward");
  assert.equal(rejected.fromClient(ALICE, timestamp), "prohibited-by-filter");
});

Deno.test("[dp 64] forwarded packets are byte-identical, wrong checksums included", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));
  const packet = udp4("10.0.0.1");
  packet[8] = 1;
  packet[26]! ^= 0xff;

  world.fromClient(ALICE, packet);

  assert.deepEqual(world.takeWritten(), [packet]);
});

Deno.test("[dp 1] [dp 3] malformed packets are dropped without affecting later ones", () => {
  const world = worldWith(cidrResource("r1", "10.0.0.0/8"));
  const tooLong = udpPacket({
    ...to("10.0.0.1"),
    ...PORTS,
    payload: new Uint8Array(1_253),
  });
  const fragment = udp4("10.0.0.1");
  fragment[6] = 0x20;

  assert.equal(world.fromClient(ALICE, tooLong), "too-long");
  assert.equal(world.fromClient(ALICE, fragment), "ipv4-fragment");
  assert.equal(world.fromClient(ALICE, udp4("10.0.0.1")), "forward");
});

/** A gateway where Alice may reach one resource. */
function worldWith(resource: Parameters<GatewayHarness["grant"]>[1]) {
  const world = new GatewayHarness();
  world.init();
  world.grant(ALICE, resource);
  return world;
}

/** Addresses of a packet from Alice. */
function to(destination: string): { source: string; destination: string } {
  const source = destination.includes(":") ? ALICE.ipv6 : ALICE.ipv4;
  return { source, destination };
}

function udp4(destination: string, source = ALICE.ipv4): Uint8Array {
  return udpPacket({ source, destination, ...PORTS });
}

function udp6(destination: string, source = ALICE.ipv6): Uint8Array {
  return udpPacket({ source, destination, ...PORTS });
}

/** Puts options, whole words of them, into an IPv4 packet. */
function withOptions(packet: Uint8Array, options: number[]): Uint8Array {
  const longer = Uint8Array.from([
    ...packet.subarray(0, 20),
    ...options,
    ...packet.subarray(20),
  ]);
  longer[0] = 0x45 + options.length / 4;
  longer[3] = longer.length;
  return longer;
}

/** Builds an IPv6 packet with a routing header. */
function routed(destination: string, segmentsLeft: number): Uint8Array {
  const udp = udp6(destination).subarray(40);
  const header = [17, 2, 4, segmentsLeft, ...new Uint8Array(20)];
  return ipPacket(
    { source: ALICE.ipv6, destination },
    43,
    Uint8Array.from([...header, ...udp]),
  );
}
