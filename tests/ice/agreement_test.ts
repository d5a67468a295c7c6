import assert from "node:assert/strict";
import fc from "fast-check";
import { instant, type SocketAddress } from "../../lib/base/mod.ts";
import { stunOf, TestAgent, textOf } from "./support.ts";

/** How long the link loses packets, up to half of them, in virtual time. */
const LOSSY_MS = 30_000;

/** Every pair is checked within 1.5 s by the controlling side: time for several rounds without loss. */
const CALM_MS = 5_000;

/** The controlled side checks every pair within 15 s, and so brings back those that the other gave up. */
const REVIVAL_MS = 15_000;

/** When the controlling side gives up a pair, p2p spec §2.9, written out again. */
const GIVE_UP = { checks: 12, afterLastMs: 1_500, afterPeerMs: 15_000 };

/**
 * A client may lawfully lose all its pairs here: at a loss of a half, three
 * checks in four fail, and of thirty pairs one sees its first twelve fail. It
 * then checks nothing until the gateway checks a pair, within 15 s. (With a
 * connection around it, it would have started over after 2 s.) So the only
 * client that may be late is one that gave up, and the link asserts that it
 * had reason to whenever it does.
 */
Deno.test("two agents send on pairs that work once a lossy link that reorders has calmed, and then agree on the best", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 31 }),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      (seed, loss, clientHosts, gatewayHosts) => {
        const link = new VirtualLink(seed, loss, clientHosts, gatewayHosts);

        link.run(LOSSY_MS);
        link.calm();
        link.run(CALM_MS);

        assert.ok(link.clientGaveUp || link.bothWork(), link.describe());

        link.run(REVIVAL_MS);

        assert.ok(link.bothUse(BEST), link.describe());
      },
    ),
    {
      numRuns: 30,
      // Each of the client's first twelve checks is lost, or its answer is.
      examples: [[1217799128, 0.4912637718953193, 2, 1]],
    },
  );
});

interface InFlight {
  readonly at: number;
  readonly order: number;
  readonly to: TestAgent;
  readonly payload: Uint8Array;
  readonly source: SocketAddress;
  readonly destination: SocketAddress;
}

interface Selected {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

/** What the client can know of one pair. */
interface Experience {
  /** Its checks since the last that was answered, by transaction. */
  unanswered: string[];
  checkedAt: number;
  peerCheckedAt: number;
}

/** The pair of the first addresses, which always works. */
const BEST = "10.0.1.1:52625 10.0.2.1:52625";

/** Two agents and a link on which only some pairs of addresses work. */
class VirtualLink {
  readonly #client: TestAgent;
  readonly #gateway: TestAgent;
  readonly #selected = new Map<TestAgent, Selected>();
  #loss: number;
  readonly #cuts = new Map<string, boolean>();
  readonly #experience = new Map<string, Experience>();
  #clientGaveUp = false;
  #random: number;
  #inFlight: InFlight[] = [];
  #order = 0;
  #now = 0;

  constructor(
    seed: number,
    loss: number,
    clientHosts: number,
    gatewayHosts: number,
  ) {
    this.#random = seed | 1;
    this.#loss = loss;
    this.#client = new TestAgent("controlling", { seed });
    this.#gateway = new TestAgent("controlled", { seed: seed + 1 });
    for (let i = 1; i <= clientHosts; i++) {
      signal(`10.0.1.${i}:52625`, this.#client, this.#gateway);
    }
    for (let i = 1; i <= gatewayHosts; i++) {
      signal(`10.0.2.${i}:52625`, this.#gateway, this.#client);
    }
  }

  /** Whether the client has been without any pair since the link is calm. */
  get clientGaveUp(): boolean {
    return this.#clientGaveUp;
  }

  /** Loses nothing any more. */
  calm(): void {
    this.#loss = 0;
    this.#clientGaveUp = this.#client.agent.state === "disconnected";
  }

  run(ms: number): void {
    for (const end = this.#now + ms; this.#now <= end; this.#now += 5) {
      const due = this.#inFlight.filter(({ at }) => at <= this.#now)
        .sort((a, b) => a.at - b.at || a.order - b.order);
      this.#inFlight = this.#inFlight.filter(({ at }) => at > this.#now);
      for (const { to, payload, source, destination } of due) {
        if (to === this.#client) {
          this.#noteArrival(payload, pairOf(source, destination));
        }
        to.now = instant(this.#now);
        to.receive(payload, source, destination);
      }
      this.#step(this.#client, this.#gateway);
      this.#step(this.#gateway, this.#client);
    }
  }

  /**
   * Whether each knows where to send, and what it sends arrives.
   *
   * The two need not have selected the same pair: one that the client has
   * given up under loss stays the gateway's until others have been checked for
   * 7.5 s without it.
   */
  bothWork(): boolean {
    return [this.#client, this.#gateway].every((agent) => {
      const selected = this.#selected.get(agent);
      return selected && !this.#isCut(selected.local, selected.remote) &&
        ["connected", "completed"].includes(agent.agent.state);
    });
  }

  /** Whether both work and send on this pair. */
  bothUse(pair: string): boolean {
    return this.bothWork() &&
      [...this.#selected.values()].every(({ local, remote }) =>
        pairOf(local, remote) === pair
      );
  }

  describe(): string {
    return [this.#client, this.#gateway].map((agent) => {
      const selected = this.#selected.get(agent);
      const path = selected && pairOf(selected.local, selected.remote);
      return `${agent.agent.state} on ${path}`;
    }).join(" / ");
  }

  #step(from: TestAgent, to: TestAgent): void {
    from.now = instant(this.#now);
    if (from.agent.pollTimeout() <= from.now) {
      from.agent.handleTimeout(from.now);
    }
    for (const { local, destination, payload } of from.takeTransmits()) {
      const pair = pairOf(local.base, destination);
      if (from === this.#client) this.#noteDeparture(payload, pair);
      if (this.#isCut(local.base, destination)) continue;
      if (this.#unit() < this.#loss) continue;
      this.#inFlight.push({
        at: this.#now + 5 + this.#unit() * 100,
        order: this.#order++,
        to,
        payload,
        source: local.base,
        destination,
      });
    }
    for (const event of from.takeEvents()) {
      if (event.kind === "state-changed" && event.state === "disconnected") {
        assert.equal(from, this.#client, "The gateway gave up within a minute");
        this.#checkGivingUp();
      }
      if (event.kind !== "path-selected") continue;
      this.#selected.set(from, {
        local: event.local.base,
        remote: event.remote.address,
      });
    }
  }

  /** Half of all pairs do not work, but the first addresses of both always do. */
  #isCut(a: SocketAddress, b: SocketAddress): boolean {
    const pair = pairOf(a, b);
    const decided = this.#cuts.get(pair);
    if (decided !== undefined) return decided;
    const isCut = pair !== BEST && this.#unit() < 0.5;
    this.#cuts.set(pair, isCut);
    return isCut;
  }

  /** Fails unless the client had reason to give up every pair that works. */
  #checkGivingUp(): void {
    this.#clientGaveUp = true;
    for (const [pair, isCut] of this.#cuts) {
      if (isCut) continue;
      const { unanswered, checkedAt, peerCheckedAt } = this.#experienceOf(pair);
      assert.ok(unanswered.length >= GIVE_UP.checks, pair);
      assert.ok(this.#now - checkedAt >= GIVE_UP.afterLastMs, pair);
      assert.ok(this.#now - peerCheckedAt >= GIVE_UP.afterPeerMs, pair);
    }
  }

  #noteDeparture(payload: Uint8Array, pair: string): void {
    const stun = stunOf(payload);
    if (stun.class !== "request") return;
    const experience = this.#experienceOf(pair);
    experience.unanswered.push(String(stun.transactionId()));
    experience.checkedAt = this.#now;
  }

  #noteArrival(payload: Uint8Array, pair: string): void {
    const stun = stunOf(payload);
    const experience = this.#experienceOf(pair);
    if (stun.class === "request") {
      experience.peerCheckedAt = this.#now;
      return;
    }
    const answered = experience.unanswered.indexOf(
      String(stun.transactionId()),
    );
    experience.unanswered.splice(0, answered + 1);
  }

  #experienceOf(pair: string): Experience {
    const known = this.#experience.get(pair);
    if (known) return known;
    const experience: Experience = {
      unanswered: [],
      checkedAt: -Infinity,
      peerCheckedAt: -Infinity,
    };
    this.#experience.set(pair, experience);
    return experience;
  }

  #unit(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) / 2 ** 32;
  }
}

/** Adds a host candidate to one agent, and tells the other. */
function signal(address: string, owner: TestAgent, peer: TestAgent): void {
  for (const line of owner.addLocal(address)) {
    peer.agent.addRemoteCandidate(line, peer.now);
  }
}

/** Names a pair alike from both sides. */
function pairOf(a: SocketAddress, b: SocketAddress): string {
  return [textOf(a), textOf(b)].sort().join(" ");
}
