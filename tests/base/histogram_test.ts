import assert from "node:assert/strict";
import fc from "fast-check";
import { Histogram } from "../../lib/base/mod.ts";

Deno.test("Histogram counts a value under the first bound that is not below it", () => {
  const histogram = new Histogram([1, 5, 10]);

  for (const value of [0, 1, 1.5, 5, 10, 10.1, 1_000]) histogram.observe(value);

  assert.deepEqual(histogram.snapshot(), {
    bounds: [1, 5, 10],
    counts: [2, 2, 1, 2],
    sum: 1_027.6,
  });
});

Deno.test("Histogram agrees with counting the values one by one", () => {
  const bounds = [2, 4, 8];
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 10 })), (values) => {
    const histogram = new Histogram(bounds);
    values.forEach((value) => histogram.observe(value));

    const { counts, sum } = histogram.snapshot();
    const below = bounds.map((bound) => values.filter((it) => it <= bound));
    assert.equal(sum, values.reduce((total, it) => total + it, 0));
    assert.deepEqual(
      bounds.map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b)),
      below.map(({ length }) => length),
    );
    assert.equal(counts.reduce((a, b) => a + b), values.length);
  }));
});
