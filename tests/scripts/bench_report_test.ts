import assert from "node:assert/strict";
import { drawChart } from "../../scripts/bench/chart.ts";
import {
  type Metric,
  metricsOf,
  summarize,
} from "../../scripts/bench/metrics.ts";
import { formatNumber, formatTable } from "../../scripts/bench/table.ts";

const SPEED: Metric = {
  id: "speed",
  title: "Speed <1>",
  better: "more",
  digits: 0,
  pick: "median",
  isComparable: true,
};
const LOSS: Metric = {
  ...SPEED,
  ...{ id: "loss", title: "Loss", better: "less", digits: 2 },
  isComparable: false,
};

const SLOW = { name: "slow", summary: { speed: 1_000, loss: 4 } };
const FAST = { name: "fast", summary: { speed: 1_500, loss: 1 } };
const BARE = { name: "bare", summary: { speed: NaN } };

Deno.test("a summary has the median, the first and the highest, as the metric wants", () => {
  const metrics: Metric[] = [
    SPEED,
    { ...SPEED, id: "before", pick: "first" },
    { ...SPEED, id: "after", pick: "highest" },
    { ...SPEED, id: "never" },
  ];

  const summary = summarize(metrics, [
    { before: 60 },
    { speed: 5, before: 70, after: 80 },
    { speed: 1, after: 95 },
    { speed: 2, after: 90 },
  ]);

  assert.deepEqual(summary, { speed: 2, before: 60, after: 95, never: NaN });
});

Deno.test("every metric of a run has a name of its own", () => {
  const ids = metricsOf([1_000, 3_000]).map(({ id }) => id);

  assert.equal(new Set(ids).size, ids.length);
  for (const id of ["tcp4Down", "udp3000UpLoss", "udp1000DownSent"]) {
    assert.ok(ids.includes(id), id);
  }
});

Deno.test("the table shows ratios to the baseline where they say something", () => {
  const table = formatTable([SPEED, LOSS], [SLOW, FAST, BARE], SLOW);

  assert.equal(
    table,
    `
|           |  slow |          fast | bare |
| --------- | ----: | ------------: | ---: |
| Speed <1> | 1,000 | 1,500 (×1.50) |    – |
| Loss      |  4.00 |          1.00 |    – |`.trimStart(),
  );
});

Deno.test("the table has no ratios when there is nobody to compare with", () => {
  const table = formatTable([SPEED], [FAST, BARE], undefined);

  assert.doesNotMatch(table, /×/);
});

Deno.test("numbers mark thousands and keep their decimal places", () => {
  assert.equal(formatNumber(1_234_567.891, 1), "1,234,567.9");
  assert.equal(formatNumber(0.5, 2), "0.50");
  assert.equal(formatNumber(Infinity, 2), "–");
});

Deno.test("the chart's bars are in proportion, and those without a value have no length", () => {
  const svg = drawChart("A & B", ["2026, commit <a>"], [SPEED], [
    { ...SLOW, isOurs: false },
    { ...FAST, isOurs: true },
    { ...BARE, isOurs: false },
  ]);

  const bars = [...svg.matchAll(/<rect class="(bar[^"]*)".*? width="(\d+)"/g)]
    .map(([, kind, width]) => ({ kind, width: Number(width) }));
  assert.deepEqual(bars.map(({ kind }) => kind), ["bar", "bar ours", "bar"]);
  const [slow = NaN, fast = NaN, bare = NaN] = bars.map(({ width }) => width);
  assert.ok(Math.abs(slow / fast - 2 / 3) < 0.01, `${slow}/${fast}`);
  assert.equal(bare, 0);
});

Deno.test("the chart escapes text and follows light and dark", () => {
  const svg = drawChart("A & B", ["2026, commit <a>"], [SPEED], [{
    ...SLOW,
    isOurs: false,
  }]);

  assert.match(svg, /<title>A &amp; B<\/title>/);
  assert.match(svg, /Speed &lt;1&gt; \(more is better\)/);
  assert.match(svg, />2026, commit &lt;a&gt;<\/text>/);
  assert.doesNotMatch(svg, /<1>|<a>|A & B/);
  assert.match(svg, /@media \(prefers-color-scheme: dark\)/);
  assert.match(svg, />1,000<\/text>/);
});
