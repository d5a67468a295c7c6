import { drawChart } from "./chart.ts";
import { formatGoals, goalsOf, judge } from "./goals.ts";
import { type Circumstances, describe } from "./machine.ts";
import { metricsOf, type Sample, summarize } from "./metrics.ts";
import type { BenchOptions, ContenderId } from "./options.ts";
import { formatTable } from "./table.ts";

/** What was measured of one contender. */
export interface Measurement {
  /** Who it is. */
  readonly id: ContenderId;
  /** What the reader knows it by. */
  readonly name: string;
  /** Its values in each round, the warm-up first. */
  readonly rounds: readonly Sample[];
}

const ROOT = new URL("../../", import.meta.url).pathname;

/** What the chart shows, if it was measured. */
const CHARTED = [
  "tcp1Up",
  "tcp1Down",
  "tcp4Up",
  "tcp4Down",
  "udp3000Up",
  "smallMost",
  "loadedMs",
  "loadedP99Ms",
  "gatewayCpu",
  "gatewayMb",
];

/** Whom ratios refer to, the best first. */
const BASELINES: readonly ContenderId[] = ["current", "debian"];

const OURS: readonly ContenderId[] = ["direct", "relayed", "dns"];

/** Prints the table and the goals, and writes both with all rounds as JSON and a chart as SVG. */
export async function report(
  { udpRates, program, isPublished }: BenchOptions,
  measurements: readonly Measurement[],
  circumstances: Circumstances,
): Promise<void> {
  const metrics = metricsOf(udpRates);
  const results = measurements.map((it) => ({
    ...it,
    isOurs: OURS.includes(it.id),
    summary: summarize(metrics, it.rounds),
  }));
  const baseline = BASELINES.map((id) => results.find((it) => it.id === id))
    .find((it) => it !== undefined);
  const goals = goalsOf(results, program);
  const lines = describe(circumstances);
  console.log(`\n${formatTable(metrics, results, baseline)}\n`);
  console.log(`${formatGoals(goals)}\n\n${lines.join("\n")}`);

  const judged = goals.map((goal) => ({ ...goal, verdict: judge(goal) }));
  const json = {
    ...circumstances,
    ...{ baseline: baseline?.id, goals: judged, metrics, results },
  };
  const chart = drawChart(
    "Client to resource through the gateway, inner MTU 1280",
    lines,
    metrics.filter(({ id }) => CHARTED.includes(id)),
    // Beside no tunnel at all the bars of tunnels could not be told apart.
    results.filter(({ id }) => id !== "veth"),
  );
  const directory = `${ROOT}${isPublished ? "docs" : "dist"}/bench`;
  await Deno.mkdir(directory, { recursive: true });
  const text = JSON.stringify(json, null, 2);
  await Deno.writeTextFile(`${directory}/tunnel.json`, `${text}\n`);
  await Deno.writeTextFile(`${directory}/tunnel.svg`, chart);
  console.log(`Written to ${directory}/tunnel.json and tunnel.svg`);
}
