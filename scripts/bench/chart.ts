import type { Metric } from "./metrics.ts";
import { formatNumber, type Result } from "./table.ts";

/** A contender in a chart. */
export interface ChartResult extends Result {
  /** Whether its bars stand out. */
  readonly isOurs: boolean;
}

/** Draws a bar chart for each metric, two beside each other, as an SVG that follows the reader's light or dark scheme. `circumstances` are lines below. */
export function drawChart(
  title: string,
  circumstances: readonly string[],
  metrics: readonly Metric[],
  results: readonly ChartResult[],
): string {
  const panelHeight = PANEL_HEAD + results.length * ROW + PANEL_GAP;
  const foot = HEAD + Math.ceil(metrics.length / COLUMNS) * panelHeight;
  const height = foot + circumstances.length * FOOT_ROW + MARGIN;
  const panels = metrics.map((metric, i) => {
    const x = MARGIN + (i % COLUMNS) * (PANEL_WIDTH + MARGIN);
    const y = HEAD + Math.floor(i / COLUMNS) * panelHeight;
    return drawPanel(metric, results, x, y);
  });
  const size = `width="${WIDTH}" height="${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    STYLE,
    `<rect class="ground" ${size} rx="8"/>`,
    `<text class="title" x="${MARGIN}" y="30">${escapeXml(title)}</text>`,
    ...panels,
    ...circumstances.map((line, i) => {
      const y = foot + i * FOOT_ROW + TEXT_RISE;
      return `<text class="foot" x="${MARGIN}" y="${y}">${
        escapeXml(line)
      }</text>`;
    }),
    "</svg>",
    "",
  ].join("\n");
}

const WIDTH = 880;
const COLUMNS = 2;
const MARGIN = 20;
const PANEL_WIDTH = (WIDTH - (COLUMNS + 1) * MARGIN) / COLUMNS;
const HEAD = 54;
const PANEL_HEAD = 26;
const PANEL_GAP = 22;
const ROW = 24;
const BAR = 16;
const LABEL_WIDTH = 150;
const VALUE_WIDTH = 64;
const FOOT_ROW = 18;
const TEXT_RISE = 12;

const STYLE = `<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.metric { font-weight: 600 }
.name { text-anchor: end }
.foot { fill: #59636e }
.ground { fill: #ffffff }
.bar { fill: #8c959f }
.ours { fill: #2f81f7 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .foot { fill: #9198a1 }
  .ground { fill: #0d1117 }
  .bar { fill: #6e7681 }
}
</style>`;

function drawPanel(
  metric: Metric,
  results: readonly ChartResult[],
  x: number,
  y: number,
): string {
  const valueOf = ({ summary }: ChartResult) => summary[metric.id] ?? NaN;
  const highest = Math.max(...results.map(valueOf).filter(Number.isFinite), 0);
  const better = `${metric.better} is better`;
  const heading = `${escapeXml(metric.title)} (${better})`;
  const bars = results.map((result, i) => {
    const top = y + PANEL_HEAD + i * ROW;
    const value = valueOf(result);
    const share = highest > 0 && Number.isFinite(value) ? value / highest : 0;
    const length = Math.round(
      share * (PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH),
    );
    const from = x + LABEL_WIDTH;
    const kind = result.isOurs ? "bar ours" : "bar";
    const number = formatNumber(value, metric.digits);
    const baseline = top + TEXT_RISE;
    return [
      `<text class="name" x="${from - 8}" y="${baseline}">${
        escapeXml(result.name)
      }</text>`,
      `<rect class="${kind}" x="${from}" y="${top}" width="${length}" height="${BAR}" rx="2"/>`,
      `<text x="${from + length + 6}" y="${baseline}">${number}</text>`,
    ].join("\n");
  });
  return [
    `<text class="metric" x="${x}" y="${y + TEXT_RISE}">${heading}</text>`,
    ...bars,
  ].join("\n");
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
