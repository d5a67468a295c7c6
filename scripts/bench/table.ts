import type { Metric, Sample } from "./metrics.ts";

/** One contender's result. */
export interface Result {
  /** What the reader knows it by. */
  readonly name: string;
  /** Its value of each metric; NaN for what it does not have. */
  readonly summary: Sample;
}

/** Writes results as a Markdown table, one line for each metric, with the ratio to `baseline` behind each value. */
export function formatTable(
  metrics: readonly Metric[],
  results: readonly Result[],
  baseline: Result | undefined,
): string {
  const rows = [
    ["", ...results.map(({ name }) => name)],
    ...metrics.map((metric) => [
      metric.title,
      ...results.map((it) =>
        formatCell(metric, it.summary, it === baseline ? undefined : baseline)
      ),
    ]),
  ];
  const widths =
    rows[0]?.map((_, column) =>
      Math.max(...rows.map((row) => row[column]?.length ?? 0))
    ) ?? [];
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  const [head = [], ...body] = rows;
  return [head, rule, ...body].map((row) => formatRow(row, widths)).join("\n");
}

/** Writes one value with this many decimal places and thousands marked. */
export function formatNumber(value: number, digits: number): string {
  if (!Number.isFinite(value)) return "–";
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function formatCell(
  { id, digits, isComparable }: Metric,
  summary: Sample,
  baseline: Result | undefined,
): string {
  const value = summary[id] ?? NaN;
  const text = formatNumber(value, digits);
  const ratio = value / (baseline?.summary[id] ?? NaN);
  if (!isComparable || !Number.isFinite(ratio)) return text;
  return `${text} (×${formatNumber(ratio, 2)})`;
}

function formatRow(
  cells: readonly string[],
  widths: readonly number[],
): string {
  const padded = cells.map((cell, column) => {
    const width = widths[column] ?? 0;
    return column === 0 ? cell.padEnd(width) : cell.padStart(width);
  });
  return `| ${padded.join(" | ")} |`;
}
