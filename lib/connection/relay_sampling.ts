import { randomBelow, type RandomSource } from "../base/mod.ts";

/** With one or two relays: how much slower than the best one a relay may be, p2p spec §4.9. */
const MAX_RATIO_OF_BEST = 1.5;

/** From how many relays on outliers are told by their deviation from the median. */
const MEDIAN_NEEDS = 3;

/** How many deviations a relay may be slower than the median. */
const MAX_DEVIATIONS = 3;

/** Least deviation assumed, in ms, so that equally fast relays do not exclude each other. */
const MIN_DEVIATION_MS = 2;

/** Picks one item uniformly among those whose round-trip time is measured and no outlier, p2p spec §4.9. */
export function sampleByRoundTrip<T>(
  items: readonly T[],
  roundTripMs: (item: T) => number | undefined,
  random: RandomSource,
): T | undefined {
  const measured = items.flatMap((item) => {
    const ms = roundTripMs(item);
    return ms === undefined ? [] : [{ item, ms }];
  });
  if (measured.length === 0) return undefined;
  const limitMs = slowestEligibleMs(measured.map(({ ms }) => ms));
  const eligible = measured.filter(({ ms }) => ms <= limitMs);
  return eligible[randomBelow(random, eligible.length)]?.item;
}

function slowestEligibleMs(times: readonly number[]): number {
  if (times.length < MEDIAN_NEEDS) {
    return Math.min(...times) * MAX_RATIO_OF_BEST;
  }
  const median = medianOf(times);
  const deviation = medianOf(times.map((ms) => Math.abs(ms - median)));
  return median + MAX_DEVIATIONS * Math.max(deviation, MIN_DEVIATION_MS);
}

function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1
    ? upper
    : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
