import assert from "node:assert/strict";
import {
  aeadGoals,
  type AeadLine,
  type AeadLines,
  disagreements,
  formatAead,
  parseAeadLines,
} from "../../scripts/bench/aead_results.ts";
import {
  AEAD_NAMES,
  prepareAead,
} from "../../scripts/bench/aead_contenders.ts";

const LINE: AeadLine = { size: 1_280, sealNs: 800, openNs: 600, sealed: "ab" };

Deno.test("every contender of the AEAD bench seals the same packet", () => {
  const packets = AEAD_NAMES.map((name) => prepareAead(name, 100).sealed);

  for (const packet of packets) assert.deepEqual(packet, packets[0]);
  assert.equal(packets[0]?.length, 116);
});

Deno.test("sizes at which contenders disagree are found", () => {
  const other = { ...LINE, sealed: "cd" };
  const small = { ...LINE, size: 64 };

  const lines = linesOf({ evp: [LINE, small], noble: [other, small] });
  assert.deepEqual(disagreements(lines), [1_280]);
});

Deno.test("AEAD speeds are medians over the rounds, and goals their ratios", () => {
  const ours = [900, 1_000, 5_000].map((ns) => ({
    ...{ ...LINE, sealNs: ns, openNs: 750 },
  }));
  const noble = [{ ...LINE, sealNs: 12_000, openNs: 6_000 }];
  const lines = linesOf({ evp: [LINE], webassembly: ours, noble });

  const found = aeadGoals(lines).map((goal) => goal.found);
  assert.deepEqual(found, [0.8, 12, 0.8, 8]);
  assert.match(
    formatAead(lines, [1_280], "evp"),
    /\| seal 1280 B \| 800 \(×1\.00\) \| 1,000 \(×0\.80\) \|/,
  );
});

Deno.test("what a contender of the AEAD bench prints is read line by line", () => {
  const text = JSON.stringify(LINE);

  assert.deepEqual(parseAeadLines(`${text}\n${text}\n`), [LINE, LINE]);
});

function linesOf(lines: Record<string, AeadLine[]>): AeadLines {
  return new Map(Object.entries(lines));
}
