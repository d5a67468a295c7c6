import assert from "node:assert/strict";
import { growthOf, parseMemory } from "../../scripts/bench/memory.ts";

Deno.test("memory is read from what the kernel sums up of all mappings", () => {
  const rollup = [
    "55d0c0000000-7ffd00000000 ---p 00000000 00:00 0    [rollup]",
    "Rss:               92160 kB",
    "Pss:               88000 kB",
    "Pss_Anon:          30000 kB",
    "Private_Dirty:     30720 kB",
    "Anonymous:         30720 kB",
    "",
  ].join("\n");

  assert.deepEqual(parseMemory(rollup), { resident: 90, anonymous: 30 });
});

Deno.test("growth is what the readings have in common, not their last jump", () => {
  const steady = [80, 82, 78, 80, 80].map(readingAt);
  const growing = [80, 81, 82, 83, 84].map(readingAt);
  const lastJumps = [80, 80, 80, 80, 85].map(readingAt);

  assert.ok(Math.abs(growthOf(steady)) < 1);
  assert.ok(Math.abs(growthOf(growing) - 4) < 1e-9);
  assert.ok(growthOf(lastJumps) < 5);
  assert.equal(growthOf([]), NaN);
});

function readingAt(resident: number, second: number) {
  return { second, resident, anonymous: 0 };
}
