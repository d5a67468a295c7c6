import assert from "node:assert/strict";
import fc from "fast-check";
import { bareFlowPacket, kinds } from "../arbitraries/nat.ts";
import { memoryInUse } from "../support/heap.ts";
import type { NaiveKind } from "../support/naive_nat.ts";
import { endsOf, NatHarness, V4, V6 } from "../support/nat.ts";

/** A session as the client asks for it. The real address follows from the proxy's. */
interface Wish {
  readonly isV6: boolean;
  readonly kind: NaiveKind;
  readonly value: number;
  readonly proxy: number;
}

/** A session, and the port that it got. */
interface Known extends Wish {
  outside: number;
}

const PROXIES = 40;
const REALS = 7;
const RST = { fin: false, rst: true };

Deno.test("[dp 92] [dp 93] [dp 99] thousands of sessions that come and go are never mixed up", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(fc.array(wishes(), { minLength: 100, maxLength: 300 }), {
        minLength: 2,
        maxLength: 4,
      }),
      (seed, rounds) => {
        const churn = new Churn(seed);
        for (const round of rounds) {
          churn.open(round);
          churn.resetEveryThird();
          churn.rest(60_000);
          churn.open(round.toReversed());
          churn.verify();
          churn.rest(7_430_000);
          churn.rest(7_400_000);
          churn.verify();
        }
      },
    ),
    { numRuns: 8 },
  );
});

Deno.test("what sessions took is given back while others go on", () => {
  const nat = new NatHarness();
  /** Opens 8000 sessions, so many of them at one address, and lets them be forgotten. */
  const round = (number: number, crowd: number) => {
    for (let i = 0; i < 8_000; i++) {
      const place = Math.floor(i / crowd);
      const host = `${number}.${place >> 8}.${place & 0xff}`;
      nat.send(
        bareFlowPacket(V4.client, `100.${host}`, "udp", [i, 443]),
        `10.${host}`,
      );
    }
    for (const ms of [60_000, 7_439_000, 1_000]) {
      keepAlive(nat);
      nat.expireAfter(ms);
    }
    assert.equal(nat.table.size, 1);
    assert.equal(nat.table.expiredCount, 0);
  };

  round(1, 1);
  const early = memoryInUse().buffers;
  round(2, 1);
  round(3, 600);
  const grown = memoryInUse().buffers - early;

  assert.ok(grown < 4_096, `${grown} bytes`);
});

Deno.test("an empty table is small again", () => {
  const nat = new NatHarness();
  const before = memoryInUse().buffers;
  for (let value = 0; value < 20_000; value++) {
    nat.send(
      bareFlowPacket(V4.client, "100.96.0.1", "udp", [value, 443]),
      "10.0.0.1",
    );
  }
  const full = memoryInUse().buffers - before;

  nat.expireAfter(60_000);
  nat.expireAfter(7_440_000);

  const empty = memoryInUse().buffers - before;
  assert.ok(full > 1_000_000, `${full} bytes`);
  assert.ok(empty < 65_536, `${empty} bytes`);
});

/** A table and what must be in it, by text keys. */
class Churn {
  readonly #nat: NatHarness;
  readonly #sessions = new Map<string, Known>();
  readonly #used = new Map<string, Known>();
  readonly #expired = new Map<string, number>();
  #nowMs = 0;

  constructor(seed: number) {
    this.#nat = new NatHarness(seed);
  }

  open(wishes: readonly Wish[]): void {
    for (const wish of wishes) {
      const known = this.#sessions.get(insideKey(wish));
      const session = known ?? { ...wish, outside: this.#firstUnused(wish) };
      this.#send(session);
      this.#sessions.set(insideKey(session), session);
      this.#used.set(outsideKey(session), session);
      this.#expired.delete(outsideKey(session));
      if (session.kind === "tcp") this.#receive(session, "translated");
    }
  }

  resetEveryThird(): void {
    const connections = [...this.#sessions.values()]
      .filter(({ kind }) => kind === "tcp");
    for (const session of connections.filter((_, i) => i % 3 === 0)) {
      this.#nat.send(packetOf(session, RST), realOf(session));
      this.#end(session);
    }
    this.#nat.expireAfter(0);
  }

  /** Lets time pass in which TCP sessions go on and all others end. */
  rest(ms: number): void {
    for (const session of [...this.#sessions.values()]) {
      if (session.kind === "tcp") this.#send(session);
    }
    this.#nowMs += ms;
    for (const [key, at] of this.#expired) {
      if (at + 7_440_000 <= this.#nowMs) this.#expired.delete(key);
    }
    for (const session of [...this.#sessions.values()]) {
      if (session.kind !== "tcp") this.#end(session);
    }
    this.#nat.expireAfter(ms);
  }

  verify(): void {
    assert.equal(this.#nat.table.size, this.#sessions.size);
    assert.equal(this.#nat.table.expiredCount, this.#expired.size);
    for (const session of this.#sessions.values()) {
      if (session.kind !== "tcp") continue;
      this.#send(session);
      this.#receive(session, "translated");
    }
    for (const isV6 of [false, true]) {
      for (const kind of ["tcp", "udp", "echo"] as const) {
        for (let value = 0; value < 60; value++) {
          const stranger = { isV6, kind, value, proxy: 3, outside: value };
          if (this.#used.has(outsideKey(stranger))) continue;
          const isExpired = this.#expired.has(outsideKey(stranger));
          this.#receive(stranger, isExpired ? "expired" : "none");
        }
      }
    }
  }

  #send(session: Known): void {
    const packet = packetOf(session);
    assert.equal(this.#nat.send(packet, realOf(session)), "translated");
    assert.equal(endsOf(packet).destination, realOf(session));
    assert.equal(endsOf(packet).values[0], session.outside);
  }

  #receive(session: Known, verdict: string): void {
    const { client } = session.isV6 ? V6 : V4;
    const { kind, outside } = session;
    const from = kind === "echo" ? outside : 443;
    const packet = bareFlowPacket(realOf(session), client, kind, [
      from,
      outside,
    ]);
    assert.equal(this.#nat.receive(packet), verdict);
    if (verdict !== "translated") return;
    assert.equal(endsOf(packet).source, proxyOf(session));
    assert.equal(endsOf(packet).values[1], session.value);
  }

  #firstUnused(wish: Wish): number {
    let outside = wish.value;
    while (this.#used.has(outsideKey({ ...wish, outside }))) {
      outside = outside === 65_535 ? 1 : outside + 1;
    }
    return outside;
  }

  #end(session: Known): void {
    this.#sessions.delete(insideKey(session));
    this.#used.delete(outsideKey(session));
    this.#expired.set(outsideKey(session), this.#nowMs);
  }
}

function wishes(): fc.Arbitrary<Wish> {
  return fc.record({
    isV6: fc.boolean(),
    kind: kinds(),
    value: fc.oneof(
      fc.nat({ max: 60 }),
      fc.integer({ min: 65_500, max: 65_535 }),
    ),
    proxy: fc.nat({ max: PROXIES - 1 }),
  });
}

function insideKey(wish: Wish): string {
  return `${wish.kind} ${wish.value} ${proxyOf(wish)}`;
}

function outsideKey(session: Known): string {
  return `${session.kind} ${session.outside} ${realOf(session)}`;
}

function packetOf(session: Known, flags?: typeof RST): Uint8Array {
  const { client } = session.isV6 ? V6 : V4;
  const { kind, value } = session;
  return bareFlowPacket(client, proxyOf(session), kind, [value, 443], flags);
}

function proxyOf({ isV6, proxy }: Wish): string {
  return isV6 ? `fd00:2021:1111:8000::${proxy + 1}` : `100.96.0.${proxy + 1}`;
}

function realOf({ isV6, proxy }: Wish): string {
  const number = proxy % REALS + 1;
  return isV6 ? `2001:db8::${number}` : `10.0.0.${number}`;
}

function keepAlive(nat: NatHarness): void {
  const ports = [4_000, 443] as const;
  nat.send(
    bareFlowPacket(V4.client, V4.proxies[0] ?? "", "tcp", ports),
    V4.reals[0] ?? "",
  );
  const [there, here] = ports;
  nat.receive(
    bareFlowPacket(V4.reals[0] ?? "", V4.client, "tcp", [here, there]),
  );
}
