import assert from "node:assert/strict";
import fc from "fast-check";
import { instant, type SocketAddress } from "../../lib/base/mod.ts";
import { Channels } from "../../lib/turn/channels.ts";
import { addressOf } from "../support/datagram.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { SeededRandom } from "../support/random.ts";
import { allocated, lifetime, mapped, MAPPED4, TurnLab } from "./lab.ts";

const PEER = "198.51.100.10:60000";
const OTHER = "198.51.100.11:60000";
const MINUTE_MS = 60_000;

Deno.test("numbers ascend from 0x4000", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();

  assert.deepEqual([lab.bind(PEER), lab.bind(OTHER)], [0x4000, 0x4001]);
});

Deno.test("binds that come before the allocation wait for it, 100 of them at most", () => {
  const lab = new TurnLab({ ipv6: undefined });
  for (let i = 0; i < 101; i++) {
    lab.allocation.bindChannel(addressOf(`198.51.100.1:${i + 1}`), lab.now);
    lab.allocation.bindChannel(addressOf(`198.51.100.1:${i + 1}`), lab.now);
  }

  lab.allocate();

  const peers = lab.takeSent().map(({ peer }) => peer);
  assert.equal(peers.length, 100);
  assert.equal(peers[0], "198.51.100.1:2");
});

Deno.test("[p2p 100] data may be sent as soon as a bind is requested, but is received only after its answer", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  assert.equal(lab.allocation.channelTo(addressOf(PEER), lab.now), 0);

  lab.allocation.bindChannel(addressOf(PEER), lab.now);
  const request = lab.takeOne("channel-bind");
  assert.equal(lab.allocation.channelTo(addressOf(PEER), lab.now), 0x4000);
  assert.equal(lab.allocation.peerOf(0x4000, lab.now), undefined);

  lab.succeed(request, []);
  assert.deepEqual(lab.allocation.peerOf(0x4000, lab.now), addressOf(PEER));
  assert.equal(lab.allocation.peerOf(0x4001, lab.now), undefined);
});

Deno.test("[p2p 101] no channel is bound to a family that the allocation lacks", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.succeed(lab.takeSent()[0]!, mapped(MAPPED4));
  lab.succeed(lab.takeOne("allocate"), allocated(600, "198.51.100.9:51234"));

  lab.allocation.bindChannel(addressOf("[2001:db8::1]:5000"), lab.now);

  assert.deepEqual(lab.takeSent(), []);
  assert.equal(lab.allocation.relayed(6), undefined);
});

Deno.test("a bind is not repeated while one is under way or confirmed", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  lab.allocation.bindChannel(addressOf(PEER), lab.now);
  lab.allocation.bindChannel(addressOf(PEER), lab.now);
  lab.succeed(lab.takeOne("channel-bind"), []);

  lab.allocation.bindChannel(addressOf(PEER), lab.now);

  assert.deepEqual(lab.takeSent(), []);
});

Deno.test("a channel that the relay refuses is forgotten", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  for (const code of [400, 443]) {
    lab.allocation.bindChannel(addressOf(PEER), lab.now);

    lab.fail(lab.takeOne("channel-bind"), code);

    assert.equal(lab.allocation.channelTo(addressOf(PEER), lab.now), 0);
  }
});

Deno.test("[p2p 99] a channel is bound again after five minutes if data was received on it", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate(3_600);
  const used = lab.bind(PEER);
  lab.bind(OTHER);
  lab.allocation.peerOf(used, lab.now);

  assert.deepEqual(bindsWithin(lab, 5 * MINUTE_MS - 1), []);
  assert.deepEqual(bindsWithin(lab, 1), [[used, PEER]]);
  assert.deepEqual(
    bindsWithin(lab, 5 * MINUTE_MS),
    [],
    "Nothing was received since",
  );
});

Deno.test("[p2p 99] data that comes late binds the channel again at once", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate(3_600);
  const channel = lab.bind(PEER);
  bindsWithin(lab, 7 * MINUTE_MS);

  lab.allocation.peerOf(channel, lab.now);

  assert.ok(lab.allocation.pollTimeout() <= lab.now);
  assert.deepEqual(bindsWithin(lab, 0), [[channel, PEER]]);
});

Deno.test("a channel ends ten minutes after its bind", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate(3_600);
  const channel = lab.bind(PEER);

  bindsWithin(lab, 10 * MINUTE_MS - 1);
  assert.equal(lab.allocation.channelTo(addressOf(PEER), lab.now), channel);
  bindsWithin(lab, 1);
  assert.equal(lab.allocation.channelTo(addressOf(PEER), lab.now), 0);
  assert.equal(lab.allocation.peerOf(channel, lab.now), undefined);
});

Deno.test("[p2p 98] a peer gets the same number again within 15 minutes", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate(3_600);
  const channel = lab.bind(PEER);
  lab.bind(OTHER);

  bindsWithin(lab, 14 * MINUTE_MS);

  assert.equal(lab.bind(PEER), channel);
});

Deno.test("[p2p 98] a number is used for another peer only when none is fresh and after 15 minutes", () => {
  const channels = new Channels(new SeededRandom(1));
  const peer = (i: number): SocketAddress =>
    addressOf(`10.0.${i >> 8}.${i & 255}:1`);
  for (let i = 0; i < 4_096; i++) {
    const binding = channels.startBind(peer(i), instant(i));
    assert.equal(binding?.channel, 0x4000 + i);
    channels.confirm(0x4000 + i, instant(i));
  }
  const newcomer = peer(5_000);

  assert.equal(
    channels.startBind(newcomer, instant(15 * MINUTE_MS - 1)),
    undefined,
  );
  assert.equal(
    channels.startBind(newcomer, instant(15 * MINUTE_MS))?.channel,
    0x4000,
  );
  assert.equal(channels.channelTo(peer(0), instant(15 * MINUTE_MS)), 0);
  assert.equal(
    channels.startBind(peer(0), instant(15 * MINUTE_MS + 1))?.channel,
    0x4001,
  );
});

Deno.test("Channels agrees with a relay that keeps each binding for 15 minutes", () => {
  const steps = fc.array(
    fc.record({
      peer: fc.nat(9),
      waitMs: fc.nat(6 * MINUTE_MS),
      refuse: fc.nat(9),
    }),
    { maxLength: 60 },
  );
  fc.assert(fc.property(steps, (list) => {
    const channels = new Channels(new SeededRandom(1));
    const relay = new Map<number, { peer: number; until: number }>();
    let now = 0;

    for (const { peer, waitMs, refuse } of list) {
      now += waitMs;
      const binding = channels.startBind(
        addressOf(`10.0.0.${peer}:1`),
        instant(now),
      );
      if (!binding) continue;
      // A relay never refuses what it still keeps, p2p spec §8.7.
      const isKept = (relay.get(binding.channel)?.until ?? 0) > now;
      if (refuse === 0 && !isKept) {
        channels.forget(binding.channel);
        continue;
      }
      for (const [number, held] of relay) {
        if (held.until <= now) continue;
        assert.equal(
          held.peer === peer,
          number === binding.channel,
          "The relay would say 400",
        );
      }
      relay.set(binding.channel, { peer, until: now + 15 * MINUTE_MS });
      channels.confirm(binding.channel, instant(now));
    }
  }));
});

Deno.test("looking up channels allocates nothing", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  const channel = lab.bind(PEER);
  const peer = addressOf(PEER);
  const { allocation, now } = lab;

  const bytes = heapBytesPerCall(() => {
    allocation.channelTo(peer, now);
    allocation.peerOf(channel, now);
    allocation.noteChannelDataSent(now);
    allocation.pollTimeout();
  });

  assert.ok(bytes < 1, `${bytes} bytes per call`);
});

/** Lets time pass, answers everything as a relay would, and returns the binds. */
function bindsWithin(lab: TurnLab, ms: number): [number, string][] {
  const binds: [number, string][] = [];
  const until = lab.now + ms;
  do {
    lab.advance(Math.min(1_000, until - lab.now));
    for (const request of lab.takeSent()) {
      if (request.method === "binding") lab.succeed(request, mapped(MAPPED4));
      else if (request.method === "refresh") {
        lab.succeed(request, lifetime(3_600));
      } else {
        binds.push([request.channel!, request.peer!]);
        lab.succeed(request, []);
      }
    }
  } while (lab.now < until);
  return binds;
}
