import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bareFlowPacket,
  buildIcmpError,
  kinds,
  tcpFlags,
} from "../arbitraries/nat.ts";
import { wrongChecksums } from "../support/checksums.ts";
import {
  type NaiveFlags,
  type NaiveKind,
  NaiveNat,
} from "../support/naive_nat.ts";
import { attached, endsOf, NatHarness, V4, V6 } from "../support/nat.ts";

Deno.test("[dp 92] [dp 93] [dp 96] [dp 97] [dp 98] [dp 99] NatTable agrees with two lists, whatever happens in whatever order", () => {
  fc.assert(
    fc.property(
      fc.array(operations(), { maxLength: 60 }),
      fc.integer(),
      (list, seed) => {
        const run = new ModelRun(seed);
        for (const operation of list) run.apply(operation);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("[dp 92] at a crowded address the first unused value is the one that a naive search finds", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          first: fc.integer({ min: 0, max: 65_535 }),
          count: fc.integer({ min: 1, max: 700 }),
        }),
        { minLength: 1, maxLength: 4 },
      ),
      fc.array(fc.integer({ min: 0, max: 65_535 }), { maxLength: 20 }),
      fc.integer({ min: 2, max: 9 }),
      (runs, others, share) => {
        const values = new Set([
          65_535,
          ...runs.flatMap(({ first, count }) =>
            Array.from({ length: count }, (_, i) => (first + i) & 0xffff)
          ),
        ]);
        const crowd = new Crowd();
        for (const value of values) crowd.open(0, value);
        crowd.close([...values].filter((_, i) => i % share === 0));

        for (
          const value of [...new Set([...others, ...values])].slice(0, 400)
        ) {
          crowd.open(1, value);
        }
      },
    ),
    { numRuns: 20 },
  );
});

/** One thing that happens to a table. */
type Operation =
  | {
    readonly do: "send" | "receive" | "fail";
    readonly isV6: boolean;
    readonly kind: NaiveKind;
    readonly value: number;
    readonly proxy: number;
    readonly real: number;
    readonly flags: NaiveFlags;
  }
  | { readonly do: "wait" | "expire"; readonly ms: number }
  | { readonly do: "clear" };

/** A table and its model, driven alike. */
class ModelRun {
  readonly #nat: NatHarness;
  readonly #model = new NaiveNat();
  #nowMs = 0;

  constructor(seed: number) {
    this.#nat = new NatHarness(seed);
  }

  apply(operation: Operation): void {
    switch (operation.do) {
      case "send":
        this.#send(operation);
        break;
      case "receive":
        this.#receive(operation);
        break;
      case "fail":
        this.#fail(operation);
        break;
      case "wait":
        this.#nat.wait(operation.ms);
        this.#nowMs += operation.ms;
        break;
      case "expire":
        this.#nat.expireAfter(operation.ms);
        this.#nowMs += operation.ms;
        this.#model.expire(this.#nowMs);
        break;
      case "clear":
        this.#nat.table.clear();
        this.#model.clear();
    }
    assert.equal(this.#nat.table.size, this.#model.sessions.length);
    assert.equal(this.#nat.table.expiredCount, this.#model.expired.length);
  }

  #send(operation: Extract<Operation, { do: "send" | "receive" | "fail" }>) {
    const { kind, value, flags } = operation;
    const { client, proxies, reals } = operation.isV6 ? V6 : V4;
    const proxy = proxies[operation.proxy] ?? "";
    const real = reals[operation.real] ?? "";
    const packet = bareFlowPacket(client, proxy, kind, [value, 443], flags);

    const verdict = this.#nat.send(packet, real);
    const outside = this.#model.send(
      { kind, value, address: proxy },
      real,
      effective(kind, flags),
      this.#nowMs,
    );

    assert.equal(verdict, "translated");
    assert.notEqual(outside, "exhausted");
    if (outside === "exhausted") return;
    assert.equal(endsOf(packet).destination, outside.address);
    assert.equal(endsOf(packet).values[0], outside.value);
    assert.deepEqual(wrongChecksums(attached(packet)), []);
  }

  #receive(operation: Extract<Operation, { do: "send" | "receive" | "fail" }>) {
    const { kind, value, flags } = operation;
    const { client, reals } = operation.isV6 ? V6 : V4;
    const real = reals[operation.real] ?? "";
    const packet = kind === "echo"
      ? bareFlowPacket(real, client, kind, [value, value], flags)
      : bareFlowPacket(real, client, kind, [443, value], flags);

    const verdict = this.#nat.receive(packet);
    const inside = this.#model.receive(
      { kind, value, address: real },
      effective(kind, flags),
      this.#nowMs,
    );

    if (typeof inside === "string") return assert.equal(verdict, inside);
    assert.equal(verdict, "translated");
    assert.equal(endsOf(packet).source, inside.address);
    assert.equal(endsOf(packet).values[1], inside.value);
  }

  #fail(operation: Extract<Operation, { do: "send" | "receive" | "fail" }>) {
    const { kind, value, flags } = operation;
    const { client, reals, router } = operation.isV6 ? V6 : V4;
    const real = reals[operation.real] ?? "";
    const error = buildIcmpError(
      { source: router, destination: client, extras: 0 },
      [operation.isV6 ? 1 : 3, 1, 0, 0, 0, 0, 0, 0],
      bareFlowPacket(client, real, kind, [value, 443], flags),
    );

    const result = this.#nat.receiveError(error);
    const inside = this.#model.receive(
      { kind, value, address: real },
      { fin: false, rst: false },
      this.#nowMs,
    );

    if (typeof inside === "string") return assert.equal(result, inside);
    assert.ok(result instanceof Uint8Array);
    assert.equal(endsOf(result).source, inside.address);
  }
}

/** Sessions of two proxy addresses at one real address. */
class Crowd {
  readonly #nat = new NatHarness();
  readonly #used = new Map<number, number>();

  open(proxy: 0 | 1, value: number): void {
    const packet = bareFlowPacket(
      V4.client,
      V4.proxies[proxy] ?? "",
      "tcp",
      [value, 443],
      { fin: false, rst: false },
    );
    let expected = value;
    while (this.#used.has(expected)) {
      expected = expected === 65_535 ? 1 : expected + 1;
    }

    assert.equal(this.#nat.send(packet, V4.reals[0] ?? ""), "translated");

    assert.equal(endsOf(packet).values[0], expected);
    this.#used.set(expected, value);
  }

  close(values: readonly number[]): void {
    for (const value of values) {
      const packet = bareFlowPacket(
        V4.reals[0] ?? "",
        V4.client,
        "tcp",
        [443, value],
        { fin: false, rst: true },
      );
      assert.equal(this.#nat.receive(packet), "translated");
      this.#used.delete(value);
    }
    this.#nat.expireAfter(0);
    assert.equal(this.#nat.table.size, this.#used.size);
  }
}

function operations(): fc.Arbitrary<Operation> {
  const packet = fc.record({
    do: fc.constantFrom("send", "send", "receive", "fail"),
    isV6: fc.boolean(),
    kind: kinds(),
    value: fc.constantFrom(0, 1, 2, 65_534, 65_535),
    proxy: fc.nat({ max: 2 }),
    real: fc.nat({ max: 1 }),
    flags: tcpFlags(),
  });
  const time = fc.record({
    do: fc.constantFrom("wait", "expire"),
    ms: fc.constantFrom(0, 1, 999, 5_000, 59_999, 60_000, 120_000, 7_440_000),
  });
  return fc.oneof(
    { weight: 12, arbitrary: packet },
    { weight: 4, arbitrary: time },
    { weight: 1, arbitrary: fc.constant({ do: "clear" as const }) },
  ) as fc.Arbitrary<Operation>;
}

/** Returns the flags as far as the kind has any. */
function effective(kind: NaiveKind, flags: NaiveFlags): NaiveFlags {
  return kind === "tcp" ? flags : { fin: false, rst: false };
}
