/**
 * Throws random inputs at parsers and cores, for as long as one likes.
 *
 *     deno task fuzz                              all targets, 10 s each
 *     deno task fuzz wire/ --seconds 600          those whose name starts so
 *     deno task fuzz gateway/core --seed 7        the same inputs again
 *     deno task fuzz gateway/core --seed 7 --run 31
 *     deno task fuzz wire/stun --input 000100     a single input
 *     deno task fuzz --list
 *
 * Ends with 1 at the first invariant that does not hold, and tells how to
 * repeat that.
 */
import { parseArgs } from "node:util";
import { fromHex } from "../lib/base/mod.ts";
import { fuzz, FuzzFailure, type FuzzTarget } from "../tests/fuzz/engine.ts";
import { TARGETS } from "../tests/fuzz/targets.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Time for each target unless told. */
const DEFAULT_SECONDS = 10;

function refuse(sentence: string): never {
  console.error(sentence);
  Deno.exit(EXIT_USAGE);
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) {
    refuse(`Cannot use --${name}: "${text}" is not a number`);
  }
  return value;
}

function targetsOf(prefix: string): readonly FuzzTarget[] {
  const exact = TARGETS.filter(({ name }) => name === prefix);
  if (exact.length > 0) return exact;
  const chosen = TARGETS.filter(({ name }) => name.startsWith(prefix));
  return chosen.length > 0
    ? chosen
    : refuse(`No such target: ${prefix}; --list names all`);
}

function runFor(target: FuzzTarget, seed: number, seconds: number): void {
  const startedAt = performance.now();
  const elapsed = () => (performance.now() - startedAt) / 1_000;
  const runs = fuzz(target, {
    seed,
    runs: Infinity,
    isOver: () => elapsed() >= seconds,
  });
  const rate = Math.round(runs / elapsed());
  console.log(`${target.name}: ${runs} inputs, ${rate} a second`);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string" },
    seed: { type: "string" },
    run: { type: "string" },
    input: { type: "string" },
    list: { type: "boolean" },
  },
});
const targets = targetsOf(positionals[0] ?? "");
const seed = numberOf("seed", values.seed) ??
  crypto.getRandomValues(new Uint32Array(1))[0]!;
const run = numberOf("run", values.run);
const seconds = numberOf("seconds", values.seconds) ?? DEFAULT_SECONDS;

try {
  if (values.list) targets.forEach(({ name }) => console.log(name));
  else if (values.input !== undefined) {
    const input = fromHex(values.input === "-" ? "" : values.input);
    if (!input) refuse("Cannot use --input: it is not hexadecimal");
    targets.forEach((target) => target.check(input));
  } else if (run !== undefined) {
    targets.forEach((target) => fuzz(target, { seed, first: run, runs: 1 }));
  } else {
    console.log(`Seed ${seed}`);
    targets.forEach((target) => runFor(target, seed, seconds));
  }
} catch (error) {
  if (!(error instanceof FuzzFailure)) throw error;
  console.error(error.message);
  Deno.exit(EXIT_FAILED);
}
