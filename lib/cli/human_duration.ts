/** All units of Firezone's durations, in ms. A month and a year are the mean ones. */
const UNITS: readonly (readonly [names: readonly string[], ms: number])[] = [
  [["ns", "nsec"], 1e-6],
  [["us", "µs", "usec"], 1e-3],
  [["ms", "msec"], 1],
  [["s", "sec", "secs", "second", "seconds"], 1_000],
  [["m", "min", "mins", "minute", "minutes"], 60_000],
  [["h", "hr", "hrs", "hour", "hours"], 3_600_000],
  [["d", "day", "days"], 86_400_000],
  [["w", "wk", "wks", "week", "weeks"], 604_800_000],
  [["M", "month", "months"], 2_630_016_000],
  [["y", "yr", "yrs", "year", "years"], 31_557_600_000],
];

const UNIT_MS = new Map(
  UNITS.flatMap(([names, ms]) => names.map((name) => [name, ms] as const)),
);

/**
 * Reads a duration such as `90s`, `5m`, `1h 30m`, `2months` or `30d` into
 * milliseconds, or returns `undefined`. Case counts: `m` are minutes, `M` months.
 */
export function parseHumanDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "0") return 0;
  if (!/^(?:\d+\s*[a-zµ]+\s*)+$/i.test(trimmed)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+)\s*([a-zµ]+)/gi)) {
    const unitMs = UNIT_MS.get(unit ?? "");
    if (unitMs === undefined) return undefined;
    totalMs += Number(amount) * unitMs;
  }
  return totalMs <= Number.MAX_SAFE_INTEGER ? Math.round(totalMs) : undefined;
}
