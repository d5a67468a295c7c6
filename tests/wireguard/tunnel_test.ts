import assert from "node:assert/strict";
import fc from "fast-check";
import { readU32LE } from "../../lib/base/mod.ts";
import { x25519PublicKey } from "../../lib/crypto/mod.ts";
import { openInitiation } from "../../lib/wireguard/mod.ts";
import {
  ipv4Packet,
  key,
  Pair,
  Peer,
  ScriptedRandom,
  START,
} from "./support.ts";

Deno.test("a handshake gives both sides a session, and data flows both ways", () => {
  const pair = Pair.connected();

  assert.equal(pair.send(pair.a), "packet");
  assert.equal(pair.send(pair.b), "packet");
});

Deno.test("both sides report the handshake and what it took", () => {
  const pair = new Pair();
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();
  pair.pass(20);
  pair.b.receive(initiation!, pair.now);
  const [response] = pair.b.drain();
  pair.pass(30);
  pair.a.receive(response!, pair.now);
  const [keepalive] = pair.a.drain();
  pair.pass(10);
  pair.b.receive(keepalive!, pair.now);
  pair.b.drain();

  assert.deepEqual(pair.a.events, [
    { kind: "handshake-completed", initiator: true, tookMs: 50 },
  ]);
  assert.deepEqual(pair.b.events, [
    { kind: "handshake-completed", initiator: false, tookMs: 40 },
  ]);
});

Deno.test("[p2p 111] no session comes of two different preshared keys", () => {
  const pair = new Pair({ presharedKey: key(1) }, { presharedKey: key(2) });

  pair.a.tunnel.startHandshake(pair.now);
  pair.deliver();

  assert.equal(pair.a.tunnel.hasSession, false);
  assert.equal(pair.a.tunnel.counters.get("forged-response"), 1);
});

Deno.test("[p2p 112] data without a session is refused and starts no handshake", () => {
  const pair = new Pair();

  assert.equal(pair.send(pair.b), "no-session");
  pair.run(60_000);

  assert.deepEqual(pair.b.drain(), []);
  assert.equal(pair.b.tunnel.counters.get("no-session"), 1);
});

Deno.test("[p2p 114] the initiator sends a keepalive at once after the response", () => {
  const pair = new Pair();
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();
  pair.b.receive(initiation!, pair.now);
  const [response] = pair.b.drain();

  pair.a.receive(response!, pair.now);

  const messages = pair.a.drain();
  assert.equal(messages.length, 1);
  assert.equal(messages[0]!.length, 32);
  assert.equal(pair.b.receive(messages[0]!, pair.now).verdict, "keepalive");
});

Deno.test("[p2p 115] the responder does not send on a session before anything arrived on it", () => {
  const pair = new Pair();
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();
  pair.b.receive(initiation!, pair.now);

  assert.equal(pair.b.tunnel.hasSession, false);
  assert.equal(pair.send(pair.b), "no-session");
  const [response] = pair.b.drain();
  pair.a.receive(response!, pair.now);
  assert.equal(pair.send(pair.a), "packet");
  assert.equal(pair.send(pair.b), "packet");
});

Deno.test("[p2p 115] the responder of a renewal goes on with the old session until data arrives on the new one", () => {
  const pair = Pair.connected();
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();
  pair.b.receive(initiation!, pair.now);
  const [response] = pair.b.drain();

  const before = pair.b.seal(ipv4Packet(100), pair.now)!;
  pair.a.receive(response!, pair.now);
  const [keepalive] = pair.a.drain();
  pair.b.receive(keepalive!, pair.now);
  const behind = pair.b.seal(ipv4Packet(100), pair.now)!;

  assert.equal(receiverOf(before) & 0xff, 1);
  assert.equal(receiverOf(behind) & 0xff, 2);
});

Deno.test("[p2p 115] the session in use goes on sending when eight unconfirmed ones have followed it", () => {
  const timing = {
    keepaliveMs: 10_000,
    rekeyTimeoutMs: 1_000,
    rekeyAttemptMs: 90_000,
  };
  const pair = Pair.connected({ timing, random: new ScriptedRandom() });
  pair.a.tunnel.startHandshake(pair.now);
  for (let i = 0; i < 8; i++) {
    const [initiation] = pair.a.drain();
    assert.equal(pair.b.receive(initiation!, pair.now).verdict, "accepted");
    pair.b.drain();
    pair.pass(1_000);
    pair.wake();
  }

  assert.equal(pair.send(pair.b), "packet");
});

Deno.test("[p2p 117] the response to either of two outstanding initiations is accepted", () => {
  for (const answered of [0, 1]) {
    const pair = new Pair({ random: new ScriptedRandom(key(3), key(4)) });
    const initiations = initiateTwice(pair);

    pair.b.receive(initiations[answered]!, pair.now);
    pair.deliver();

    assert.equal(pair.send(pair.a), "packet");
    assert.equal(pair.a.tunnel.handshakeInFlight, false);
  }
});

Deno.test("[p2p 117] both responses are accepted if the older comes first", () => {
  const pair = new Pair({ random: new ScriptedRandom(key(3), key(4)) });
  const responses = initiateTwice(pair).map((initiation) => {
    pair.b.receive(initiation, pair.now);
    return pair.b.drain()[0]!;
  });

  const verdicts = responses.map((response) =>
    pair.a.receive(response, pair.now).verdict
  );

  assert.deepEqual(verdicts, ["accepted", "accepted"]);
  pair.deliver();
  assert.equal(pair.send(pair.a), "packet");
  assert.equal(pair.send(pair.b), "packet");
});

Deno.test("[p2p 117] once the newer is answered, a response to the older is refused", () => {
  const pair = new Pair({ random: new ScriptedRandom(key(3), key(4)) });
  const [older, newer] = initiateTwice(pair).map((initiation) => {
    pair.b.receive(initiation, pair.now);
    return pair.b.drain()[0]!;
  });

  assert.equal(pair.a.receive(newer!, pair.now).verdict, "accepted");
  assert.equal(pair.a.receive(older!, pair.now).verdict, "unexpected-response");
});

Deno.test("[p2p 117] an initiation of ours can be answered after one of the peer's", () => {
  const pair = Pair.connected();
  pair.a.tunnel.startHandshake(pair.now);
  const [ours] = pair.a.drain();
  pair.b.receive(ours!, pair.now);
  const [response] = pair.b.drain();
  pair.b.tunnel.startHandshake(pair.now);
  const [theirs] = pair.b.drain();
  pair.a.receive(theirs!, pair.now);
  pair.a.tunnel.startHandshake(pair.now);

  assert.equal(pair.a.receive(response!, pair.now).verdict, "accepted");
});

Deno.test("[p2p 117] the response to an initiation before the last two is refused", () => {
  const pair = new Pair({ random: new ScriptedRandom() });
  const initiations = initiateTwice(pair);
  const other = new Pair();
  other.b.receive(initiations[0]!, pair.now);
  const [response] = other.b.drain();
  pair.pass(5_000);
  pair.wake();

  assert.equal(
    pair.a.receive(response!, pair.now).verdict,
    "unexpected-response",
  );
});

Deno.test("a response is refused once, and after its session was made", () => {
  const pair = new Pair();
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();
  pair.b.receive(initiation!, pair.now);
  const [response] = pair.b.drain();

  assert.equal(pair.a.receive(response!, pair.now).verdict, "accepted");
  assert.equal(
    pair.a.receive(response!, pair.now).verdict,
    "unexpected-response",
  );
});

Deno.test("a forged response leaves the initiation open for the true one", () => {
  const pair = new Pair();
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();
  pair.b.receive(initiation!, pair.now);
  const [response] = pair.b.drain();
  const forged = response!.slice();
  forged[20]! ^= 1;

  assert.equal(pair.a.receive(forged, pair.now).verdict, "forged-response");
  assert.equal(pair.a.receive(response!, pair.now).verdict, "accepted");
});

Deno.test("[p2p 118] the index is the connection id and a count of our handshake messages", () => {
  const pair = new Pair({ connectionId: 0xff_fffe }, { connectionId: 0x01 });
  const senders: number[] = [];
  for (let i = 0; i < 256; i++) {
    pair.a.tunnel.startHandshake(pair.now);
    const [initiation] = pair.a.drain();
    senders.push(readU32LE(initiation!, 4));
    pair.b.receive(initiation!, pair.now);
    pair.deliver();
  }

  assert.equal(senders[0], 0xffff_fe01);
  assert.equal(senders[254], 0xffff_feff);
  assert.equal(senders[255], 0xffff_fe00);
});

Deno.test("[p2p 118] initiations and responses share one count", () => {
  const pair = Pair.connected();
  pair.b.tunnel.startHandshake(pair.now);

  const [initiation] = pair.b.drain();

  assert.equal(readU32LE(initiation!, 4), 0xef0102);
});

Deno.test("[p2p 119] an initiation names its sender by static key", () => {
  const pair = new Pair();
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();

  const opened = openInitiation(
    key(0x22),
    x25519PublicKey(key(0x22)),
    initiation!,
    0,
    148,
  );

  assert.deepEqual(opened?.peerPublicKey, x25519PublicKey(key(0x11)));
});

Deno.test("[p2p 120] a repeated initiation and an older one are refused and change nothing", () => {
  const pair = new Pair({ random: new ScriptedRandom(key(3), key(4)) });
  const [older, newer] = initiateTwice(pair);
  pair.b.receive(newer!, pair.now);
  pair.b.drain();

  assert.equal(pair.b.receive(newer!, pair.now).verdict, "old-timestamp");
  assert.equal(pair.b.receive(older!, pair.now).verdict, "old-timestamp");
  assert.deepEqual(pair.b.drain(), []);
  pair.b.tunnel.startHandshake(pair.now);
  assert.equal(readU32LE(pair.b.drain()[0]!, 4), 0xef0102);
});

Deno.test("[p2p 120] two initiations of one instant carry rising timestamps", () => {
  const pair = Pair.connected();
  renew(pair);
  renew(pair);

  assert.equal(pair.b.tunnel.counters.get("old-timestamp"), 0);
});

Deno.test("[p2p 61] an initiation whose payload is forged changes nothing", () => {
  const pair = new Pair();
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();
  const forged = initiation!.slice();
  forged[100]! ^= 1;

  assert.equal(pair.b.receive(forged, pair.now).verdict, "forged-initiation");
  assert.deepEqual(pair.b.drain(), []);
  assert.equal(pair.b.receive(initiation!, pair.now).verdict, "accepted");
});

Deno.test("[p2p 125] a node under load is reached by the cookie in its reply", () => {
  const pair = new Pair({ random: new ScriptedRandom(key(3), key(4)) });
  const ip = { family: 4, bytes: new Uint8Array(4) } as const;
  const offer = (message: Uint8Array) =>
    pair.b.gate.check(message, 0, message.length, { source: { ip } }, pair.now);
  pair.a.tunnel.startHandshake(pair.now);
  const [first] = pair.a.drain();
  for (let i = 0; i < 100; i++) offer(first!);

  assert.equal(offer(first!), "cookie-required");
  const reply = pair.b.gate.takeCookieReply()!;
  assert.equal(pair.a.receive(reply, pair.now).verdict, "accepted");
  pair.pass(5_000);
  pair.a.tunnel.handleTimeout(pair.now);
  const [second] = pair.a.drain();
  for (let i = 0; i < 100; i++) offer(first!);

  assert.equal(offer(second!), "ok");
});

Deno.test("[p2p 125] a forged or unexpected cookie reply is refused and counted", () => {
  const pair = new Pair();
  const reply = new Uint8Array(64);
  reply[0] = 3;

  assert.equal(pair.a.receive(reply, pair.now).verdict, "unexpected-cookie");
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();
  reply.set(initiation!.slice(4, 8), 4);
  assert.equal(pair.a.receive(reply, pair.now).verdict, "forged-cookie");
  assert.equal(pair.a.tunnel.counters.get("unexpected-cookie"), 1);
  assert.equal(pair.a.tunnel.counters.get("forged-cookie"), 1);
});

Deno.test("starting a handshake while one is in flight does nothing", () => {
  const pair = new Pair();
  pair.a.tunnel.startHandshake(pair.now);
  pair.a.tunnel.startHandshake(pair.now);

  assert.equal(pair.a.drain().length, 1);
  assert.equal(pair.a.tunnel.handshakeInFlight, true);
});

Deno.test("when both sides initiate at once, both end with a session that works", () => {
  const pair = new Pair();
  pair.a.tunnel.startHandshake(pair.now);
  pair.b.tunnel.startHandshake(pair.now);

  pair.deliver();

  assert.equal(pair.send(pair.a), "packet");
  assert.equal(pair.send(pair.b), "packet");
  assert.equal(pair.a.tunnel.handshakeInFlight, false);
  assert.equal(pair.b.tunnel.handshakeInFlight, false);
});

Deno.test("a static key of small order gets no handshake and is counted", () => {
  const peer = new Peer(key(0x11), key(0));
  peer.tunnel.startHandshake(START);

  assert.deepEqual(peer.drain(), []);
  assert.equal(peer.tunnel.counters.get("weak-key"), 1);
});

Deno.test("random bytes behind any message type are refused without an exception", () => {
  const pair = Pair.connected();
  const type = fc.constantFrom([1, 148], [2, 92], [3, 64], [4, 32], [4, 200]);
  fc.assert(
    fc.property(type, fc.uint8Array({ minLength: 196, maxLength: 196 }), (
      [first, length],
      content,
    ) => {
      const message = new Uint8Array(length!);
      message[0] = first!;
      message.set(content.subarray(0, length! - 4), 4);
      const { verdict } = pair.b.receive(message, pair.now);

      assert.notEqual(verdict, "accepted");
      assert.notEqual(verdict, "packet");
    }),
    { numRuns: 200 },
  );
});

/** Renews the session of a connected pair. */
function renew(pair: Pair): void {
  pair.a.tunnel.startHandshake(pair.now);
  pair.deliver();
}

/** Lets `a` send an initiation and its repetition, and returns both undelivered. */
function initiateTwice(pair: Pair): Uint8Array[] {
  pair.a.tunnel.startHandshake(pair.now);
  const first = pair.a.drain();
  pair.pass(5_000);
  pair.wake();
  const second = pair.a.drain();
  assert.equal(first.length + second.length, 2);
  return [...first, ...second];
}

function receiverOf(message: Uint8Array): number {
  return readU32LE(message, 4);
}
