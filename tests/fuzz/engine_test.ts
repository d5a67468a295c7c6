import assert from "node:assert/strict";
import { toHex } from "../../lib/base/mod.ts";
import { SeededChoices, Tape } from "./choices.ts";
import { fuzz, FuzzFailure, type FuzzTarget } from "./engine.ts";
import { TARGETS } from "./targets.ts";

Deno.test("a planted bug is found, made as small as it can be, and told how to repeat", () => {
  const failure = failureOf(planted(), 1);

  assert.equal(toHex(failure.input), "6600");
  assert.match(failure.message, /fuzz test\/planted --input 6600$/);
  assert.match(
    failure.message,
    new RegExp(`seed 1, run ${failure.run}: .* --seed 1 --run ${failure.run}`),
  );
});

Deno.test("seed and run give the same failure again, without the runs before", () => {
  const { run, input } = failureOf(planted(), 2);
  assert.ok(run > 0);

  const again = failureOf(planted(), 2, run);

  assert.equal(again.run, run);
  assert.deepEqual(again.input, input);
});

Deno.test("each seed gives other inputs", () => {
  const inputs = new Set<string>();
  const target: FuzzTarget = {
    ...planted(),
    check: (input) => inputs.add(toHex(input)),
  };

  for (let seed = 0; seed < 50; seed++) fuzz(target, { seed, runs: 20 });

  assert.equal(inputs.size, 1_000);
});

Deno.test("fuzzing ends when it is told to", () => {
  const target = { ...planted(), check: () => {} };
  let asked = 0;

  const runs = fuzz(target, {
    seed: 1,
    runs: Infinity,
    isOver: () => ++asked === 3,
  });

  assert.equal(runs, 3);
});

Deno.test("what a tape decides is decided again by the same tape, and by nothing behind its end", () => {
  const draw = (tape: Tape) => [
    tape.below(7),
    tape.below(1_000),
    tape.pick(["a", "b", "c"]),
    toHex(tape.bytes(9)),
  ];
  const bytes = new SeededChoices(3).bytes(6);

  assert.deepEqual(draw(new Tape(bytes)), draw(new Tape(bytes)));
  const spent = new Tape(new Uint8Array(0));
  assert.ok(spent.isAtEnd);
  assert.deepEqual([spent.below(9), spent.pick([1, 2])], [0, 1]);
});

Deno.test("every target has a name of its own and input that depends on the seed alone", () => {
  assert.equal(new Set(TARGETS.map(({ name }) => name)).size, TARGETS.length);
  for (const { name, generate } of TARGETS) {
    const once = generate(new SeededChoices(5));
    assert.deepEqual(generate(new SeededChoices(5)), once, name);
  }
});

/** Breaks on a byte 0x66 that another one follows. */
function planted(): FuzzTarget {
  return {
    name: "test/planted",
    runs: 0,
    generate: (choices) => choices.bytes(6),
    check: (input) => {
      const at = input.indexOf(0x66);
      assert.ok(at < 0 || at === input.length - 1, "Planted");
    },
  };
}

function failureOf(target: FuzzTarget, seed: number, first = 0): FuzzFailure {
  try {
    fuzz(target, { seed, first, runs: 1_000 });
  } catch (error) {
    if (error instanceof FuzzFailure) return error;
    throw error;
  }
  throw new Error("No failure was found");
}
