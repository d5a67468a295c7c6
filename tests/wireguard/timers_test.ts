import assert from "node:assert/strict";
import fc from "fast-check";
import { after, type Instant, instant } from "../../lib/base/mod.ts";
import { ICE_TIMING, ICELESS_TIMING } from "../../lib/wireguard/mod.ts";
import { SeededRandom } from "../support/random.ts";
import {
  ipv4Packet,
  Pair,
  type Peer,
  ScriptedRandom,
  START,
} from "./support.ts";

/** The two columns of p2p spec §5.7, written out again. */
const MODES = [
  {
    name: "ICE",
    timing: ICE_TIMING,
    keepalive: 10_000,
    rekeyTimeout: 5_000,
    attempt: 20_000,
    receiverRekey: 165_000,
    noAnswer: 15_000,
  },
  {
    name: "ICE-less",
    timing: ICELESS_TIMING,
    keepalive: 5_000,
    rekeyTimeout: 2_000,
    attempt: 90_000,
    receiverRekey: 173_000,
    noAnswer: 7_000,
  },
] as const;

for (const mode of MODES) {
  Deno.test(`[p2p 80] the timeouts of ${mode.name} are those of the specification`, () => {
    assert.deepEqual(mode.timing, {
      keepaliveMs: mode.keepalive,
      rekeyTimeoutMs: mode.rekeyTimeout,
      rekeyAttemptMs: mode.attempt,
    });
  });

  Deno.test(`${mode.name}: the initiator renews a session that sent data after 120 s`, () => {
    const { pair } = connected(mode);
    pair.send(pair.a);
    pair.send(pair.b);

    assert.equal(initiations(pair, pair.a, 130_000)[0], 120_000);
  });

  Deno.test(`${mode.name}: the initiator renews an older session with the first data it sends`, () => {
    const { pair, run } = connected(mode);
    run(140_000);
    pair.send(pair.a);

    assert.deepEqual(initiations(pair, pair.a, 1_000), [140_000]);
  });

  Deno.test(`${mode.name}: the initiator renews a session that only received data after ${mode.receiverRekey} ms`, () => {
    const { pair } = connected(mode);
    pair.send(pair.b);

    assert.equal(
      initiations(pair, pair.a, 176_000)[0],
      mode.receiverRekey,
    );
  });

  Deno.test(`${mode.name}: the initiator renews an idle session when it ends`, () => {
    const { pair } = connected(mode);

    assert.deepEqual(initiations(pair, pair.a, 181_000), [180_000]);
  });

  Deno.test(`[p2p 113] ${mode.name}: either side initiates when its data stays unanswered for ${mode.noAnswer} ms`, () => {
    for (const side of ["a", "b"] as const) {
      const { pair, run } = connected(mode);
      run(1_000);
      pair[side].seal(ipv4Packet(100), pair.now);
      run(3_000);
      pair[side].seal(ipv4Packet(100), pair.now);

      assert.equal(
        initiations(pair, pair[side], mode.noAnswer + 1_000)[0],
        1_000 + mode.noAnswer,
        "measured from the first unanswered packet",
      );
    }
  });

  Deno.test(`${mode.name}: a keepalive is an answer`, () => {
    const { pair, run } = connected(mode);
    pair.send(pair.b);
    run(mode.keepalive);

    assert.deepEqual(initiations(pair, pair.b, 100_000), []);
  });

  Deno.test(`${mode.name}: received data is answered by a keepalive ${mode.keepalive} ms after the last packet`, () => {
    const { pair, run } = connected(mode);
    pair.send(pair.a);
    run(mode.keepalive - 1);
    pair.send(pair.a);

    assert.deepEqual(
      keepalives(pair, pair.b, mode.keepalive * 3),
      [2 * mode.keepalive - 1],
    );
  });

  Deno.test(`${mode.name}: anything sent makes the keepalive needless`, () => {
    const { pair, run } = connected(mode);
    pair.send(pair.a);
    run(mode.keepalive - 1);
    pair.send(pair.b);

    assert.deepEqual(keepalives(pair, pair.b, mode.keepalive), []);
  });

  Deno.test(`[p2p 126] ${mode.name}: an unanswered initiation is repeated every ${mode.rekeyTimeout} ms until the tunnel expires after ${mode.attempt} ms`, () => {
    const { pair } = unconnected(mode);
    pair.a.tunnel.startHandshake(pair.now);

    const sentAt = initiations(pair, pair.a, mode.attempt + 60_000);

    const count = mode.attempt / mode.rekeyTimeout;
    assert.deepEqual(
      sentAt,
      Array.from({ length: count }, (_, i) => i * mode.rekeyTimeout),
    );
    assert.deepEqual(pair.a.events, [{ kind: "expired" }]);
    assert.equal(pair.a.tunnel.pollTimeout(), Infinity);
  });

  Deno.test(`[p2p 126] ${mode.name}: a tunnel without a new session expires after 540 s`, () => {
    const { pair, start } = unconnected(mode);

    assert.equal(pair.b.tunnel.pollTimeout(), after(start, 540_000));
    pair.pass(539_999);
    pair.wake();
    pair.deliver();
    assert.deepEqual(pair.b.events, []);
    pair.pass(1);
    pair.wake();
    pair.deliver();
    assert.deepEqual(pair.b.events, [{ kind: "expired" }]);
  });

  Deno.test(`[p2p 126] ${mode.name}: a responder whose peer vanished expires 540 s after the last session`, () => {
    const { pair, start, run } = connected(mode);
    run(1_000);
    pair.a.tunnel.startHandshake(pair.now);
    pair.deliver();
    let expiredAt = 0;

    while (pair.b.events.at(-1)?.kind !== "expired") {
      pair.now = pair.b.tunnel.pollTimeout();
      pair.b.tunnel.handleTimeout(pair.now);
      pair.b.drain();
      expiredAt = pair.now - start;
    }

    assert.equal(expiredAt, 541_000);
  });

  Deno.test(`[p2p 128] ${mode.name}: an idle tunnel is silent for the life of its session`, () => {
    const { pair } = connected(mode);

    assert.deepEqual(pair.a.drain(), []);
    pair.run(179_999);
    assert.deepEqual(sent(pair, pair.a, 0, () => true), []);
    assert.deepEqual(sent(pair, pair.b, 0, () => true), []);
    assert.equal(pair.a.events.length, 1);
  });
}

Deno.test("an initiator stops sending on a session after 170 s, a responder after 180 s", () => {
  const { pair } = connected(MODES[0]);
  pair.pass(169_999);
  assert.equal(pair.send(pair.a), "packet");
  pair.pass(1);
  assert.equal(pair.send(pair.a), "no-session");

  assert.equal(pair.send(pair.b), "packet");
  pair.pass(9_999);
  assert.equal(pair.send(pair.b), "packet");
  pair.pass(1);
  assert.equal(pair.send(pair.b), "no-session");
});

Deno.test("data on a session is refused after 180 s, before and after it was removed", () => {
  const { pair } = connected(MODES[0]);
  const message = pair.a.seal(ipv4Packet(100), pair.now)!;
  pair.pass(180_000);

  assert.equal(pair.b.receive(message, pair.now).verdict, "expired-session");
  pair.b.tunnel.handleTimeout(pair.now);
  assert.equal(pair.b.receive(message, pair.now).verdict, "unknown-session");
});

Deno.test("[p2p 112] a responder does nothing when its session ends", () => {
  const { pair } = connected(MODES[0]);
  pair.run(180_000, false);
  pair.a.drain();

  assert.deepEqual(sent(pair, pair.b, 60_000, () => true), []);
  assert.equal(pair.b.tunnel.hasSession, false);
});

Deno.test("after a renewal by the other side only that side renews again", () => {
  const { pair, run } = connected(MODES[0]);
  run(1_000);
  pair.b.tunnel.startHandshake(pair.now);
  pair.deliver();
  pair.send(pair.a);
  pair.send(pair.b);

  run(130_000);

  assert.deepEqual(initiatorsOf(pair.a), [true, false, false]);
  assert.deepEqual(initiatorsOf(pair.b), [false, true, true]);
});

Deno.test("no session timer runs while an initiation is outstanding", () => {
  const timing = {
    keepaliveMs: 1_000,
    rekeyTimeoutMs: 5_000,
    rekeyAttemptMs: 20_000,
  };
  const pair = Pair.connected({ timing });
  pair.a.tunnel.startHandshake(pair.now);
  pair.a.drain();
  pair.send(pair.b);

  assert.deepEqual(keepalives(pair, pair.a, 19_000), []);
});

Deno.test("what a session carried does not count for the next one", () => {
  const { pair, run } = connected(MODES[0]);
  pair.send(pair.a);
  pair.send(pair.b);
  run(1_000);
  pair.a.tunnel.startHandshake(pair.now);
  pair.deliver();

  assert.equal(initiations(pair, pair.a, 185_000)[0], 181_000);
});

Deno.test("a cookie reply is an answer", () => {
  const { pair } = connected(MODES[0]);
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();
  pair.b.receive(initiation!, pair.now);
  const [response] = pair.b.drain();
  pair.b.seal(ipv4Packet(100), pair.now);
  const ip = { family: 4, bytes: new Uint8Array(4) } as const;
  for (let i = 0; i < 101; i++) {
    pair.a.gate.check(response!, 0, 92, { source: { ip } }, pair.now);
  }
  const reply = pair.a.gate.takeCookieReply()!;

  assert.equal(pair.b.receive(reply, pair.now).verdict, "accepted");

  assert.deepEqual(initiations(pair, pair.b, 60_000), []);
});

Deno.test("an initiation of the peer that succeeds ends our own attempt", () => {
  const { pair } = connected(MODES[0]);
  pair.b.tunnel.startHandshake(pair.now);
  pair.b.drain();
  pair.a.tunnel.startHandshake(pair.now);
  pair.deliver();

  pair.run(60_000);

  assert.equal(pair.b.events.some((event) => event.kind === "expired"), false);
  assert.equal(pair.b.tunnel.handshakeInFlight, false);
});

Deno.test("[p2p 124] a timer's initiation is 0 to 333 ms late, spread over that whole range", () => {
  const delays: number[] = [];
  for (let seed = 1; seed <= 60; seed++) {
    const { pair } = unconnected(MODES[0], 2 * seed);
    pair.a.tunnel.startHandshake(pair.now);
    const [first, second, third] = initiations(pair, pair.a, 11_000);

    assert.equal(first, 0, "an explicit one has no delay");
    delays.push(second! - 5_000, third! - second! - 5_000);
  }

  assert.ok(delays.every((delay) => delay >= 0 && delay <= 333));
  assert.ok(Math.min(...delays) < 33 && Math.max(...delays) > 300);
  assert.ok(new Set(delays).size > 100);
});

Deno.test("[p2p 124] the renewal of a session is delayed too", () => {
  const pair = Pair.connected({ random: new SeededRandom(9) });
  pair.send(pair.a);
  pair.send(pair.b);

  const [renewedAt] = initiations(pair, pair.a, 121_000);

  assert.ok(renewedAt! > 120_000 && renewedAt! <= 120_333);
});

Deno.test("a tunnel woken hours late expires once and stays silent", () => {
  const { pair } = connected(MODES[0]);
  pair.send(pair.b);
  pair.pass(5 * 3_600_000);

  pair.wake();
  pair.wake();
  const messages = [...pair.a.drain(), ...pair.b.drain()];

  assert.deepEqual(messages, []);
  assert.deepEqual(pair.a.events.slice(1), [{ kind: "expired" }]);
  assert.equal(pair.send(pair.a), "no-session");
});

Deno.test("an expired tunnel answers no initiation and starts none", () => {
  const { pair } = unconnected(MODES[0]);
  pair.pass(540_000);
  pair.b.tunnel.handleTimeout(pair.now);
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();

  assert.equal(
    pair.b.receive(initiation!, pair.now).verdict,
    "expired-tunnel",
  );
  pair.b.tunnel.startHandshake(pair.now);
  assert.deepEqual(pair.b.drain(), []);
});

Deno.test("a response that comes after the attempt's time is refused", () => {
  const pair = new Pair({ random: new ScriptedRandom() });
  pair.a.tunnel.startHandshake(pair.now);
  const [initiation] = pair.a.drain();
  pair.b.receive(initiation!, pair.now);
  const [response] = pair.b.drain();
  pair.pass(20_000);

  assert.equal(
    pair.a.receive(response!, pair.now).verdict,
    "unexpected-response",
  );
});

Deno.test("waking exactly at a deadline always moves it, whatever fractions the clock has", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
      const now = instant(ms);
      const pair = new Pair({ now }, { now });
      pair.now = now;
      pair.a.tunnel.startHandshake(now);
      pair.deliver();
      for (let i = 0; i < 20 && !hasExpired(pair.b); i++) {
        const deadline = pair.b.tunnel.pollTimeout();
        pair.b.tunnel.handleTimeout(deadline);
        pair.b.drain();
        assert.ok(pair.b.tunnel.pollTimeout() > deadline);
      }
      assert.ok(hasExpired(pair.b));
    }),
    { numRuns: 200 },
  );
});

Deno.test("waking early does nothing", () => {
  const { pair } = connected(MODES[0]);
  pair.send(pair.a);
  pair.pass(5_000);

  pair.wake();

  assert.deepEqual([...pair.a.drain(), ...pair.b.drain()], []);
});

function hasExpired(peer: Peer): boolean {
  return peer.events.at(-1)?.kind === "expired";
}

/** Tells for each handshake that a peer reported whether it was its initiator. */
function initiatorsOf(peer: Peer): boolean[] {
  return peer.events.flatMap((event) =>
    event.kind === "handshake-completed" ? [event.initiator] : []
  );
}

type Mode = typeof MODES[number];

interface Lab {
  readonly pair: Pair;
  readonly start: Instant;
  run(ms: number): void;
}

/** Two tunnels without a session, and without jitter unless there is a seed. */
function unconnected(mode: Mode, seed?: number): Lab {
  const { timing } = mode;
  const random = () =>
    seed === undefined ? new ScriptedRandom() : new SeededRandom(seed);
  const pair = new Pair({ timing, random: random() }, {
    timing,
    random: random(),
  });
  return { pair, start: pair.now, run: (ms) => pair.run(ms) };
}

/** Two tunnels with a session that `a` initiated, and without jitter. */
function connected(mode: Mode): Lab {
  const lab = unconnected(mode);
  lab.pair.a.tunnel.startHandshake(lab.pair.now);
  lab.pair.deliver();
  return lab;
}

/** Lets time pass and returns when, in ms since the pair was made, `from` sent an initiation. The other side gets none of it. */
function initiations(
  pair: Pair,
  from: Peer,
  ms: number,
): number[] {
  return sent(pair, from, ms, (message) => message[0] === 1);
}

function keepalives(pair: Pair, from: Peer, ms: number): number[] {
  return sent(pair, from, ms, (message) => message.length === 32);
}

function sent(
  pair: Pair,
  from: Peer,
  ms: number,
  matches: (message: Uint8Array) => boolean,
): number[] {
  const times: number[] = [];
  const end = after(pair.now, ms);
  const collect = () => {
    for (const message of from.drain()) {
      if (matches(message)) times.push(pair.now - START);
    }
  };
  collect();
  for (;;) {
    const next = from.tunnel.pollTimeout();
    if (next > end) break;
    pair.now = next;
    from.tunnel.handleTimeout(pair.now);
    collect();
  }
  pair.now = end;
  return times;
}
