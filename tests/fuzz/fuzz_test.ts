import { fuzz } from "./engine.ts";
import { TARGETS } from "./targets.ts";

/*
 * All targets for a fixed number of inputs, other ones each time. A failure
 * tells how to repeat it; `deno task fuzz` goes on for as long as one likes.
 */
const SEED = crypto.getRandomValues(new Uint32Array(1))[0]!;
console.log(`Fuzz seed: ${SEED}`);

for (const target of TARGETS) {
  Deno.test(`[dp 13] ${target.name} holds for ${target.runs} random inputs`, () => {
    fuzz(target, { seed: SEED, runs: target.runs });
  });
}
