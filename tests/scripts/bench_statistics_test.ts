import assert from "node:assert/strict";
import { mean, median, percentile } from "../../scripts/bench/statistics.ts";

Deno.test("the median of an odd number of rounds is the middle one", () => {
  assert.equal(median([30, 1, 2]), 2);
  assert.equal(median([7]), 7);
});

Deno.test("the median of an even number of rounds is between the middle ones", () => {
  assert.equal(median([10, 4, 1, 2]), 3);
});

Deno.test("the p99 of a hundred round trips leaves out only the worst", () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);

  assert.equal(percentile(values, 99), 99);
  assert.equal(percentile(values, 100), 100);
  assert.equal(percentile([5], 99), 5);
});

Deno.test("nothing measured is no number", () => {
  assert.ok(Number.isNaN(median([])));
  assert.ok(Number.isNaN(percentile([], 99)));
  assert.ok(Number.isNaN(mean([])));
  assert.equal(mean([1, 2, 6]), 3);
});
