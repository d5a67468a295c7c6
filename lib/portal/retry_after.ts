import type { UnixMs } from "../base/mod.ts";

/** Greatest number of seconds that upstream's 64-bit integer holds; beyond it the header is unusable. */
const MAX_SECONDS = 2 ** 64;

const MONTHS = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
] as const;

/** The three date forms of HTTP, RFC 9110 §5.6.7. */
const IMF_FIXDATE =
  /^[A-Z][a-z]{2}, (?<day>\d\d) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) GMT$/;
const RFC_850 =
  /^[A-Z][a-z]{5,8}, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) GMT$/;
const ASCTIME =
  /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/;

/**
 * Reads the value of a `Retry-After` header as a delay in ms.
 *
 * Accepts non-negative integer seconds and HTTP dates; a past date means 0.
 * Anything else is `undefined`, and the caller uses its backoff (portal spec
 * §3.5). There is no upper bound.
 */
export function retryAfterMs(value: string, now: UnixMs): number | undefined {
  const text = value.trim();
  if (/^\d+$/.test(text)) {
    const seconds = Number(text);
    return seconds < MAX_SECONDS ? seconds * 1_000 : undefined;
  }
  const date = parseHttpDate(text, now);
  return date === undefined ? undefined : Math.max(0, date - now);
}

function parseHttpDate(text: string, now: UnixMs): number | undefined {
  const parts = [IMF_FIXDATE, RFC_850, ASCTIME]
    .map((form) => form.exec(text)?.groups)
    .find((groups) => groups !== undefined);
  if (!parts) return undefined;

  const month = MONTHS.findIndex((name) => name === parts["month"]);
  const day = Number(parts["day"]);
  const year = fullYear(parts["year"] ?? "", now);
  const [hour = NaN, minute = NaN, second = NaN] = (parts["time"] ?? "")
    .split(":").map(Number);
  if (month < 0 || hour > 23 || minute > 59 || second > 60) return undefined;

  const midnight = new Date(Date.UTC(2000, month, day));
  midnight.setUTCFullYear(year, month, day);
  if (midnight.getUTCDate() !== day) return undefined;
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000;
}

/** RFC 9110 §5.6.7: a two-digit year more than 50 years ahead lies in the past. */
function fullYear(year: string, now: UnixMs): number {
  if (year.length === 4) return Number(year);
  const thisYear = new Date(now).getUTCFullYear();
  const guess = thisYear - (thisYear % 100) + Number(year);
  return guess > thisYear + 50 ? guess - 100 : guess;
}
