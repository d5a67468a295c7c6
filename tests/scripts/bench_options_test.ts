import assert from "node:assert/strict";
import { parseOptions } from "../../scripts/bench/options.ts";

Deno.test("without options everybody is measured", () => {
  assert.deepEqual(parseOptions([]), {
    seconds: 2,
    rounds: 3,
    contenders: ["veth", "debian", "current", "direct", "relayed", "dns"],
    udpRates: [1_000, 2_000, 3_000],
    smallRates: [
      ...[25_000, 35_000, 50_000, 70_000, 100_000, 140_000],
      ...[200_000, 280_000, 400_000, 560_000, 800_000],
    ],
    program: "source",
    isPublished: false,
  });
});

Deno.test("the quick run is one round of a second, unless told otherwise", () => {
  const quick = {
    contenders: ["current", "dns"],
    udpRates: [1_000, 3_000],
    smallRates: [25_000, 50_000, 100_000, 200_000, 400_000, 800_000],
    ...{ program: "source", isPublished: false },
  };

  const args = ["--quick", "--contenders", "dns,current"];
  assert.deepEqual(parseOptions(args), { ...quick, seconds: 1, rounds: 1 });
  const more = [...args, "--seconds", "4", "--rounds=5"];
  assert.deepEqual(parseOptions(more), { ...quick, seconds: 4, rounds: 5 });
});

Deno.test("the compiled program is measured, and the result published, when asked for", () => {
  const options = parseOptions(["--publish", "--compiled"]);

  assert.ok(typeof options !== "string");
  assert.equal(options.program, "compiled");
  assert.equal(options.isPublished, true);
});

Deno.test("what is compiled can run on the present Deno instead", () => {
  const options = parseOptions(["--bundled"]);

  assert.ok(typeof options !== "string");
  assert.equal(options.program, "bundled");
});

Deno.test("what cannot be used is refused with a sentence", () => {
  for (
    const [args, sentence] of [
      [["--seconds", "0"], /Cannot load for seconds: 0/],
      [["--bundled", "--compiled"], /Cannot measure two programs/],
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
