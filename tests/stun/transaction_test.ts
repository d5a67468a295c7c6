import assert from "node:assert/strict";
import { type Instant, instant } from "../../lib/base/mod.ts";
import {
  newTransactionId,
  Retransmission,
  SINGLE_SHOT_POLICY,
  STANDARD_POLICY,
} from "../../lib/stun/mod.ts";
import { SeededRandom } from "../support/random.ts";

Deno.test("[p2p 89] a request is repeated at 1, 2.5 and 4.75 s and given up at 8.125 s", () => {
  const steps = stepsOf(
    new Retransmission(STANDARD_POLICY, instant(500)),
    instant(500),
  );

  assert.deepEqual(steps, [
    [1_000, "retransmit"],
    [2_500, "retransmit"],
    [4_750, "retransmit"],
    [8_125, "give-up"],
  ]);
});

Deno.test("a single-shot request is given up after one second", () => {
  const steps = stepsOf(
    new Retransmission(SINGLE_SHOT_POLICY, instant(0)),
    instant(0),
  );

  assert.deepEqual(steps, [[1_000, "give-up"]]);
});

Deno.test("a request that nobody looked at for hours is given up", () => {
  const retransmission = new Retransmission(STANDARD_POLICY, instant(0));

  assert.equal(retransmission.advance(instant(999)), "wait");
  assert.equal(retransmission.advance(instant(10_000_000)), "give-up");
});

Deno.test("a transaction id has 12 random bytes", () => {
  const random = new SeededRandom(1);

  const first = newTransactionId(random);

  assert.equal(first.length, 12);
  assert.notDeepEqual(newTransactionId(random), first);
});

function stepsOf(
  retransmission: Retransmission,
  start: Instant,
): [number, string][] {
  const steps: [number, string][] = [];
  let step = "";
  while (step !== "give-up") {
    const at = retransmission.dueAt;
    assert.equal(retransmission.advance(instant(at - 1)), "wait");
    step = retransmission.advance(at);
    steps.push([at - start, step]);
  }
  return steps;
}
