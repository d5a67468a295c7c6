import assert from "node:assert/strict";
import fc from "fast-check";
import { instant, type SocketAddress } from "../../lib/base/mod.ts";
import { TestAgent, textOf } from "./support.ts";

/** How long the link loses packets, up to half of them, in virtual time. */
const LOSSY_MS = 30_000;

/** Every pair is checked within 1.5 s by the controlling side: time for several rounds without loss. */
const CALM_MS = 5_000;

Deno.test("two agents send on pairs that work once a lossy link that reorders has calmed", () => {
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

        assert.ok(link.bothWork(), link.describe());
      },
    ),
    { numRuns: 30 },
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

/** Two agents and a link on which only some pairs of addresses work. */
class VirtualLink {
  readonly #client: TestAgent;
  readonly #gateway: TestAgent;
  readonly #selected = new Map<TestAgent, Selected>();
  #loss: number;
  readonly #cuts = new Map<string, boolean>();
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
      this.#client.addLocal(`10.0.1.${i}:52625`);
      this.#gateway.addRemote(`10.0.1.${i}:52625`, "host", 2130706177 - 2 * i);
    }
    for (let i = 1; i <= gatewayHosts; i++) {
      this.#gateway.addLocal(`10.0.2.${i}:52625`);
      this.#client.addRemote(`10.0.2.${i}:52625`, "host", 2130706177 - 2 * i);
    }
  }

  /** Loses nothing any more. */
  calm(): void {
    this.#loss = 0;
  }

  run(ms: number): void {
    for (const end = this.#now + ms; this.#now <= end; this.#now += 5) {
      const due = this.#inFlight.filter(({ at }) => at <= this.#now)
        .sort((a, b) => a.at - b.at || a.order - b.order);
      this.#inFlight = this.#inFlight.filter(({ at }) => at > this.#now);
      for (const { to, payload, source, destination } of due) {
        to.now = instant(this.#now);
        to.receive(payload, source, destination);
      }
      this.#step(this.#client, this.#gateway);
      this.#step(this.#gateway, this.#client);
    }
  }

  /**
   * Whether what each sends arrives.
   *
   * The two need not have selected the same pair: one that the client has
   * given up under loss stays the gateway's for as long as its own checks
   * succeed (p2p spec §2.10).
   */
  bothWork(): boolean {
    const selected = [...this.#selected.values()];
    return selected.length === 2 &&
      selected.every(({ local, remote }) => !this.#isCut(local, remote));
  }

  describe(): string {
    return [...this.#selected.values()]
      .map(({ local, remote }) => `${textOf(local)} ${textOf(remote)}`)
      .join(" / ");
  }

  #step(from: TestAgent, to: TestAgent): void {
    from.now = instant(this.#now);
    if (from.agent.pollTimeout() <= from.now) {
      from.agent.handleTimeout(from.now);
    }
    for (const { local, destination, payload } of from.takeTransmits()) {
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
      if (event.kind !== "path-selected") continue;
      this.#selected.set(from, {
        local: event.local.base,
        remote: event.remote.address,
      });
    }
  }

  /** Half of all pairs do not work, but the first addresses of both always do. */
  #isCut(a: SocketAddress, b: SocketAddress): boolean {
    const hosts = [textOf(a), textOf(b)].sort().join(" ");
    const decided = this.#cuts.get(hosts);
    if (decided !== undefined) return decided;
    const isFirst = hosts === "10.0.1.1:52625 10.0.2.1:52625";
    const isCut = !isFirst && this.#unit() < 0.5;
    this.#cuts.set(hosts, isCut);
    return isCut;
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
