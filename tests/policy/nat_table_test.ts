import assert from "node:assert/strict";
import { fromHex, toHex, writeU16 } from "../../lib/base/mod.ts";
import { wrongChecksums } from "../support/checksums.ts";
import {
  echoRequest,
  icmpPacket,
  ipPacket,
  tcpPacket,
  transportChecksum,
  udpPacket,
} from "../support/ip_packet.ts";
import {
  attached,
  CLIENT,
  echo,
  endsOf,
  NatHarness,
  OTHER_PROXY,
  OTHER_REAL,
  PROXY,
  REAL,
  refreshChecksum,
  replyTo,
  tcp,
  udp,
} from "../support/nat.ts";

const CLIENT_V6 = "fd00:2021:1111::1";
const PROXY_V6 = "fd00:2021:1111:8000::1";
const REAL_V6 = "2001:db8::5";

Deno.test("[dp 92] [dp 102] [dp 104] the packets of data-plane spec §21 come out byte for byte", () => {
  const nat = new NatHarness();
  nat.send(tcp(50_000, OTHER_PROXY), REAL);
  const syn = bytesOf(
    "45000028000000004006b22e6440000164600001c350005000000001" +
      "0000000050020080231f0000",
  );
  const error = bytesOf(
    "4500003800000000140180 83c000020164400001 0301395c00000000" +
      "450000280000000040060c8f644000010a000001 c351005000000001",
  );

  const verdict = nat.send(syn, REAL);
  const rebuilt = nat.receiveError(error);

  assert.equal(verdict, "translated");
  assert.equal(
    toHex(syn),
    "450000280000000040060c8f644000010a000001c351005000000001" +
      "00000000500200807d7e0000",
  );
  assert.equal(
    toHex(packetIn(rebuilt)),
    "45000038000000001401de2364600001644000010301defc00000000" +
      "450000280000000040060c8f6440000164600001c350005000000001",
  );
});

Deno.test("[dp 92] a free port or identifier stays what it is", () => {
  const nat = new NatHarness();

  for (const value of [0, 1, 50_000, 65_535]) {
    for (const build of [tcp, udp, echo]) {
      const packet = build(value, PROXY);

      assert.equal(nat.send(packet, REAL), "translated");
      assert.equal(endsOf(packet).values[0], value);
      assert.equal(endsOf(packet).destination, REAL);
      assert.equal(endsOf(packet).source, CLIENT);
    }
  }
  assert.equal(nat.table.size, 12);
});

Deno.test("[dp 92] [dp 93] a port that is taken gives way to the next free one, and 65535 to 1", () => {
  for (const build of [tcp, udp, echo]) {
    const nat = new NatHarness();
    const proxies = ["100.96.0.1", "100.96.0.2", "100.96.0.3", "100.96.0.4"];

    const values = proxies.map((proxy) => {
      const packet = build(65_534, proxy);
      nat.send(packet, REAL);
      return endsOf(packet).values[0];
    });

    assert.deepEqual(values, [65_534, 65_535, 1, 2]);
  }
});

Deno.test("[dp 92] the value 0 is kept when free and given to nobody else", () => {
  const nat = new NatHarness();
  const packets = [
    udp(0, PROXY),
    udp(0, OTHER_PROXY),
    udp(65_535, PROXY),
    udp(65_535, OTHER_PROXY),
  ];

  for (const packet of packets) nat.send(packet, REAL);

  assert.deepEqual(packets.map((p) => endsOf(p).values[0]), [0, 1, 65_535, 2]);
});

Deno.test("[dp 93] answers reach the proxy address that the client talks to", () => {
  for (const build of [tcp, udp]) {
    const nat = new NatHarness();
    const asked = [PROXY, OTHER_PROXY].map((proxy) => {
      const packet = build(4_000, proxy);
      nat.send(packet, REAL);
      return endsOf(packet).values[0];
    });

    const answers = asked.map((port) => {
      const answer = replyTo(build, port);
      assert.equal(nat.receive(answer), "translated");
      return endsOf(answer);
    });

    assert.deepEqual(asked, [4_000, 4_001]);
    assert.deepEqual(answers, [
      { source: PROXY, destination: CLIENT, values: [443, 4_000] },
      { source: OTHER_PROXY, destination: CLIENT, values: [443, 4_000] },
    ]);
  }
});

Deno.test("[dp 94] echo identifiers are translated there and back, sequence numbers and data stay", () => {
  for (
    const { client, proxies, real, request, reply } of [
      {
        client: CLIENT,
        proxies: [PROXY, OTHER_PROXY],
        real: REAL,
        request: 8,
        reply: 0,
      },
      {
        client: CLIENT_V6,
        proxies: [PROXY_V6, "fd00:2021:1111:8000::2"],
        real: REAL_V6,
        request: 128,
        reply: 129,
      },
    ]
  ) {
    const nat = new NatHarness();
    const rest = [0x12, 0x34, 0x56, 0x78];
    const body = Uint8Array.of(1, 2, 3);
    for (const [i, destination] of proxies.entries()) {
      const asked = icmpPacket({
        source: client,
        destination,
        type: request,
        rest,
        body,
      });
      const answered = icmpPacket({
        source: real,
        destination: client,
        type: reply,
        rest: [0x12, 0x34 + i, 0x56, 0x78],
        body,
      });

      nat.send(asked, real);
      assert.equal(nat.receive(answered), "translated");

      assert.deepEqual(endsOf(asked).values, [0x1234 + i, 0x1234 + i]);
      assert.equal(toHex(asked.slice(-5)), "5678010203");
      assert.deepEqual(wrongChecksums(attached(asked)), []);
      assert.equal(endsOf(answered).source, destination);
      assert.deepEqual(endsOf(answered).values, [0x1234, 0x1234]);
      assert.equal(toHex(answered.slice(-5)), "5678010203");
      assert.deepEqual(wrongChecksums(attached(answered)), []);
    }
  }
});

Deno.test("[dp 94] an echo reply that a client sends opens a session as well", () => {
  const nat = new NatHarness();
  const reply = icmpPacket({
    source: CLIENT,
    destination: PROXY,
    type: 0,
    rest: [0, 9, 0, 1],
  });

  assert.equal(nat.send(reply, REAL), "translated");

  const request = echoRequest({
    source: REAL,
    destination: CLIENT,
    identifier: 9,
  });
  assert.equal(nat.receive(request), "translated");
  assert.equal(endsOf(request).source, PROXY);
});

Deno.test("TCP, UDP and echo have values of their own, and so has each real address", () => {
  const nat = new NatHarness();
  const packets = [tcp, udp, echo].map((build) => build(7, PROXY));
  const elsewhere = udp(7, OTHER_PROXY);

  for (const packet of packets) nat.send(packet, REAL);
  nat.send(elsewhere, OTHER_REAL);

  for (const packet of [...packets, elsewhere]) {
    assert.equal(endsOf(packet).values[0], 7);
  }
});

Deno.test("one session serves all ports of the resource", () => {
  const nat = new NatHarness();
  const addresses = { source: CLIENT, destination: PROXY, sourcePort: 4_000 };

  for (const destinationPort of [53, 443, 65_535]) {
    const packet = udpPacket({ ...addresses, destinationPort });
    nat.send(packet, REAL);
    assert.deepEqual(endsOf(packet).values, [4_000, destinationPort]);
  }

  assert.equal(nat.table.size, 1);
});

Deno.test("[dp 89] a session keeps its real address when the name moves, and the next one gets the other", () => {
  const nat = new NatHarness();
  nat.send(tcp(1_000, PROXY), REAL);

  const old = tcp(1_000, PROXY);
  const fresh = tcp(1_001, PROXY);
  nat.send(old, OTHER_REAL);
  nat.send(fresh, OTHER_REAL);

  assert.equal(endsOf(old).destination, REAL);
  assert.equal(endsOf(fresh).destination, OTHER_REAL);
});

Deno.test("[dp 95] what is neither TCP nor UDP nor echo is not translated and not touched", () => {
  const nat = new NatHarness();
  const addresses = { source: CLIENT, destination: PROXY };
  const timestamp = icmpPacket({ ...addresses, type: 13, body: TWELVE_BYTES });
  const echoWithCode = icmpPacket({ ...addresses, type: 8, code: 1 });
  const gre = ipPacket(addresses, 47, TWELVE_BYTES);

  for (const packet of [timestamp, echoWithCode, gre]) {
    const before = toHex(packet);

    assert.equal(nat.send(packet, REAL), "unsupported");
    assert.equal(nat.receive(packet), "none");
    assert.equal(toHex(packet), before);
  }
  assert.equal(nat.table.size, 0);
});

Deno.test("a packet of no session is not touched", () => {
  const nat = new NatHarness();
  nat.send(tcp(4_000, PROXY), REAL);
  const strangers = [
    replyTo(tcp, 4_001),
    replyTo(udp, 4_000),
    tcpPacket({
      source: OTHER_REAL,
      destination: CLIENT,
      sourcePort: 443,
      destinationPort: 4_000,
    }),
  ];

  for (const packet of strangers) {
    const before = toHex(packet);
    assert.equal(nat.receive(packet), "none");
    assert.equal(toHex(packet), before);
  }
});

Deno.test("[dp 88] clearing the table forgets sessions, also past ones", () => {
  const nat = new NatHarness();
  nat.send(udp(1, PROXY), REAL);
  nat.expireAfter(60_000);
  nat.send(udp(2, PROXY), REAL);

  nat.table.clear();

  assert.equal(nat.table.size, 0);
  assert.equal(nat.receive(replyTo(udp, 1)), "none");
  assert.equal(nat.receive(replyTo(udp, 2)), "none");
});

Deno.test("[dp 100] an absent UDP checksum stays absent both ways", () => {
  for (
    const [client, proxies, real] of [
      [CLIENT, [PROXY, OTHER_PROXY], REAL],
      [CLIENT_V6, [PROXY_V6, "fd00:2021:1111:8000::2"], REAL_V6],
    ] as const
  ) {
    const nat = new NatHarness();
    for (const [i, destination] of proxies.entries()) {
      const packet = udpPacket({
        source: client,
        destination,
        sourcePort: 5,
        destinationPort: 53,
      });
      const answer = udpPacket({
        source: real,
        destination: client,
        sourcePort: 53,
        destinationPort: 5 + i,
      });
      for (const bytes of [packet, answer]) {
        writeU16(bytes, attached(bytes).transportAt + 6, 0);
      }

      nat.send(packet, real);
      assert.equal(nat.receive(answer), "translated");

      for (const bytes of [packet, answer]) {
        assert.equal(toHex(bytes.slice(-10, -8)), "0000");
        assert.deepEqual(wrongChecksums(attached(bytes)), []);
      }
    }
  }
});

Deno.test("[dp 101] a translated checksum that would be 0x0000 is written 0xFFFF", () => {
  const addresses = { source: CLIENT, destination: REAL };
  for (const build of [udp, tcp]) {
    // The last two bytes are chosen so that the sum of the translated packet is 0xFFFF.
    const translated = build(4_000, REAL);
    const { transportAt, protocol } = attached(translated);
    const message = translated.slice(transportAt);
    message.set([0, 0], protocol === 6 ? 16 : 6);
    const filler = transportChecksum(addresses, protocol, message);
    const packet = build(4_000, PROXY);
    writeU16(packet, packet.length - 2, filler);
    refreshChecksum(packet);

    new NatHarness().send(packet, REAL);

    const at = transportAt + (protocol === 6 ? 16 : 6);
    assert.equal(toHex(packet.slice(at, at + 2)), "ffff");
    assert.deepEqual(wrongChecksums(attached(packet)), []);
  }
});

const TWELVE_BYTES = new Uint8Array(12);

function packetIn(result: Uint8Array | string): Uint8Array {
  assert.ok(result instanceof Uint8Array, `${result}`);
  return result;
}

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex.replaceAll(" ", ""));
  assert.ok(bytes);
  return bytes;
}
