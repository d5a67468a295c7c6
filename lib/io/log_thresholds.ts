import type { LogLevel } from "../base/mod.ts";

const RANKS: Readonly<Record<LogLevel | "off", number>> = {
  trace: 0,
  debug: 1,
  info: 2,
  warn: 3,
  error: 4,
  off: 5,
};

/** Which log lines the worker makes at all. Plain data, because it crosses to the worker. */
export interface LogThresholds {
  /** The least important level kept. */
  readonly fallback: LogLevel | "off";
  /** Other levels for targets that start so; the longest match wins, of equal ones the last. */
  readonly targets: readonly (readonly [
    prefix: string,
    level: LogLevel | "off",
  ])[];
}

/** Returns the rank from which lines of `target` are kept. */
export function thresholdOf(
  thresholds: LogThresholds,
  target: string,
): number {
  let best = { length: -1, level: thresholds.fallback };
  for (const [prefix, level] of thresholds.targets) {
    if (target.startsWith(prefix) && prefix.length >= best.length) {
      best = { length: prefix.length, level };
    }
  }
  return RANKS[best.level];
}

/** Returns the rank of a level: higher is more important. */
export function rankOf(level: LogLevel): number {
  return RANKS[level];
}
