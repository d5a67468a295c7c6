import { toHex } from "../../lib/base/mod.ts";
import { type Choices, SeededChoices } from "./choices.ts";

/**
 * Something that inputs are thrown at.
 *
 * An input is always bytes: a message, a text as UTF-8, or a `Tape` that tells
 * a whole scenario. So every failure can be made smaller and repeated alike.
 */
export interface FuzzTarget {
  /** Such as `wire/stun`. */
  readonly name: string;
  /** How many inputs `deno task test` tries. Together the targets take a few seconds. */
  readonly runs: number;
  /** Makes an input. */
  generate(choices: Choices): Uint8Array;
  /** Throws when an invariant does not hold. Depends on nothing but `input`. */
  check(input: Uint8Array): void;
}

/** When to stop. */
export interface FuzzLimits {
  /** Decides all inputs. */
  readonly seed: number;
  /** The first run; a later one to repeat just that. */
  readonly first?: number;
  /** How many inputs to try. */
  readonly runs: number;
  /** Asked after each run; ends early on `true`. */
  readonly isOver?: () => boolean;
}

/** Tries to make a failing input smaller at most so many times. */
const MINIMISING_TRIES = 2_000;

/** An input for which an invariant does not hold. */
export class FuzzFailure extends Error {
  override readonly name = "FuzzFailure";
  /** The smallest input found that fails. */
  readonly input: Uint8Array;
  /** The number of the run that found it. */
  readonly run: number;

  constructor(
    target: FuzzTarget,
    seed: number,
    run: number,
    found: Uint8Array,
    input: Uint8Array,
    cause: unknown,
  ) {
    const repeat = `deno task fuzz ${target.name}`;
    super(
      [
        `${target.name} does not hold: ${describe(cause)}`,
        `  seed ${seed}, run ${run}: ${repeat} --seed ${seed} --run ${run}`,
        `  ${found.length} bytes, of which ${input.length} suffice:`,
        `  ${repeat} --input ${toHex(input) || "-"}`,
      ].join("\n"),
      { cause },
    );
    this.input = input;
    this.run = run;
  }
}

/** Throws inputs at `target`. Returns how many; throws `FuzzFailure` at the first for which it does not hold. */
export function fuzz(
  target: FuzzTarget,
  { seed, first = 0, runs, isOver = () => false }: FuzzLimits,
): number {
  for (let run = first; run < first + runs; run++) {
    const input = target.generate(new SeededChoices(seedOfRun(seed, run)));
    const failure = failureOf(target, input);
    if (failure !== undefined) {
      const smallest = minimise(target, input);
      const cause = failureOf(target, smallest)?.thrown ?? failure.thrown;
      throw new FuzzFailure(target, seed, run, input, smallest, cause);
    }
    if (isOver()) return run - first + 1;
  }
  return runs;
}

/** Returns a smaller input that fails too: first without parts, then with parts put to zero. */
export function minimise(target: FuzzTarget, found: Uint8Array): Uint8Array {
  let smallest = found;
  let tries = MINIMISING_TRIES;
  const isTaken = (candidate: Uint8Array) => {
    if (tries-- <= 0 || failureOf(target, candidate) === undefined) {
      return false;
    }
    smallest = candidate;
    return true;
  };

  for (let size = found.length; size >= 1; size >>= 1) {
    for (let at = 0; at < smallest.length;) {
      if (!isTaken(without(smallest, at, size))) at += size;
    }
  }
  for (let at = 0; at < smallest.length; at++) {
    if (smallest[at] !== 0) isTaken(withZero(smallest, at));
  }
  return smallest;
}

/** Each run has a seed of its own, so that it can be repeated without those before it. */
function seedOfRun(seed: number, run: number): number {
  return Math.imul(seed ^ Math.imul(run + 1, 0x9e37_79b1), 0x85eb_ca6b) >>> 0;
}

function failureOf(
  target: FuzzTarget,
  input: Uint8Array,
): { readonly thrown: unknown } | undefined {
  try {
    target.check(input.slice());
    return undefined;
  } catch (thrown) {
    return { thrown };
  }
}

function without(bytes: Uint8Array, at: number, count: number): Uint8Array {
  return Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + count)]);
}

function withZero(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = 0;
  return copy;
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.stack ?? cause.message : String(cause);
}
