import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Measures how many bytes of heap one call of `action` costs.
 *
 * Returns the median of several rounds, so that neither a collection in one
 * round nor what the engine allocates for itself in another one decides.
 */
export function heapBytesPerCall(action: () => void): number {
  const calls = 20_000;
  for (let i = 0; i < 5 * calls; i++) action();

  const rounds: number[] = [];
  for (let round = 0; round < 15; round++) {
    const before = Deno.memoryUsage().heapUsed;
    for (let i = 0; i < calls; i++) action();
    rounds.push((Deno.memoryUsage().heapUsed - before) / calls);
  }
  return rounds.sort((a, b) => a - b)[7] ?? Infinity;
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
