import assert from "node:assert/strict";
import { parseOptions } from "../../scripts/bench/options.ts";

Deno.test("without options everybody is measured", () => {
  assert.deepEqual(parseOptions([]), {
    seconds: 2,
    rounds: 3,
    contenders: ["veth", "debian", "current", "direct", "relayed", "dns"],
    udpRates: [300, 1_000, 3_000],
  });
});

Deno.test("the quick run is one round of a second, unless told otherwise", () => {
  const quick = { contenders: ["current", "dns"], udpRates: [1_000] };

  const args = ["--quick", "--contenders", "dns,current"];
  assert.deepEqual(parseOptions(args), { ...quick, seconds: 1, rounds: 1 });
  const more = [...args, "--seconds", "4", "--rounds=5"];
  assert.deepEqual(parseOptions(more), { ...quick, seconds: 4, rounds: 5 });
});

Deno.test("what cannot be used is refused with a sentence", () => {
  for (
    const [args, sentence] of [
      [["--seconds", "0"], /Cannot load for seconds: 0/],
      [["--seconds", "61"], /Cannot load for seconds: 61/],
      [["--seconds", "1.5"], /Cannot load for seconds: 1.5/],
      [["--rounds", "many"], /Cannot run rounds: NaN/],
      [["--contenders", "direct,native"], /Cannot measure contender: native/],
      [["--fast"], /--fast/],
      [["5"], /'5'/],
    ] as const
  ) {
    const refused = parseOptions(args);
    assert.ok(typeof refused === "string");
    assert.match(refused, sentence);
  }
});
