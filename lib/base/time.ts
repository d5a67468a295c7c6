import type { brand } from "./brand.ts";

/** A point in time in milliseconds on a monotonic clock that also counts suspended time. Its origin is arbitrary. */
export type Instant = number & { readonly [brand]: "instant" };

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type UnixMs = number & { readonly [brand]: "unix-ms" };

/** The deadline of a timer that is not armed. */
export const NEVER: Instant = Infinity as Instant;

/** Names a raw reading of the monotonic clock, in ms, as an `Instant`. For clocks and tests only. */
export function instant(ms: number): Instant {
  return ms as Instant;
}

/** Names a raw reading of the wall clock, in ms, as a `UnixMs`. For clocks and tests only. */
export function unixMs(ms: number): UnixMs {
  return ms as UnixMs;
}

/** Returns the instant `ms` milliseconds after `start`. */
export function after(start: Instant, ms: number): Instant {
  return (start + ms) as Instant;
}

/** Returns how many milliseconds passed from `start` to `now`, 0 if `start` lies ahead. */
export function elapsedMs(start: Instant, now: Instant): number {
  return Math.max(0, now - start);
}

/** Returns the earlier of two deadlines. */
export function earlier(a: Instant, b: Instant): Instant {
  return a < b ? a : b;
}

/**
 * Ties the monotonic clock to the wall clock by one reading of both.
 *
 * Read once at start: a wall clock that jumps later moves neither handshake
 * timestamps (p2p spec §5.2) nor expiry deadlines (data-plane spec §4.2).
 */
export interface Epoch {
  /** The monotonic reading. */
  readonly instant: Instant;
  /** The wall clock at that moment. */
  readonly unix: UnixMs;
}

/** Returns the wall-clock time at `now`. */
export function unixAt(epoch: Epoch, now: Instant): UnixMs {
  return (epoch.unix + (now - epoch.instant)) as UnixMs;
}

/** Returns the instant at which the wall clock reads `unix`. */
export function instantAt(epoch: Epoch, unix: UnixMs): Instant {
  return (epoch.instant + (unix - epoch.unix)) as Instant;
}
