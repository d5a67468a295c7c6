/**
 * How fast is a packet sealed and opened, and what does the kernel gain?
 *
 *     deno bench --allow-read tests/bench/aead_bench.ts
 *
 * `deno task bench:aead` asks the same of OpenSSL, on the same core.
 */
import assert from "node:assert/strict";
import {
  AEAD_NAMES,
  AEAD_SIZES,
  prepareAead,
} from "../../scripts/bench/aead_contenders.ts";

for (const size of AEAD_SIZES) {
  const { sealed } = prepareAead("noble", size);
  for (const name of AEAD_NAMES) {
    const work = prepareAead(name, size);
    assert.deepEqual(work.sealed, sealed, `${name} ${size} B`);
    work.open();
    for (const step of ["seal", "open"] as const) {
      Deno.bench(`${step} ${size} B, ${name}`, {
        group: `${step} ${size} B`,
        baseline: name === "noble",
      }, () => work[step]());
    }
  }
}
