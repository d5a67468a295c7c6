/**
 * The arithmetic of the charts on the status page.
 *
 * Each function stands for itself: the page takes its source text.
 *
 * @module
 */

/** A value at a moment, in ms. */
export interface ChartPoint {
  /** When. */
  readonly at: number;
  /** What. */
  readonly value: number;
}

/** What a chart shows, and how large it is. */
export interface ChartFrame {
  /** The moment at its left edge, in ms. */
  readonly from: number;
  /** The moment at its right edge, in ms. */
  readonly to: number;
  /** The value at its upper edge. */
  readonly limit: number;
  /** Its width. */
  readonly width: number;
  /** Its height. */
  readonly height: number;
}

/** Returns the next round number that leaves all values below it: 1, 2 or 5 with noughts. */
export function axisLimit(greatest: number, least: number): number {
  const value = Math.max(greatest, least);
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((it) => it * power >= value) ?? 10;
  return factor * power;
}

/** Returns the path of a line in SVG. It breaks where more than three seconds have no value. */
export function linePath(
  points: readonly ChartPoint[],
  { from, to, limit, width, height }: ChartFrame,
): string {
  const gapMs = 3_000;
  const parts: string[] = [];
  let lastAt = -Infinity;
  for (const { at, value } of points) {
    if (at < from || at > to) continue;
    const x = (at - from) / (to - from) * width;
    const y = height - Math.min(value / limit, 1) * height;
    const isBreak = at - lastAt > gapMs;
    parts.push(`${isBreak ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`);
    lastAt = at;
  }
  return parts.join("");
}
