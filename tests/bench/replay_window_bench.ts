/**
 * What does the replay window cost per packet, in order and out of it?
 *
 *     deno bench --allow-read tests/bench/replay_window_bench.ts
 */
import assert from "node:assert/strict";
import { ReplayWindow } from "../../lib/wireguard/replay_window.ts";

const SPAN = 64;

/** Offsets that visit a span of counters out of order. */
const SHUFFLED = Array.from(
  { length: SPAN },
  (_, i) => i ^ (i % 2 === 0 ? 33 : 1),
);
assert.equal(new Set(SHUFFLED).size, SPAN);

const seen = new Set<number>();
const inOrder = new ReplayWindow();
const shuffled = new ReplayWindow();
const replayed = new ReplayWindow();
replayed.accept(0);
for (let i = 0; i < 4 * SPAN; i++) {
  assert(take(inOrder, i));
  assert(take(shuffled, shuffledCounter(i)));
}
assert.equal(replayed.check(0), "duplicate");
assert.equal(inOrder.check(4 * SPAN - 1), "duplicate");

const group = "replay window";
let next = 4 * SPAN;
Deno.bench("a set that forgets one for each it takes", {
  group,
  baseline: true,
}, () => {
  const counter = next++;
  if (seen.has(counter)) return;
  seen.add(counter);
  seen.delete(counter - SPAN);
});
let ordered = 4 * SPAN;
Deno.bench("in order", { group }, () => {
  take(inOrder, ordered++);
});
let reordered = 4 * SPAN;
Deno.bench("out of order", { group }, () => {
  take(shuffled, shuffledCounter(reordered++));
});
Deno.bench("a duplicate", { group }, () => {
  replayed.check(0);
});

function shuffledCounter(i: number): number {
  return i - i % SPAN + SHUFFLED[i % SPAN]!;
}

function take(window: ReplayWindow, counter: number): boolean {
  if (window.check(counter) !== "fresh") return false;
  window.accept(counter);
  return true;
}
