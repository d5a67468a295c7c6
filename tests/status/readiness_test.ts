import assert from "node:assert/strict";
import { judgeReadiness, type ReadinessInputs } from "../../lib/status/mod.ts";

const RELAY = {
  id: "r1",
  addresses: ["198.51.100.7:3478"],
  state: "allocated",
  allocated: ["198.51.100.7:50000"],
  roundTripMs: 3,
} as const;

const GOOD: ReadinessInputs = {
  isWorkerAlive: true,
  isJoined: true,
  link: "up",
  isConfigured: true,
  unrouted: [],
  relays: [RELAY, { ...RELAY, id: "r2", state: "asking", allocated: [] }],
  isDraining: false,
};

Deno.test("[ops 6] a gateway is ready with worker, portal, interface and one allocation", () => {
  const { ready, checks } = judgeReadiness(GOOD);

  assert.equal(ready, true);
  assert.deepEqual(checks.map(({ detail }) => detail), [
    "answers",
    "joined",
    "up",
    "1 of 2 allocated",
    "accepts clients",
  ]);
});

const FAULTS: readonly (readonly [string, Partial<ReadinessInputs>, string])[] =
  [
    ["data-plane", { isWorkerAlive: false }, "does not answer"],
    ["portal", { isJoined: false }, "not joined"],
    ["interface", { link: "down" }, "down"],
    ["interface", { link: "missing" }, "missing"],
    ["interface", { isConfigured: false }, "waits for its addresses"],
    [
      "interface",
      { unrouted: ["100.64.0.0/11 (EEXIST)", "fd00:2021:1111::/107 (EEXIST)"] },
      "no route into it for 100.64.0.0/11 (EEXIST), fd00:2021:1111::/107 (EEXIST)",
    ],
    ["relay", { relays: [] }, "no relays"],
    [
      "relay",
      { relays: [{ ...RELAY, state: "answered", allocated: [] }] },
      "0 of 1 allocated",
    ],
    ["accepting", { isDraining: true }, "draining"],
  ];

for (const [name, fault, detail] of FAULTS) {
  Deno.test(`[ops 6] a gateway is not ready: ${name} ${detail}`, () => {
    const { ready, checks } = judgeReadiness({ ...GOOD, ...fault });

    assert.equal(ready, false);
    assert.deepEqual(checks.filter(({ ok }) => !ok), [
      { name, ok: false, detail },
    ]);
  });
}
