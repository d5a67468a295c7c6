import assert from "node:assert/strict";
import { SeededChoices, Tape } from "./choices.ts";
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
      const tape = new Tape(new SeededChoices(i).bytes(6_000));
      for (const [name, count] of Object.entries(attack(victim, tape))) {
        if (count > 0) outcomes.add(name);
      }
    }

    assert.ok(outcomes.size >= least, [...outcomes].join());
  });
}
