const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  sec: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Reads a duration such as `90s`, `5m`, `1h 30m` or `30d` into milliseconds, or returns `undefined`. */
export function parseHumanDuration(text: string): number | undefined {
  const compact = text.trim().toLowerCase();
  if (!/^(?:\d+\s*[a-z]+\s*)+$/.test(compact)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of compact.matchAll(/(\d+)\s*([a-z]+)/g)) {
    const unitMs = UNIT_MS[unit ?? ""];
    if (unitMs === undefined) return undefined;
    totalMs += Number(amount) * unitMs;
  }
  return Number.isSafeInteger(totalMs) ? totalMs : undefined;
}
