import assert from "node:assert/strict";
import {
  after,
  type Instant,
  instant,
  randomBelow,
  randomUnit,
} from "../../lib/base/mod.ts";
import { x25519PublicKey } from "../../lib/crypto/mod.ts";
import {
  ICE_TIMING,
  ICELESS_TIMING,
  type TunnelTiming,
} from "../../lib/wireguard/mod.ts";
import { SeededRandom } from "../support/random.ts";
import { ipv4Packet, key, Peer, START, tagOf } from "./support.ts";

const HOUR_MS = 3_600_000;

Deno.test("over a link that reorders but loses nothing, every packet of four hours arrives once", () => {
  const world = new World({ seed: 1, timing: ICE_TIMING, loss: 0 });

  world.run(4 * HOUR_MS);
  world.settle();

  assert.equal(world.delivered.size, world.sent);
  assert.equal(world.refusedToSend, 0);
  assert.deepEqual(world.faults(), {});
  assert.ok(world.sent > 50_000);
});

for (
  const { name, timing, loss, seed } of [
    { name: "ICE", timing: ICE_TIMING, loss: 0.05, seed: 2 },
    { name: "ICE-less", timing: ICELESS_TIMING, loss: 0.3, seed: 3 },
  ]
) {
  Deno.test(`${name}: over a link that loses ${100 * loss} % of all messages, four busy hours never lack a session younger than three minutes`, () => {
    const world = new World({ seed, timing, loss });

    world.run(4 * HOUR_MS);

    assert.equal(world.refusedToSend, 0);
    assert.equal(world.expired, 0);
    assert.ok(Math.abs(world.renewals - 4 * 30) < 20, `${world.renewals}`);
    assert.ok(world.longestSessionMs < 180_000, `${world.longestSessionMs}`);
    const arrived = world.delivered.size / world.sent;
    assert.ok(Math.abs(arrived - (1 - loss)) < 0.01, `${arrived}`);
    assert.deepEqual(world.faults(), {});
  });
}

Deno.test("a stream in one direction flows for an hour without a gap", () => {
  for (const senders of ["a", "b"] as const) {
    const world = new World({
      seed: 4,
      timing: ICE_TIMING,
      loss: 0,
      senders,
    });

    world.run(HOUR_MS);
    world.settle();

    assert.equal(world.refusedToSend, 0);
    assert.equal(world.delivered.size, world.sent);
    assert.deepEqual(world.faults(), {});
  }
});

Deno.test("traffic after an hour of silence finds a session", () => {
  const world = new World({ seed: 5, timing: ICE_TIMING, loss: 0 });
  world.run(60_000);
  world.settle();
  world.run(HOUR_MS);
  world.resume();
  const before = world.sent;

  world.run(100_000);
  world.settle();

  assert.equal(world.delivered.size, world.sent);
  assert.ok(world.sent > before);
  assert.equal(world.expired, 0);
});

Deno.test("an outage of the link longer than the attempt's time ends both tunnels, once each", () => {
  const world = new World({ seed: 6, timing: ICE_TIMING, loss: 0 });
  world.run(60_000);
  world.loss = 1;

  world.run(15_000 + 20_000 + 2_000);
  assert.equal(world.expired, 2);

  world.run(HOUR_MS);
  assert.equal(world.expired, 2);
});

interface WorldOptions {
  readonly seed: number;
  readonly timing: TunnelTiming;
  readonly loss: number;
  readonly senders?: "both" | "a" | "b";
}

type Side = "a" | "b";

interface Occurrence {
  readonly at: Instant;
  readonly happen: () => void;
}

/** Two peers that send at random times over a link that delays, reorders and loses. */
class World {
  readonly delivered = new Set<number>();
  loss: number;
  sent = 0;
  refusedToSend = 0;
  expired = 0;
  renewals = 0;
  longestSessionMs = 0;
  #now = START;
  #renewedAt: Instant | undefined;
  #isPaused = false;
  readonly #random: SeededRandom;
  readonly #senders: "both" | Side;
  readonly #peers: Readonly<Record<Side, Peer>>;
  /** Sorted by time, latest first. */
  readonly #future: Occurrence[] = [];

  constructor({ seed, timing, loss, senders = "both" }: WorldOptions) {
    this.#random = new SeededRandom(seed);
    this.#senders = senders;
    this.loss = loss;
    const options = { timing, random: this.#random };
    this.#peers = {
      a: new Peer(key(0x11), x25519PublicKey(key(0x22)), options),
      b: new Peer(key(0x22), x25519PublicKey(key(0x11)), options),
    };
    this.#peers.a.tunnel.startHandshake(this.#now);
    this.#drain();
    this.#scheduleSend("a");
    this.#scheduleSend("b");
  }

  run(ms: number): void {
    const end = after(this.#now, ms);
    for (;;) {
      const wakeAt = Math.min(
        this.#peers.a.tunnel.pollTimeout(),
        this.#peers.b.tunnel.pollTimeout(),
      );
      const next = this.#future.at(-1);
      const at = Math.min(next?.at ?? Infinity, wakeAt);
      if (at > end) break;
      this.#now = instant(Math.max(at, this.#now));
      if (next?.at === at) this.#future.pop()?.happen();
      else this.#wake();
      this.#drain();
    }
    this.#now = end;
  }

  /** Stops all traffic and lets what is under way arrive. */
  settle(): void {
    this.#isPaused = true;
    this.run(1_000);
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** What must never be counted, whatever the link does. Late responses are no fault. */
  faults(): Record<string, number> {
    const faults: Record<string, number> = {};
    for (const side of ["a", "b"] as const) {
      const { counters } = this.#peers[side].tunnel;
      for (const [reason, count] of Object.entries(counters.snapshot())) {
        const isFault = !["no-session", "unexpected-response", "old-timestamp"]
          .includes(reason);
        if (isFault && count > 0) faults[`${side} ${reason}`] = count;
      }
    }
    return faults;
  }

  #wake(): void {
    this.#peers.a.tunnel.handleTimeout(this.#now);
    this.#peers.b.tunnel.handleTimeout(this.#now);
  }

  #drain(): void {
    for (const side of ["a", "b"] as const) {
      const peer = this.#peers[side];
      for (const message of peer.drain()) this.#transmit(side, message);
      for (const event of peer.events.splice(0)) {
        if (event.kind === "expired") this.expired++;
        else if (event.initiator) this.#noteRenewal();
      }
    }
  }

  #noteRenewal(): void {
    if (this.#renewedAt !== undefined) {
      this.renewals++;
      const ageMs = this.#now - this.#renewedAt;
      this.longestSessionMs = Math.max(this.longestSessionMs, ageMs);
    }
    this.#renewedAt = this.#now;
  }

  #scheduleSend(side: Side): void {
    this.#schedule(randomBelow(this.#random, 1_000), () => {
      const isMuted = this.#isPaused ||
        (this.#senders !== "both" && this.#senders !== side);
      if (!isMuted) this.#send(side);
      this.#scheduleSend(side);
    });
  }

  #send(side: Side): void {
    const peer = this.#peers[side];
    if (!peer.tunnel.hasSession && this.sent < 10) return;
    const message = peer.seal(ipv4Packet(100, this.sent), this.#now);
    if (!message) {
      this.refusedToSend++;
      return;
    }
    this.sent++;
    this.#transmit(side, message);
  }

  #transmit(from: Side, message: Uint8Array): void {
    if (randomUnit(this.#random) < this.loss) return;
    const delayMs = 5 + randomUnit(this.#random) * 150;
    const to = this.#peers[from === "a" ? "b" : "a"];
    this.#schedule(delayMs, () => {
      const { packet } = to.receive(message, this.#now);
      if (!packet) return;
      const tag = tagOf(packet);
      assert.ok(tag < this.sent && !this.delivered.has(tag), "Delivered once");
      assert.deepEqual(packet, ipv4Packet(100, tag));
      this.delivered.add(tag);
    });
  }

  #schedule(delayMs: number, happen: () => void): void {
    const at = after(this.#now, delayMs);
    let index = this.#future.length;
    while (index > 0 && this.#future[index - 1]!.at < at) index--;
    this.#future.splice(index, 0, { at, happen });
  }
}
