import assert from "node:assert/strict";
import { readU32LE } from "../../lib/base/mod.ts";
import { ipv4Packet, Pair } from "./support.ts";

Deno.test("a packet arrives as it was sent", () => {
  const pair = Pair.connected();
  const packet = ipv4Packet(1_280, 0xdecade);

  const message = pair.a.seal(packet, pair.now)!;

  assert.equal(message.length, 1_312);
  assert.deepEqual(pair.b.receive(message, pair.now).packet, packet);
});

Deno.test("[p2p 116] data on seven older sessions is still accepted, on an eighth no longer", () => {
  const pair = Pair.connected();
  const messages: Uint8Array[] = [];
  for (let i = 0; i < 9; i++) {
    messages.push(pair.a.seal(ipv4Packet(100, i), pair.now)!);
    if (i < 8) renew(pair);
  }

  const verdicts = messages.map((message) =>
    pair.b.receive(message, pair.now).verdict
  );

  assert.deepEqual(verdicts, [
    "unknown-session",
    ...new Array(8).fill("packet"),
  ]);
});

Deno.test("[p2p 116] data on an older session does not lead back to it", () => {
  const pair = Pair.connected();
  const late = pair.a.seal(ipv4Packet(100), pair.now)!;
  renew(pair);

  assert.equal(pair.b.receive(late, pair.now).verdict, "packet");

  const answer = pair.b.seal(ipv4Packet(100), pair.now)!;
  assert.equal(readU32LE(answer, 4) & 0xff, 2);
});

Deno.test("[p2p 119] data is told apart by its whole receiver index", () => {
  const pair = Pair.connected();
  const message = pair.a.seal(ipv4Packet(100), pair.now)!;
  const wrongSession = message.slice();
  wrongSession[4]! += 8;

  assert.equal(
    pair.b.receive(wrongSession, pair.now).verdict,
    "unknown-session",
  );
  assert.equal(pair.b.receive(message, pair.now).verdict, "packet");
});

Deno.test("[p2p 121] packets reordered by up to 8191 arrive once each", () => {
  const pair = Pair.connected();
  const messages = Array.from(
    { length: 8_192 },
    (_, i) => pair.a.seal(ipv4Packet(24, i), pair.now)!,
  ).reverse();

  for (const expected of ["packet", "duplicate"]) {
    for (const message of messages) {
      assert.equal(pair.b.receive(message, pair.now).verdict, expected);
    }
  }
});

Deno.test("[p2p 122] [dp 12] a padded packet is cut to its own length", () => {
  const pair = Pair.connected();
  const padded = new Uint8Array(64);
  padded.set(ipv4Packet(50, 9));

  const message = pair.a.seal(padded, pair.now)!;

  assert.deepEqual(
    pair.b.receive(message, pair.now).packet,
    ipv4Packet(50, 9),
  );
});

Deno.test("[p2p 122] [dp 11] a packet is sent without padding", () => {
  const pair = Pair.connected();

  for (const length of [24, 25, 31, 33, 1_279]) {
    const message = pair.a.seal(ipv4Packet(length), pair.now)!;
    assert.equal(message.length, length + 32);
  }
});

Deno.test("[p2p 123] a packet over 1280 bytes is refused", () => {
  const pair = Pair.connected();

  assert.equal(pair.send(pair.a, ipv4Packet(1_281)), "packet-too-long");
  assert.equal(pair.send(pair.a, ipv4Packet(1_280)), "packet");
});

Deno.test("[p2p 129] a plaintext over 1280 bytes is refused before it is decrypted", () => {
  const pair = Pair.connected();
  const message = new Uint8Array(1_280 + 32 + 1);
  message.set(pair.a.seal(ipv4Packet(100), pair.now)!.slice(0, 16));

  assert.equal(pair.b.receive(message, pair.now).verdict, "too-long");
});

Deno.test("[p2p 129] an authentic packet that is no IP packet is refused", () => {
  const pair = Pair.connected();

  assert.equal(pair.send(pair.a, new Uint8Array(40)), "malformed-packet");
  const short = ipv4Packet(40);
  short[3] = 41;
  assert.equal(pair.send(pair.a, short), "malformed-packet");
});

Deno.test("a forged data message is refused and does not use up its counter", () => {
  const pair = Pair.connected();
  const message = pair.a.seal(ipv4Packet(100), pair.now)!;
  const forged = message.slice();
  forged[60]! ^= 1;

  assert.equal(pair.b.receive(forged, pair.now).verdict, "forged");
  assert.equal(pair.b.receive(message, pair.now).verdict, "packet");
});

Deno.test("a data message more than 8191 counters behind is refused as too old", () => {
  const pair = Pair.connected();
  const message = pair.a.seal(ipv4Packet(24), pair.now)!;
  for (let i = 0; i < 8_191; i++) pair.a.seal(ipv4Packet(24), pair.now);
  pair.send(pair.a);

  assert.equal(pair.b.receive(message, pair.now).verdict, "too-old");
});

Deno.test("a counter at the limit of exact numbers is refused", () => {
  const pair = Pair.connected();
  const message = pair.a.seal(ipv4Packet(100), pair.now)!;
  message.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], 8);

  assert.equal(pair.b.receive(message, pair.now).verdict, "counter-limit");
});

Deno.test("a message of another type is not opened as data", () => {
  const pair = Pair.connected();
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();
  const { bytes } = pair.b.arena;
  const start = pair.b.arena.allocate(4_096);
  bytes.set(initiation!, start);

  const length = pair.b.tunnel.open(
    bytes,
    start,
    start + 148,
    start + 2_048,
    pair.now,
  );

  assert.equal(length, -1);
  assert.equal(pair.b.tunnel.lastRefusal, "not-data");
});

/** Renews the session of a connected pair. */
function renew(pair: Pair): void {
  pair.a.tunnel.startHandshake(pair.now);
  pair.deliver();
}
