import { libc } from "./libc.ts";
import { releaseProgramPages } from "./program_pages.ts";

/** How often freed memory goes back, in ms. Our own choice: a call takes some 0.3 ms. */
const HEAP_INTERVAL_MS = 2_000;

/** How often pages of the program do, in ms. Our own choice: those in use come back within some 100 faults. */
const PROGRAM_INTERVAL_MS = 600_000;

/** When they do first, in ms: the start is over, and has used most of the program. */
const STARTED_AFTER_MS = 5_000;

/**
 * Gives memory that is of no use any more back to the kernel from time to time. Returns how to stop.
 *
 * The C library has a heap for each thread and keeps what is freed in the
 * midst of one. The engine's compiler leaves 10 MB there in the first seconds
 * of load, and never needs them again. Nor does anybody need most of the
 * program's own pages.
 */
export function returnFreedMemory(): () => void {
  const timers = [
    setInterval(() => libc().malloc_trim?.(0n), HEAP_INTERVAL_MS),
    setTimeout(releaseProgramPages, STARTED_AFTER_MS),
    setInterval(releaseProgramPages, PROGRAM_INTERVAL_MS),
  ];
  return () => timers.forEach(clearInterval);
}
