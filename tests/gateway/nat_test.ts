import assert from "node:assert/strict";
import { fromHex, toHex } from "../../lib/base/mod.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  dnsResource,
  GATEWAY,
  GatewayHarness,
  uuidOf,
} from "../support/gateway_harness.ts";
import {
  addressBytes,
  echoReply,
  echoRequest,
  icmpPacket,
  ipPacket,
  tcpPacket,
  udpPacket,
} from "../support/ip_packet.ts";

const R1 = uuidOf(1);
const PROXY = "100.96.0.1";
const PROXY6 = "fd00:2021:1111:8000::";
const REAL = "10.0.0.1";
const REAL6 = "2001:db8::5";
const HTTPS = { sourcePort: 5401, destinationPort: 443 };
const FROM_HTTPS = { sourcePort: 443, destinationPort: 5401 };

Deno.test("[dp 92] [dp 101] packets go to the address of the name and keep their port, and replies come from the proxy", () => {
  const world = worldWithWiki();
  for (const build of [udpPacket, tcpPacket]) {
    for (
      const [own, proxy, real] of [
        [ALICE.ipv4, PROXY, REAL],
        [ALICE.ipv6, PROXY6, REAL6],
      ] as const
    ) {
      world.fromClient(
        ALICE,
        build({ source: own, destination: proxy, ...HTTPS }),
      );
      world.fromTun(
        build({ source: real, destination: own, ...FROM_HTTPS }),
      );

      assert.deepEqual(world.takeWritten(), [
        build({ source: own, destination: real, ...HTTPS }),
      ]);
      assert.deepEqual(world.takeSent().map(({ packet }) => packet), [
        build({ source: proxy, destination: own, ...FROM_HTTPS }),
      ]);
    }
  }
});

Deno.test("[dp 93] proxies of the same address are told apart by ports", () => {
  const world = worldWithWiki();
  const proxies = [PROXY, "100.96.0.2", "100.96.0.3"];

  for (const destination of proxies) {
    world.fromClient(
      ALICE,
      udpPacket({ source: ALICE.ipv4, destination, ...HTTPS }),
    );
  }
  for (const destinationPort of [5_403, 5_401, 5_402]) {
    world.fromTun(udpPacket({
      source: REAL,
      destination: ALICE.ipv4,
      sourcePort: 443,
      destinationPort,
    }));
  }

  assert.deepEqual(
    world.takeWritten(),
    [5_401, 5_402, 5_403].map((sourcePort) =>
      udpPacket({
        source: ALICE.ipv4,
        destination: REAL,
        sourcePort,
        destinationPort: 443,
      })
    ),
  );
  assert.deepEqual(
    world.takeSent().map(({ packet }) => packet),
    ["100.96.0.3", PROXY, "100.96.0.2"].map((source) =>
      udpPacket({ source, destination: ALICE.ipv4, ...FROM_HTTPS })
    ),
  );
});

Deno.test("[dp 92] a taken port 65535 is followed by port 1", () => {
  const world = worldWithWiki();
  const ports = { sourcePort: 65_535, destinationPort: 443 };

  for (const destination of [PROXY, "100.96.0.2"]) {
    world.fromClient(
      ALICE,
      udpPacket({ source: ALICE.ipv4, destination, ...ports }),
    );
  }

  const addresses = { source: ALICE.ipv4, destination: REAL };
  assert.deepEqual(world.takeWritten(), [
    udpPacket({ ...addresses, ...ports }),
    udpPacket({ ...addresses, ...ports, sourcePort: 1 }),
  ]);
});

Deno.test("[dp 92] a SYN whose port is taken gets the next one, with the bytes of data-plane spec §21", () => {
  const world = worldWithWiki();
  occupyPort50000(world);

  world.fromClient(
    ALICE,
    hex(
      "45000028000000004006b22e6440000164600001" +
        "c3500050000000010000000050020080231f0000",
    ),
  );

  assert.deepEqual(world.takeWritten().map(toHex), [
    "450000280000000040060c8f644000010a000001" +
    "c35100500000000100000000500200807d7e0000",
  ]);
});

Deno.test("[dp 102] [dp 104] an ICMP error about a flow is rebuilt, with the bytes of data-plane spec §21", () => {
  const world = worldWithWiki();
  occupyPort50000(world);
  world.fromClient(
    ALICE,
    tcpPacket({
      source: ALICE.ipv4,
      destination: PROXY,
      sourcePort: 50_000,
      destinationPort: 80,
    }),
  );

  const outcome = world.fromTun(
    hex(
      "45000038000000001401808 3c0000201644000010301395c00000000" +
        "450000280000000040060c8f644000010a000001c351005000000001",
    ),
  );

  assert.equal(outcome, "sent");
  assert.deepEqual(world.takeSent().map(({ packet }) => toHex(packet)), [
    "45000038000000001401de2364600001644000010301defc00000000" +
    "450000280000000040060c8f6440000164600001c350005000000001",
  ]);
});

Deno.test("[dp 94] echo identifiers are translated both ways, sequence numbers kept", () => {
  const world = worldWithWiki();
  for (
    const [source, proxies, real] of [
      [ALICE.ipv4, [PROXY, "100.96.0.2"], REAL],
      [ALICE.ipv6, [PROXY6, `${PROXY6}1`], REAL6],
    ] as const
  ) {
    for (const destination of proxies) {
      world.fromClient(
        ALICE,
        echoRequest({ source, destination, identifier: 7 }),
      );
    }
    for (const identifier of [7, 8]) {
      world.fromTun(
        echoReply({ source: real, destination: source, identifier }),
      );
    }

    assert.deepEqual(
      world.takeWritten(),
      [7, 8].map((identifier) =>
        echoRequest({ source, destination: real, identifier })
      ),
    );
    assert.deepEqual(
      world.takeSent().map(({ packet }) => packet),
      proxies.map((proxy) =>
        echoReply({ source: proxy, destination: source, identifier: 7 })
      ),
    );
  }
});

Deno.test("[dp 95] what is neither TCP, UDP nor echo cannot be sent to a name, and is not answered", () => {
  const world = worldWithWiki();
  const addresses = { source: ALICE.ipv4, destination: PROXY };

  for (
    const packet of [
      ipPacket(addresses, 47, new Uint8Array(4)),
      icmpPacket({ ...addresses, type: 13 }),
    ]
  ) {
    assert.equal(world.fromClient(ALICE, packet), "unsupported-protocol");
  }
  assert.deepEqual(world.takeWritten(), []);
  assert.deepEqual(world.takeSent(), []);
});

Deno.test("[dp 96] [dp 97] [dp 99] replies to a flow whose time is over are dropped until it is used again", () => {
  const unanswered = worldWithWiki();
  unanswered.sendTo(PROXY);
  unanswered.advance(59_999);
  assert.equal(unanswered.replyTo(REAL), "sent");
  unanswered.advance(119_999);
  assert.equal(unanswered.replyTo(REAL), "sent");
  unanswered.advance(121_000);
  assert.equal(unanswered.replyTo(REAL), "expired-nat-session");

  const world = worldWithWiki();
  world.sendTo(PROXY);
  world.advance(61_000);
  assert.equal(world.replyTo(REAL), "expired-nat-session");
  assert.equal(world.gateway.snapshot().natSessions, 0);
  assert.deepEqual(world.takeSent(), []);
  world.sendTo(PROXY);
  assert.equal(world.replyTo(REAL), "sent");
});

Deno.test("[dp 97] nine thousand flows that end together are over within the same second", () => {
  const world = worldWithWiki();
  for (let sourcePort = 1; sourcePort <= 9_000; sourcePort++) {
    const ports = { sourcePort, destinationPort: 443 };
    const addresses = { source: ALICE.ipv4, destination: PROXY };
    world.fromClient(ALICE, udpPacket({ ...addresses, ...ports }));
  }
  assert.equal(world.gateway.snapshot().natSessions, 9_000);

  world.advance(59_000);
  assert.equal(world.gateway.snapshot().natSessions, 9_000);
  world.advance(2_000);
  assert.equal(world.gateway.snapshot().natSessions, 0);
});

Deno.test("[dp 99] an ICMP error about an expired flow is dropped", () => {
  const world = worldWithWiki();
  world.sendTo(PROXY);
  const [sent] = world.takeWritten();
  world.advance(61_000);

  const error = icmpPacket({
    source: "192.0.2.1",
    destination: ALICE.ipv4,
    type: 3,
    code: 1,
    body: sent!,
  });

  assert.equal(world.fromTun(error), "expired-nat-session");
});

Deno.test("an error that the host itself makes about an expired flow passes as it is", () => {
  const world = worldWithWiki();
  world.sendTo(PROXY);
  const [sent] = world.takeWritten();
  world.advance(61_000);
  const addresses = { source: GATEWAY.ipv4, destination: ALICE.ipv4 };
  const error = icmpPacket({ ...addresses, type: 11, body: sent! });

  assert.equal(world.fromTun(error), "sent");

  assert.deepEqual(world.takeSent().map(({ packet }) => packet), [error]);
});

Deno.test("[dp 98] a reset ends a TCP flow within a second", () => {
  const world = worldWithWiki();
  const syn = tcpPacket({ source: ALICE.ipv4, destination: PROXY, ...HTTPS });
  world.fromClient(ALICE, syn);
  world.fromTun(tcpPacket({
    source: REAL,
    destination: ALICE.ipv4,
    ...FROM_HTTPS,
    flags: 0x14,
  }));
  assert.equal(world.gateway.snapshot().natSessions, 1);

  world.advance(1_000);

  assert.equal(world.gateway.snapshot().natSessions, 0);
});

Deno.test("[dp 103] errors about size and lifetime keep what they say, in both families", () => {
  const world = worldWithWiki();
  const families = [
    [ALICE.ipv4, PROXY, REAL, "192.0.2.1", [[3, 4], [11, 0], [3, 1]]],
    [ALICE.ipv6, PROXY6, REAL6, "2001:db8::1", [[2, 0], [3, 0], [1, 4]]],
  ] as const;
  for (const [own, proxy, real, router, kinds] of families) {
    const isV6 = own.includes(":");
    const addressesAt = isV6 ? 8 : 12;
    const addressAt = isV6 ? 24 : 16;
    const hopLimitAt = isV6 ? 7 : 8;
    const flow = { source: own, ...HTTPS };
    world.fromClient(ALICE, udpPacket({ ...flow, destination: proxy }));
    for (const [type, code] of kinds) {
      const isSize = (type === 3 && code === 4) || type === 2;
      const rest = isSize ? [0, 0, 0x04, 0xb0] : [0, 0, 0, 0];
      const error = { type, code, rest, destination: own };

      world.fromTun(icmpPacket({
        ...error,
        source: router,
        body: udpPacket({ ...flow, destination: real }),
      }));

      // The quoted checksums stay as they were.
      const body = udpPacket({ ...flow, destination: real });
      body.set(addressBytes(proxy), addressAt);
      const expected = icmpPacket({ ...error, source: proxy, body });
      const [sent] = world.takeSent().map(({ packet }) => packet);
      assert.ok(sent);
      assert.equal(
        toHex(sent.subarray(addressesAt)),
        toHex(expected.subarray(addressesAt)),
      );
      assert.equal(sent[hopLimitAt], 20);
    }
  }
});

Deno.test("errors that the host itself makes about a translated flow are translated, all else from it is not", () => {
  const world = worldWithWiki();
  const flow = { source: ALICE.ipv4, ...HTTPS };
  const body = udpPacket({ ...flow, destination: REAL });
  const fromHost = { source: GATEWAY.ipv4, destination: ALICE.ipv4 };
  const exceeded = icmpPacket({ ...fromHost, type: 11, body });
  const unparseable = icmpPacket({ ...fromHost, type: 12, body });
  const reply = udpPacket({ ...fromHost, ...FROM_HTTPS });

  for (const packet of [exceeded, unparseable, reply]) {
    assert.equal(world.fromTun(packet), "sent");
  }
  assert.deepEqual(world.takeSent().map(({ packet }) => packet), [
    exceeded,
    unparseable,
    reply,
  ]);
  world.fromClient(ALICE, udpPacket({ ...flow, destination: PROXY }));
  for (const packet of [exceeded, unparseable, reply]) {
    assert.equal(world.fromTun(packet), "sent");
  }

  const [translated, ...others] = world.takeSent().map(({ packet }) => packet);
  assert.deepEqual(others, [unparseable, reply]);
  assert.equal(toHex(translated!.subarray(12, 20)), "6460000164400001");
  assert.equal(toHex(translated!.subarray(44, 48)), "64600001");
});

Deno.test("an ICMP error about no translated flow passes as it is, unless another client made it", () => {
  const world = worldWithWiki();
  const body = udpPacket({ source: ALICE.ipv4, destination: REAL, ...HTTPS });
  const error = (source: string) =>
    icmpPacket({ source, destination: ALICE.ipv4, type: 3, code: 1, body });

  assert.equal(world.fromTun(error("192.0.2.1")), "sent");
  assert.deepEqual(world.takeSent().map(({ packet }) => packet), [
    error("192.0.2.1"),
  ]);
  assert.equal(world.fromTun(error(BOB.ipv4)), "tunnel-source");
});

Deno.test("replies of names are judged by the proxy they stand for, whatever else the address belongs to", () => {
  const world = GatewayHarness.initialized();
  const dns = [{ protocol: "udp", start: 53, end: 53 }] as const;
  world.grant(ALICE, dnsResource(R1, [...dns]));
  world.translate(ALICE, { resource: R1 }, [REAL]);
  world.sendTo(PROXY);
  const reply = (sourcePort: number) =>
    world.fromTun(udpPacket({
      source: REAL,
      destination: ALICE.ipv4,
      sourcePort,
      destinationPort: 5_401,
    }));

  assert.equal(reply(53), "sent");
  assert.equal(reply(54), "not-allowed");
  world.grant(ALICE, cidrResource("net", "10.0.0.0/8"));
  assert.equal(reply(54), "not-allowed");
});

Deno.test("two clients with the same proxies, ports and addresses get their own replies only", () => {
  const world = worldWithWiki();
  world.grant(BOB, dnsResource(R1));
  world.translate(BOB, { resource: R1, proxies: ["100.96.0.2"] }, [REAL]);
  const outgoing = { ...HTTPS };
  world.fromClient(
    ALICE,
    udpPacket({ source: ALICE.ipv4, destination: PROXY, ...outgoing }),
  );
  world.fromClient(
    BOB,
    udpPacket({ source: BOB.ipv4, destination: "100.96.0.2", ...outgoing }),
  );

  for (const destination of [BOB.ipv4, ALICE.ipv4]) {
    world.fromTun(udpPacket({ source: REAL, destination, ...FROM_HTTPS }));
  }

  assert.deepEqual(world.takeSent().map(({ peer, packet }) => [peer, packet]), [
    [
      BOB.id,
      udpPacket({
        source: "100.96.0.2",
        destination: BOB.ipv4,
        ...FROM_HTTPS,
      }),
    ],
    [
      ALICE.id,
      udpPacket({ source: PROXY, destination: ALICE.ipv4, ...FROM_HTTPS }),
    ],
  ]);
});

/** A gateway where Alice has announced the wiki, which has one address of each family. */
function worldWithWiki(): GatewayHarness {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, dnsResource(R1));
  world.translate(ALICE, { resource: R1 }, [REAL, REAL6]);
  return world;
}

/** Lets Alice use her port 50000 towards the address of the wiki. */
function occupyPort50000(world: GatewayHarness): void {
  world.fromClient(
    ALICE,
    tcpPacket({
      source: ALICE.ipv4,
      destination: "100.96.0.2",
      sourcePort: 50_000,
      destinationPort: 80,
    }),
  );
  world.takeWritten();
}

function hex(text: string): Uint8Array {
  const bytes = fromHex(text.replaceAll(" ", ""));
  assert.ok(bytes);
  return bytes;
}
