import assert from "node:assert/strict";
import { sampleByRoundTrip } from "../../lib/connection/relay_sampling.ts";
import { SeededRandom } from "../support/random.ts";

Deno.test("[p2p 107] of two relays the slower one is used while it takes at most 1.5 times as long", () => {
  assert.deepEqual(sampled([20, 30]), [20, 30]);
  assert.deepEqual(sampled([20, 31]), [20]);
});

Deno.test("[p2p 107] of three and more relays outliers are left out", () => {
  assert.deepEqual(sampled([20, 21, 22, 200]), [20, 21, 22]);
  assert.deepEqual(sampled([20, 20, 26]), [20, 26]);
  assert.deepEqual(sampled([20, 20, 27]), [20]);
});

Deno.test("[p2p 107] a relay without a measurement is never used", () => {
  assert.deepEqual(sampled([undefined]), []);
  assert.deepEqual(sampled([undefined, 50]), [50]);
});

/** All round-trip times that are ever sampled, in ascending order. */
function sampled(times: readonly (number | undefined)[]): number[] {
  const random = new SeededRandom(1);
  const seen = new Set<number>();
  for (let i = 0; i < 200; i++) {
    const ms = sampleByRoundTrip(times, (time) => time, random);
    if (ms !== undefined) seen.add(ms);
  }
  return [...seen].sort((a, b) => a - b);
}
