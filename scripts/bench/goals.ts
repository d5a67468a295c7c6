import type { Sample } from "./metrics.ts";
import type { ContenderId, ProgramKind } from "./options.ts";
import { formatNumber } from "./table.ts";

/** What is known of a contender when goals are judged. */
export interface Measured {
  /** Who it is. */
  readonly id: ContenderId;
  /** Its values over all rounds. */
  readonly summary: Sample;
  /** Its values in each round, the warm-up first. */
  readonly rounds: readonly Sample[];
}

/** A figure that the project promises. */
export interface Goal {
  /** What it is about. */
  readonly title: string;
  /** Which side of `bound` is good. */
  readonly side: "at least" | "at most";
  /** Where it begins. */
  readonly bound: number;
  /** What was found; NaN when it was not measured. */
  readonly found: number;
}

/** Whether a goal is met, and if not, by how many percent of its bound it is missed. */
export type Verdict =
  | { readonly kind: "met" | "not measured" }
  | { readonly kind: "missed"; readonly percent: number };

/** Returns the goals that a run says something about. */
export function goalsOf(
  results: readonly Measured[],
  program: ProgramKind,
): Goal[] {
  const value = (id: ContenderId, metric: string) =>
    results.find((it) => it.id === id)?.summary[metric] ?? NaN;
  const ratio = (metric: string, a: ContenderId, b: ContenderId) =>
    value(a, metric) / value(b, metric);
  return [
    ...FEW_STREAMS.map(({ id, title }) =>
      atLeast(
        1.5,
        `${title}, of the current wireguard-go`,
        ratio(id, "direct", "current"),
      )
    ),
    atLeast(
      1.2,
      "TCP, 1 and 4 streams, the worst round, of the current wireguard-go",
      Math.min(...FEW_STREAMS.map(({ id }) => worstRatio(id, results))),
    ),
    ...FEW_STREAMS.map(({ id, title }) =>
      atLeast(
        0.9,
        `${title}, DNS resource of direct`,
        ratio(id, "dns", "direct"),
      )
    ),
    ...["Up", "Down"].flatMap((way) => [
      lossGoal(0.1, 1_000, way, value),
      lossGoal(1, 3_000, way, value),
    ]),
    atLeast(
      2,
      "64-byte packets a second, of the current wireguard-go",
      ratio("smallMost", "direct", "current"),
    ),
    atMost(
      1.3,
      "CPU of the gateway, relayed of direct",
      ratio("gatewayCpu", "relayed", "direct"),
    ),
    atMost(
      0.6,
      "Round trip under load, average, of the current wireguard-go",
      ratio("loadedMs", "direct", "current"),
    ),
    atMost(
      0.6,
      "Round trip under load, p99, of the current wireguard-go",
      ratio("loadedP99Ms", "direct", "current"),
    ),
    atMost(
      90,
      "Memory of the compiled gateway under load, MB",
      program === "compiled" ? value("direct", "gatewayMb") : NaN,
    ),
  ];
}

/** Judges one goal. */
export function judge({ side, bound, found }: Goal): Verdict {
  if (Number.isNaN(found)) return { kind: "not measured" };
  const short = side === "at least" ? bound - found : found - bound;
  return short <= 0
    ? { kind: "met" }
    : { kind: "missed", percent: 100 * short / bound };
}

/** Writes a line for each goal. */
export function formatGoals(goals: readonly Goal[]): string {
  return goals.map((goal) => {
    const verdict = judge(goal);
    const found = formatNumber(goal.found, 2);
    const outcome = verdict.kind === "missed"
      ? `MISSED by ${formatNumber(verdict.percent, 0)} %`
      : verdict.kind;
    return `${
      outcome.padEnd(16)
    } ${goal.title}: ${found} (goal: ${goal.side} ${goal.bound})`;
  }).join("\n");
}

const FEW_STREAMS = [
  { id: "tcp1Up", title: "TCP to resource, 1 stream" },
  { id: "tcp4Up", title: "TCP to resource, 4 streams" },
  { id: "tcp1Down", title: "TCP from resource, 1 stream" },
  { id: "tcp4Down", title: "TCP from resource, 4 streams" },
] as const;

/** A sender that brought less of what was to be offered leaves a goal open. */
const OFFERED_SHARE = 0.97;

function lossGoal(
  bound: number,
  rate: number,
  way: string,
  value: (id: ContenderId, metric: string) => number,
): Goal {
  const key = `udp${rate}${way}`;
  const isOffered = value("direct", `${key}Sent`) >= OFFERED_SHARE * rate;
  const loss = isOffered ? value("direct", `${key}Loss`) : NaN;
  const direction = way === "Up" ? "to resource" : "from resource";
  const title = `UDP ${direction} at ${rate} Mbit/s, loss in %`;
  return atMost(bound, title, loss);
}

/** Returns the lowest ratio to the current wireguard-go that a round had. */
function worstRatio(metric: string, results: readonly Measured[]): number {
  const valuesOf = (id: ContenderId) =>
    results.find((it) => it.id === id)?.rounds
      .flatMap((round) => round[metric] ?? []) ?? [];
  const theirs = valuesOf("current");
  const ratios = valuesOf("direct")
    .map((ours, round) => ours / (theirs[round] ?? NaN));
  return ratios.length > 0 ? Math.min(...ratios) : NaN;
}

function atLeast(bound: number, title: string, found: number): Goal {
  return { title, side: "at least", bound, found };
}

function atMost(bound: number, title: string, found: number): Goal {
  return { title, side: "at most", bound, found };
}
