import assert from "node:assert/strict";
import { PACKET_REFUSALS } from "../../lib/wire/mod.ts";
import { SeededChoices, Tape } from "./choices.ts";
import { attackGateway } from "./gateway_target.ts";
import { attack, type Victim } from "./site_targets.ts";

/*
 * Inputs that are refused at the door find nothing. These tests hold the
 * generators to reaching what lies behind it, with a fixed seed.
 */

const TAPES = 4;

const LEAST_OUTCOMES: readonly (readonly [Victim, number])[] = [
  ["gateway", 9],
  ["client", 9],
  ["relay", 9],
];

for (const [victim, least] of LEAST_OUTCOMES) {
  Deno.test(`random datagrams meet a ${victim} in at least ${least} ways`, () => {
    const outcomes = new Set<string>();

    for (let i = 0; i < TAPES; i++) {
      const tape = tapeOf(i, 6_000);
      for (const [name, count] of Object.entries(attack(victim, tape))) {
        if (count > 0) outcomes.add(name);
      }
    }

    assert.ok(outcomes.size >= least, [...outcomes].join());
  });
}

Deno.test("random policies, names and packets lead to all that policy and names can make of a packet", () => {
  const outcomes = new Map<string, number>();

  for (let i = 0; i < 40; i++) {
    const tape = tapeOf(i, 3_000);
    for (const [name, count] of Object.entries(attackGateway(tape))) {
      outcomes.set(name, (outcomes.get(name) ?? 0) + count);
    }
  }

  const never = [...outcomes].filter(([, count]) => count === 0)
    .map(([name]) => name);
  assert.deepEqual(never.filter((name) => !RARE.includes(name)), []);
});

/** What parsers refuse, and what takes more than two clients and a few packets, or a node that is not a fake. */
const RARE: readonly string[] = [
  ...PACKET_REFUSALS,
  ...["nat-exhausted", "nat-table-full", "expired-nat-session", "buffered"],
  ...["connecting", "no-session", "no-relay", "no-channel", "not-connected"],
];

/** Seeds next to each other give the same. */
function tapeOf(number: number, length: number): Tape {
  return new Tape(new SeededChoices(2 * number).bytes(length));
}
