import { libc } from "./libc.ts";

/** How often freed memory goes back, in ms. Our own choice: a call takes some 0.3 ms. */
const INTERVAL_MS = 2_000;

/**
 * Gives memory that native code has freed back to the kernel from time to time. Returns how to stop.
 *
 * The C library has a heap for each thread and keeps what is freed in the
 * midst of one. The engine's compiler leaves 10 MB there in the first seconds
 * of load, and never needs them again.
 */
export function returnFreedMemory(): () => void {
  const timer = setInterval(() => libc().malloc_trim?.(0n), INTERVAL_MS);
  return () => clearInterval(timer);
}
