import assert from "node:assert/strict";
import {
  Arena,
  type Datagram,
  type DatagramSink,
  utf8,
} from "../../lib/base/mod.ts";
import { addressOf } from "../support/datagram.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { type Output, RELAY4, RelayClient, RelayLab } from "./lab.ts";

const ALICE = "203.0.113.7:40001";
const BOB = "[2001:db8::77]:52625";
const PEER4 = "192.0.2.50:7000";
const PEER6 = "[2001:db8::50]:7000";
const MINUTE_MS = 60_000;

Deno.test("[p2p 149] data moves both ways through a bound channel, at once after the bind", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  const port = alice.allocate();
  alice.bind(0x4001, PEER4);

  assert.deepEqual(described(alice.sendData(0x4001, utf8("ping"))), [
    `${port} ${PEER4} ping`,
  ]);

  const [back] = lab.deliver(PEER4, port, utf8("pong"));
  assert.equal(back!.to, ALICE);
  assert.equal(back!.fromPort, 0);
  assert.deepEqual([...back!.payload.slice(0, 4)], [0x40, 0x01, 0, 4]);
  assert.deepEqual(back!.payload.slice(4), utf8("pong"));
  assert.equal(lab.counters["to-peer"], 1);
  assert.equal(lab.counters["to-client-bytes"], 4);
});

Deno.test("[p2p 149] whatever has no active channel is dropped silently", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  const stranger = new RelayClient(lab, "203.0.113.8:40001");
  const port = alice.allocate();
  alice.bind(0x4001, PEER4);
  const data = utf8("data");

  assert.deepEqual(alice.sendData(0x4002, data), []);
  assert.deepEqual(stranger.sendData(0x4001, data), []);
  assert.deepEqual(lab.deliver("192.0.2.50:7001", port, data), []);
  assert.deepEqual(lab.deliver("192.0.2.51:7000", port, data), []);
  assert.deepEqual(
    lab.deliver(PEER4, port === 65_535 ? 49_152 : port + 1, data),
    [],
  );
  assert.equal(lab.counters["no-active-channel"], 1);
  assert.equal(lab.counters["unknown-client"], 1);
  assert.equal(lab.counters["unknown-peer"], 2);
  assert.equal(lab.counters["unallocated-port"], 1);
});

Deno.test("[p2p 150] trailing padding is accepted and not passed on", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  const port = alice.allocate();
  alice.bind(0x4001, PEER4);

  assert.deepEqual(described(alice.sendData(0x4001, utf8("abc"), 5)), [
    `${port} ${PEER4} abc`,
  ]);
  const [back] = lab.deliver(PEER4, port, utf8("abc"));
  assert.equal(back!.payload.length, 7);
});

Deno.test("empty data is data", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  const port = alice.allocate();
  alice.bind(0x4001, PEER4);

  assert.deepEqual(described(alice.sendData(0x4001, utf8(""))), [
    `${port} ${PEER4} `,
  ]);
  assert.equal(lab.deliver(PEER4, port, utf8(""))[0]!.payload.length, 4);
});

Deno.test("[p2p 123] datagrams above 1316 bytes are not sent", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  const port = alice.allocate();
  alice.bind(0x4001, PEER4);

  assert.equal(alice.sendData(0x4001, new Uint8Array(1_316)).length, 1);
  assert.equal(alice.sendData(0x4001, new Uint8Array(1_317)).length, 0);
  assert.equal(
    lab.deliver(PEER4, port, new Uint8Array(1_312))[0]!.payload.length,
    1_316,
  );
  assert.equal(lab.deliver(PEER4, port, new Uint8Array(1_313)).length, 0);
  assert.equal(lab.counters["too-large"], 2);
});

Deno.test("[p2p 152] client and peer may use different IP versions", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  const bob = new RelayClient(lab, BOB);
  const alicesPort = alice.allocate();
  const bobsPort = bob.allocate();
  alice.bind(0x4000, PEER6);
  bob.bind(0x4000, PEER4);

  assert.deepEqual(described(alice.sendData(0x4000, utf8("a"))), [
    `${alicesPort} ${PEER6} a`,
  ]);
  assert.deepEqual(described(bob.sendData(0x4000, utf8("b"))), [
    `${bobsPort} ${PEER4} b`,
  ]);
  assert.equal(lab.deliver(PEER6, alicesPort, utf8("a"))[0]!.to, ALICE);
  assert.equal(lab.deliver(PEER4, bobsPort, utf8("b"))[0]!.to, BOB);
});

Deno.test("[p2p 151] two allocations of the same relay reach each other without the network", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  const bob = new RelayClient(lab, BOB);
  const alicesPort = alice.allocate();
  const bobsPort = bob.allocate();
  alice.bind(0x4000, `${RELAY4}:${bobsPort}`);
  assert.deepEqual(alice.sendData(0x4000, utf8("early")), []);
  bob.bind(0x4005, `${RELAY4}:${alicesPort}`);

  const [toBob] = alice.sendData(0x4000, utf8("hi bob"));
  const [toAlice] = bob.sendData(0x4005, utf8("hi alice"));

  assert.deepEqual([toBob!.fromPort, toBob!.to], [0, BOB]);
  assert.deepEqual([...toBob!.payload.slice(0, 4)], [0x40, 0x05, 0, 6]);
  assert.deepEqual(toBob!.payload.slice(4), utf8("hi bob"));
  assert.deepEqual([toAlice!.to, toAlice!.payload[1]], [ALICE, 0]);
  assert.equal(lab.counters["looped"], 2);
});

Deno.test("[p2p 151] data for an own port that nobody has does not leave the relay", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  const free = alice.allocate() === 65_535 ? 49_152 : 65_535;
  alice.bind(0x4000, `${RELAY4}:${free}`);

  assert.deepEqual(alice.sendData(0x4000, utf8("x")), []);
  assert.equal(lab.counters["unallocated-port"], 1);
});

Deno.test("an address of the relay that is not an allocation is a peer like any other", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  alice.allocate();
  alice.bind(0x4000, `${RELAY4}:53`);

  assert.equal(alice.sendData(0x4000, utf8("x"))[0]!.to, `${RELAY4}:53`);
});

Deno.test("[p2p 147] a channel is silent after ten minutes and reserved for five more", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  const port = alice.allocate({ kind: "lifetime", seconds: 3_600 });
  alice.bind(0x4001, PEER4);

  lab.advance(10 * MINUTE_MS - 1);
  assert.equal(alice.sendData(0x4001, utf8("x")).length, 1);
  lab.advance(1);
  assert.equal(alice.sendData(0x4001, utf8("x")).length, 0);
  assert.equal(lab.deliver(PEER4, port, utf8("x")).length, 0);

  assert.equal(alice.bind(0x4002, PEER4).code, 400);
  assert.equal(alice.bind(0x4001, "192.0.2.51:1").code, 400);
  lab.advance(5 * MINUTE_MS - 1);
  assert.equal(alice.bind(0x4002, PEER4).code, 400);
  lab.advance(1);
  assert.equal(alice.bind(0x4002, PEER4).class, "success");
  assert.equal(alice.bind(0x4001, "192.0.2.51:1").class, "success");
});

Deno.test("[p2p 147] a bind during the cool-down makes the channel work again, both ways", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  const port = alice.allocate({ kind: "lifetime", seconds: 3_600 });
  alice.bind(0x4001, PEER4);
  lab.advance(12 * MINUTE_MS);

  assert.equal(alice.bind(0x4001, PEER4).class, "success");

  assert.equal(alice.sendData(0x4001, utf8("x")).length, 1);
  assert.equal(lab.deliver(PEER4, port, utf8("x")).length, 1);
  lab.advance(9 * MINUTE_MS);
  assert.equal(lab.deliver(PEER4, port, utf8("x")).length, 1);
});

Deno.test("[p2p 148] conflicting binds get 400, a family that the allocation lacks gets 443", () => {
  const lab = new RelayLab({ publicIpv6: undefined });
  const alice = new RelayClient(lab, ALICE);
  alice.allocate();
  alice.bind(0x4001, PEER4);

  assert.equal(alice.bind(0x4002, PEER4).code, 400);
  assert.equal(alice.bind(0x4001, "192.0.2.50:7001").code, 400);
  assert.equal(alice.bind(0x4001, PEER6).code, 443);
  assert.equal(alice.bind(0x4001, PEER4).class, "success");
});

Deno.test("a fresh allocation starts without the channels of the former one", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  alice.allocate();
  alice.bind(0x4001, PEER4);
  alice.refresh({ kind: "lifetime", seconds: 0 });

  alice.allocate();

  assert.deepEqual(alice.sendData(0x4001, utf8("x")), []);
  assert.equal(alice.bind(0x4002, PEER4).class, "success");
});

Deno.test("an allocation holds 4096 channels, a further one gets 508", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  alice.allocate();
  for (let i = 0; i < 4_096; i++) {
    assert.equal(alice.bind(0x4000 + i, `192.0.2.1:${i + 1}`).class, "success");
  }

  assert.equal(alice.bind(0x5000, "192.0.2.2:1").code, 508);
  assert.equal(alice.bind(0x4000, "192.0.2.1:1").class, "success");
});

Deno.test("channels above 0x4FFF can be bound but not be sent on", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  alice.allocate();

  assert.equal(alice.bind(0x7fff, PEER4).class, "success");

  assert.deepEqual(alice.sendData(0x7fff, utf8("x")), []);
  assert.equal(lab.counters["unknown-format"], 1);
});

Deno.test("relaying allocates nothing, in either direction and in a loop", () => {
  const lab = new RelayLab();
  const alice = new RelayClient(lab, ALICE);
  const bob = new RelayClient(lab, BOB);
  const alicesPort = alice.allocate();
  const bobsPort = bob.allocate();
  alice.bind(0x4000, PEER4);
  alice.bind(0x4001, `${RELAY4}:${bobsPort}`);
  bob.bind(0x4000, `${RELAY4}:${alicesPort}`);
  const arena = new Arena(16_384);
  const sink = sinkOf(arena);
  const inputs = [
    inputOf(arena, ALICE, 3478, [0x40, 0, 4, 0]),
    inputOf(arena, ALICE, 3478, [0x40, 1, 4, 0]),
    inputOf(arena, PEER4, alicesPort, []),
  ];
  const now = lab.now;

  const bytes = heapBytesPerCall(() => {
    for (let i = 0; i < inputs.length; i++) {
      lab.server.handleDatagram(inputs[i]!, now, sink);
    }
    lab.server.pollTimeout();
  });

  assert.ok(bytes < 1, `${bytes} bytes per call`);
  assert.ok(
    lab.counters["to-peer"]! > 1_000 && lab.counters["looped"]! > 1_000,
  );
});

function described(outputs: readonly Output[]): string[] {
  return outputs.map(({ fromPort, to, payload }) =>
    `${fromPort} ${to} ${new TextDecoder().decode(payload)}`
  );
}

/** A datagram of 1028 bytes that lies in the arena, as in a receive ring. */
function inputOf(
  arena: Arena,
  source: string,
  localPort: number,
  head: readonly number[],
): Datagram {
  const start = arena.allocate(1_028);
  arena.bytes.set(head, start);
  const from = addressOf(source);
  const { family, bytes } = from.ip;
  return {
    bytes: arena.bytes,
    start,
    end: start + 1_028,
    sourcePort: from.port,
    localPort,
    ecn: 0,
    isFrom: () => false,
    isTo: () => false,
    copySourceIp: (target) => {
      for (let i = 0; i < bytes.length; i++) target[i] = bytes[i]!;
      return family;
    },
    source: () => from,
    local: () => from,
  };
}

function sinkOf(arena: Arena): DatagramSink {
  const room = arena.allocate(2_048);
  return { bytes: arena.bytes, reserve: () => room, commit: () => {} };
}
