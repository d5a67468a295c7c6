import assert from "node:assert/strict";
import {
  formatGoals,
  type Goal,
  goalsOf,
  judge,
  type Measured,
} from "../../scripts/bench/goals.ts";
import type { Sample } from "../../scripts/bench/metrics.ts";
import type { ContenderId, ProgramKind } from "../../scripts/bench/options.ts";

const GOAL: Goal = { title: "Speed", side: "at least", bound: 2, found: 2 };

Deno.test("a goal is met at its bound, and missed by a share of it beyond", () => {
  assert.deepEqual(judge(GOAL), { kind: "met" });
  assert.deepEqual(judge({ ...GOAL, found: 1.5 }), missed(25));
  assert.deepEqual(judge({ ...GOAL, side: "at most", found: 3 }), missed(50));
  assert.deepEqual(judge({ ...GOAL, side: "at most", found: 1 }), {
    kind: "met",
  });
  assert.deepEqual(judge({ ...GOAL, found: NaN }), { kind: "not measured" });
});

Deno.test("goals are written with what was found and by how much it falls short", () => {
  const text = formatGoals([GOAL, { ...GOAL, found: 1.5 }]);

  assert.equal(
    text,
    `
met              Speed: 2.00 (goal: at least 2)
MISSED by 25 %   Speed: 1.50 (goal: at least 2)`.trimStart(),
  );
});

Deno.test("speeds are judged as ratios to the current wireguard-go, never to another one", () => {
  const fast = measured("direct", { tcp1Up: 300 });

  const current = [measured("current", { tcp1Up: 200 }), fast];
  assert.equal(found("TCP to resource, 1 stream, of", current), 1.5);
  const debian = [measured("debian", { tcp1Up: 200 }), fast];
  assert.equal(found("TCP to resource, 1 stream, of", debian), NaN);
});

Deno.test("the worst round is judged beside the median, and compares what was measured in one round", () => {
  const rounds = (...values: readonly number[]) => [
    { gatewayMbIdle: 60 },
    ...values.map((value) => ({
      ...{ tcp1Up: value, tcp1Down: value, tcp4Up: value, tcp4Down: value },
    })),
  ];

  const results = [
    { ...measured("current", {}), rounds: rounds(100, 200, 150) },
    { ...measured("direct", {}), rounds: rounds(200, 220, 300) },
  ];

  assert.equal(found("the worst round", results), 1.1);
});

Deno.test("loss is judged only where the sender brought what was to be offered", () => {
  const title = "UDP to resource at 3000";
  const lossy = (udp3000UpSent: number) => [
    measured("direct", { udp3000UpLoss: 0.4, udp3000UpSent }),
  ];

  assert.equal(found(title, lossy(2_990)), 0.4);
  assert.equal(found(title, lossy(2_000)), NaN);
});

Deno.test("memory is a goal of the compiled program only", () => {
  const results = [measured("direct", { gatewayMb: 80 })];

  assert.equal(found("Memory", results), NaN);
  assert.equal(found("Memory", results, "compiled"), 80);
});

function missed(percent: number): { kind: "missed"; percent: number } {
  return { kind: "missed", percent };
}

function measured(id: ContenderId, summary: Sample): Measured {
  return { id, summary, rounds: [] };
}

function found(
  title: string,
  results: readonly Measured[],
  program: ProgramKind = "source",
): number {
  const goals = goalsOf(results, program);
  const goal = goals.find((it) => it.title.includes(title));
  assert.ok(goal, title);
  return goal.found;
}
