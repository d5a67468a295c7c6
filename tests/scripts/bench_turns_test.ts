import assert from "node:assert/strict";
import { turnsOf } from "../../scripts/bench/turns.ts";

Deno.test("every round has everybody, and begins with the next one", () => {
  const turns = turnsOf(["a", "b", "c"], 4);

  const order = turns.map(({ contender }) => contender).join("");
  assert.equal(order, "abc" + "bca" + "cab" + "abc");
  assert.deepEqual(turns[4], { round: 2, place: 2, contender: "c" });
});

Deno.test("nobody has no turns", () => {
  assert.deepEqual(turnsOf([], 3), []);
});
