/**
 * Quantities for people.
 *
 * Each function stands for itself: the status page takes its source text.
 *
 * @module
 */

/** Renders a size. */
export function formatBytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let size = count;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1_000;
    unit++;
  }
  const text = unit === 0 || size >= 99.95 ? size.toFixed(0) : size.toFixed(1);
  return `${text} ${units[unit]}`;
}

/** Renders a speed in bits per second. */
export function formatBitRate(bitsPerSecond: number): string {
  const units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];
  let rate = bitsPerSecond;
  let unit = 0;
  while (rate >= 999.5 && unit < units.length - 1) {
    rate /= 1_000;
    unit++;
  }
  const text = unit === 0 || rate >= 99.95 ? rate.toFixed(0) : rate.toFixed(1);
  return `${text.replace(/\.0$/, "")} ${units[unit]}`;
}

/** Renders a time that something takes; `null` while it is unknown. */
export function formatMilliseconds(ms: number | null): string {
  if (ms === null) return "-";
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** Renders the two greatest units of a duration in ms. */
export function formatDuration(ms: number): string {
  const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };
  const parts: string[] = [];
  let left = ms;
  for (const [name, unitMs] of Object.entries(units)) {
    const count = Math.floor(left / unitMs);
    left -= count * unitMs;
    if (count > 0) parts.push(`${count}${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ") || "0s";
}
