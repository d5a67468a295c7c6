import assert from "node:assert/strict";
import { fromHex, toHex } from "../../lib/base/mod.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  dnsResource,
  GATEWAY,
  GatewayHarness,
  internetResource,
  uuidOf,
} from "../support/gateway_harness.ts";
import { icmpPacket, ipPacket, udpPacket } from "../support/ip_packet.ts";
import { destinationOf, sourceOf } from "../support/packet_fields.ts";

const R1 = uuidOf(1);
const PROXY = "100.96.0.1";
const PROXY6 = "fd00:2021:1111:8000::";
const HTTPS = [{ protocol: "tcp", start: 443, end: 443 }] as const;
const PORTS = { sourcePort: 5401, destinationPort: 443 };

const UDP4 = "450000240000000040110c88644000010a000001" +
  "151901bb00107ab80000000000000000";
const UDP6 = "6000000000101140fd002021111100000000000000000001" +
  "fd00202111118000000000000000000000010050001023160000000000000000";

Deno.test("[dp 106] [dp 107] prohibitions are the packets of data-plane spec §21", () => {
  const world = worldWithNothing();

  world.fromClient(ALICE, hex(UDP4));
  world.fromClient(ALICE, hex(UDP6));

  assert.deepEqual(
    world.takeSent().map(({ peer, packet, ecn }) => [
      peer,
      toHex(packet),
      ecn,
    ]),
    [
      [
        ALICE.id,
        "4500003800000000140138840a00000164400001030d6b5600000000" +
        UDP4.slice(0, 56),
        0,
      ],
      [
        ALICE.id,
        "6000000000403a14fd002021111180000000000000000000" +
        "fd0020211111000000000000000000010101b0ed00000000" + UDP6,
        0,
      ],
    ],
  );
});

Deno.test("[dp 87] [dp 106] [dp 107] a name without an address of the family is unreachable, as in data-plane spec §21", () => {
  const world = worldWithWiki([]);

  world.fromClient(ALICE, hex(UDP6));
  world.sendTo(PROXY);

  const [six, four] = world.takeSent().map(({ packet }) => packet);
  assert.equal(
    toHex(six!),
    "6000000000403a14fd002021111180000000000000000000" +
      "fd0020211111000000000000000000010103b0eb00000000" + UDP6,
  );
  assert.deepEqual([...four!.subarray(20, 22)], [3, 0]);
});

Deno.test("[dp 60] [dp 108] an Internet resource's refuse list is unreachable, as in data-plane spec §21", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, internetResource("internet"));

  world.fromClient(ALICE, hex(UDP4));

  assert.deepEqual(world.takeSent().map(({ packet }) => toHex(packet)), [
    "4500003800000000140138840a0000016440000103006b6300000000" +
    UDP4.slice(0, 56),
  ]);
});

Deno.test("[dp 48] [dp 50] [dp 51] [dp 52] [dp 108] what policy forbids is answered with prohibited", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("net", "10.0.0.0/8", [...HTTPS]));
  world.grant(ALICE, cidrResource("net6", "2001:db8::/32", [...HTTPS]));
  const forbidden = [
    [BOB.ipv4, "10.0.0.1", "prohibited-source"],
    [ALICE.ipv4, BOB.ipv4, "prohibited-tunnel-address"],
    [ALICE.ipv4, "11.0.0.1", "prohibited-destination"],
    [ALICE.ipv4, "10.0.0.1", "prohibited-by-filter"],
    [BOB.ipv6, "2001:db8::1", "prohibited-source"],
    [ALICE.ipv6, BOB.ipv6, "prohibited-tunnel-address"],
    [ALICE.ipv6, "2001:db9::1", "prohibited-destination"],
    [ALICE.ipv6, "2001:db8::1", "prohibited-by-filter"],
  ] as const;

  for (const [source, destination, verdict] of forbidden) {
    const packet = udpPacket({ source, destination, ...PORTS });

    assert.equal(world.fromClient(ALICE, packet), verdict);

    const [answer, ...others] = world.takeSent();
    assert.deepEqual(others, []);
    assert.equal(answer?.peer, ALICE.id);
    assert.equal(sourceOf(answer.packet), destination);
    assert.equal(destinationOf(answer.packet), source);
    const at = source.includes(":") ? 40 : 20;
    const expected = source.includes(":") ? [1, 1] : [3, 13];
    assert.deepEqual([...answer.packet.subarray(at, at + 2)], expected);
  }
  assert.deepEqual(world.takeWritten(), []);
});

Deno.test("[dp 35] [dp 38] packets to an expired or revoked resource are answered with prohibited", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("other", "192.0.2.0/24"));
  world.grant(ALICE, cidrResource("brief", "10.0.0.0/8"), 5);
  world.grant(ALICE, cidrResource("gone", "11.0.0.0/8"));

  assert.equal(world.sendTo("10.0.0.1"), "forward");
  world.advance(6_000);
  world.reject(ALICE, "gone");

  for (const destination of ["10.0.0.1", "11.0.0.1"]) {
    assert.equal(world.sendTo(destination), "prohibited-destination");
    const [answer] = world.takeSent();
    assert.deepEqual([...answer!.packet.subarray(20, 22)], [3, 13]);
  }
});

Deno.test("[dp 107] an answer quotes the packet as it came, 1232 bytes of it at most", () => {
  const world = worldWithNothing();
  const long = udpPacket({
    source: ALICE.ipv6,
    destination: "2001:db8::1",
    ...PORTS,
    payload: new Uint8Array(1_232).fill(7),
    trafficClass: 3,
  });
  assert.equal(long.length, 1_280);

  world.fromClient(ALICE, long);

  const [answer] = world.takeSent();
  assert.equal(answer?.packet.length, 1_280);
  assert.deepEqual(answer?.packet.subarray(48), long.subarray(0, 1_232));
});

Deno.test("a host that cannot be answered is not: nothing goes to groups, nor to no address at all", () => {
  const world = worldWithNothing();

  for (const source of ["224.0.0.1", "0.0.0.0", "239.1.2.3"]) {
    const packet = udpPacket({ source, destination: "10.0.0.1", ...PORTS });
    assert.equal(world.fromClient(ALICE, packet), "prohibited-source");
  }
  for (const source of ["ff02::1", "::"]) {
    const packet = udpPacket({ source, destination: "2001:db8::1", ...PORTS });
    assert.equal(world.fromClient(ALICE, packet), "prohibited-source");
  }

  assert.deepEqual(world.takeSent(), []);
  assert.equal(world.gateway.snapshot().icmpReplies["about-no-host"], 5);
});

Deno.test("[dp 47] [dp 62] neither ICMP errors nor multicast are answered", () => {
  const world = worldWithNothing();
  const to4 = { source: ALICE.ipv4, destination: "10.0.0.1" };
  const to6 = { source: ALICE.ipv6, destination: "2001:db8::1" };
  const whole4 = udpPacket({ ...to4, ...PORTS });
  const whole6 = udpPacket({ ...to6, ...PORTS });

  world.sendTo("224.0.0.251");
  for (const type of [3, 4, 5, 11, 12]) {
    world.fromClient(ALICE, icmpPacket({ ...to4, type, body: whole4 }));
    world.fromClient(ALICE, icmpPacket({ ...to4, type }));
  }
  for (const type of [1, 2, 3, 4, 100, 127, 137]) {
    world.fromClient(ALICE, icmpPacket({ ...to6, type, body: whole6 }));
    world.fromClient(ALICE, icmpPacket({ ...to6, type }));
  }

  assert.deepEqual(world.takeSent(), []);
  world.fromClient(ALICE, icmpPacket({ ...to4, type: 13 }));
  world.fromClient(ALICE, icmpPacket({ ...to6, type: 135 }));
  assert.equal(world.takeSent().length, 2);
});

Deno.test("answers are limited for each client: 1000 at once, and then 1000 a second", () => {
  const world = worldWithNothing();
  world.grant(BOB, cidrResource("net", "192.0.2.0/24"));

  for (let i = 0; i < 1_500; i++) world.sendTo("10.0.0.1");

  assert.equal(world.takeSent().length, 1_000);
  assert.equal(world.gateway.snapshot().icmpReplies["rate-limited"], 500);
  const bobs = { source: BOB.ipv4, destination: "10.0.0.1", ...PORTS };
  world.fromClient(BOB, udpPacket(bobs));
  assert.equal(world.takeSent().length, 1);

  world.advance(100);
  for (let i = 0; i < 200; i++) world.sendTo("10.0.0.1");
  assert.equal(world.takeSent().length, 100);
  world.advance(60_000);
  for (let i = 0; i < 1_100; i++) world.sendTo("10.0.0.1");
  assert.equal(world.takeSent().length, 1_000);
});

Deno.test("an answer that cannot be sent is counted by the reason", () => {
  const world = worldWithNothing();
  world.node.sendVerdict = "no-channel";

  world.sendTo("10.0.0.1");

  assert.equal(world.gateway.snapshot().icmpReplies["no-channel"], 1);
});

Deno.test("what passes, what is for us, and what cannot be translated is not answered", () => {
  const world = worldWithWiki(["10.0.0.1"]);
  const addresses = { source: ALICE.ipv4, destination: PROXY };

  assert.equal(world.sendTo(PROXY), "forward");
  assert.equal(world.sendTo(GATEWAY.ipv4), "forward");
  assert.equal(
    world.fromClient(ALICE, ipPacket(addresses, 47, new Uint8Array(4))),
    "unsupported-protocol",
  );
  assert.equal(
    world.fromClient(BOB, udpPacket({ ...addresses, ...PORTS })),
    "unknown-client",
  );
  assert.deepEqual(world.takeSent(), []);
});

Deno.test("an answer about a name comes from its proxy and quotes it", () => {
  const world = worldWithWiki(["10.0.0.1"]);
  const packet = udpPacket({
    source: ALICE.ipv6,
    destination: `${PROXY6}2`,
    ...PORTS,
  });

  assert.equal(world.fromClient(ALICE, packet), "unreachable-no-address");

  const [answer] = world.takeSent();
  assert.equal(sourceOf(answer!.packet), `${PROXY6}2`);
  assert.deepEqual(answer!.packet.subarray(48), packet);
});

/** A gateway where Alice may reach nothing that these tests send to. */
function worldWithNothing(): GatewayHarness {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("net", "192.0.2.0/24"));
  return world;
}

function worldWithWiki(addresses: readonly string[]): GatewayHarness {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, dnsResource(R1));
  world.translate(ALICE, { resource: R1 }, addresses);
  return world;
}

function hex(text: string): Uint8Array {
  const bytes = fromHex(text);
  assert.ok(bytes);
  return bytes;
}
