import assert from "node:assert/strict";
import fc from "fast-check";
import { ReplayWindow } from "../../lib/wireguard/replay_window.ts";
import vectors from "../vectors/wg_replay_counter.json" with { type: "json" };

/** Our window reaches 8191 below the greatest counter, p2p spec §5.6; the vectors give counters as terms of it. */
const W = 8_191;
/** Our limit stands for REJECT_AFTER_MESSAGES; `Session` refuses what lies at or above it. */
const R = Number.MAX_SAFE_INTEGER;
const TERMS: Readonly<Record<string, number>> = { W, R, T: W + 1 };

Deno.test("[p2p 121] the replay window passes the kernel's test sequence at our size", () => {
  for (const vector of vectors.cases) {
    const window = new ReplayWindow();
    for (const { expr, accept } of vector.steps) {
      const counter = evaluate(expr);
      const accepted = counter < R && take(window, counter);
      assert.equal(accepted, accept, `${vector.name}: ${expr}`);
    }
  }
});

Deno.test("[p2p 121] the replay window takes whole runs in either direction", () => {
  for (const vector of vectors.bulk) {
    const window = new ReplayWindow();
    for (const counter of rangeOf(vector)) {
      assert.equal(take(window, counter), true, `${vector.name}: ${counter}`);
    }
    for (const [expr, accept] of vector.then) {
      assert.equal(take(window, evaluate(String(expr))), accept, vector.name);
    }
  }
});

Deno.test("[p2p 121] a packet 8191 behind is fresh, one 8192 behind is too old", () => {
  const window = new ReplayWindow();
  window.accept(20_000);

  assert.equal(window.check(20_000 - 8_191), "fresh");
  assert.equal(window.check(20_000 - 8_192), "too-old");
  assert.equal(window.check(20_000), "duplicate");
});

Deno.test("[p2p 121] an advance by any step forgets nothing that is still in reach", () => {
  for (let step = 1; step <= 100; step++) {
    const window = new ReplayWindow();
    for (let counter = 0; counter <= W; counter++) window.accept(counter);

    window.accept(W + step);

    assert.equal(window.check(step), "duplicate");
    assert.equal(window.check(step - 1), "too-old");
    for (let skipped = W + 1; skipped < W + step; skipped++) {
      assert.equal(window.check(skipped), "fresh");
    }
  }
});

Deno.test("checking a counter does not move the window", () => {
  const window = new ReplayWindow();
  window.accept(0);

  assert.equal(window.check(1_000_000), "fresh");

  assert.equal(window.check(1), "fresh");
  assert.equal(window.check(0), "duplicate");
});

Deno.test("the replay window accepts each counter in reach exactly once, like a naive model", () => {
  fc.assert(
    fc.property(counterStreams(), (counters) => {
      const window = new ReplayWindow();
      const model = new NaiveReplayWindow();

      for (const counter of counters) {
        assert.equal(take(window, counter), model.take(counter));
      }
    }),
    { numRuns: 300 },
  );
});

/** Walks that jump forwards and backwards by little, about a word, about the window, and far beyond 2^32. */
function counterStreams(): fc.Arbitrary<number[]> {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -4, max: 4 }) },
    { weight: 3, arbitrary: fc.integer({ min: -70, max: 70 }) },
    { weight: 2, arbitrary: fc.integer({ min: -8_200, max: 8_200 }) },
    { weight: 1, arbitrary: fc.integer({ min: 8_180, max: 8_230 }) },
  );
  const start = fc.constantFrom(0, 8_190, 2 ** 31 - 40, 2 ** 32 - 40, 2 ** 45);
  return fc.tuple(start, fc.array(step, { maxLength: 120 })).map(
    ([first, steps]) => {
      let counter = first;
      return [first, ...steps.map((by) => counter = Math.max(0, counter + by))];
    },
  );
}

/** A set and a maximum. */
class NaiveReplayWindow {
  readonly #seen = new Set<number>();
  #greatest = -1;

  take(counter: number): boolean {
    if (this.#greatest - counter > W || this.#seen.has(counter)) return false;
    this.#seen.add(counter);
    this.#greatest = Math.max(this.#greatest, counter);
    return true;
  }
}

function take(window: ReplayWindow, counter: number): boolean {
  if (window.check(counter) !== "fresh") return false;
  window.accept(counter);
  return true;
}

function* rangeOf(
  vector: { readonly up?: string[]; readonly down?: string[] },
): Generator<number> {
  const [first, last] = (vector.up ?? vector.down ?? []).map(evaluate);
  if (first === undefined || last === undefined) return;
  const step = first <= last ? 1 : -1;
  for (let n = first; n !== last + step; n += step) yield n;
}

/** Computes sums, differences and one product of integers and terms, such as `T*4-(T-1)`. */
function evaluate(expression: string): number {
  const inner = /^(.*)\(([^()]+)\)$/.exec(expression);
  if (inner) return evaluate(`${inner[1]}${evaluate(inner[2] ?? "")}`);
  const parts = expression.match(/[+-]?[^+-]+/g) ?? [];
  return parts.reduce((sum, part) => {
    const sign = part.startsWith("-") ? -1 : 1;
    const factors = part.replace(/^[+-]/, "").split("*");
    return sum + sign * factors.reduce((all, one) => all * valueOf(one), 1);
  }, 0);
}

function valueOf(text: string): number {
  const value = TERMS[text] ?? Number(text);
  assert.ok(Number.isFinite(value), `Not a term: ${text}`);
  return value;
}
