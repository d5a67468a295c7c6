import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const CALLS = 20_000;
const ROUNDS = 9;
const MAX_GROUPS = 12;
/** What rounding and the engine's own bookkeeping may come to, in bytes a call. */
const NOTHING = 0.5;

/**
 * Measures how many bytes of heap one call of `action` costs.
 *
 * The median of several rounds, so that neither a collection in one round nor
 * what the engine allocates for itself in another one decides. Code that is
 * not optimized yet allocates, too, and on a busy machine that may last: what
 * optimized code allocates is in every group of rounds, so the lowest counts.
 */
export function heapBytesPerCall(action: () => void): number {
  repeat(action, 5 * CALLS);
  let lowest = Infinity;
  for (let group = 0; group < MAX_GROUPS && lowest > NOTHING; group++) {
    const rounds = Array.from({ length: ROUNDS }, () => bytesPerCall(action));
    const median = rounds.sort((a, b) => a - b)[ROUNDS >> 1] ?? Infinity;
    lowest = Math.min(lowest, median);
  }
  return lowest;
}

function bytesPerCall(action: () => void): number {
  const before = Deno.memoryUsage().heapUsed;
  repeat(action, CALLS);
  return (Deno.memoryUsage().heapUsed - before) / CALLS;
}

function repeat(action: () => void, times: number): void {
  for (let i = 0; i < times; i++) action();
}

/** What is in use once garbage is collected, in bytes. */
export interface MemoryInUse {
  /** Array buffers. Exact: nothing but the code under test moves it. */
  readonly buffers: number;
  /** Objects, and what the engine compiles for itself. */
  readonly heap: number;
}

/** Collects garbage and returns what is left. */
export function memoryInUse(): MemoryInUse {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { external, heapUsed } = Deno.memoryUsage();
  return { buffers: external, heap: heapUsed };
}
