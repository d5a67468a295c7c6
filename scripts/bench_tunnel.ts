/**
 * Measures our gateway and client, direct, relayed and by name, beside
 * wireguard-go and beside no tunnel at all: same network, same MTU, same run,
 * one after the other in each round. Prints a table and writes
 * dist/bench/tunnel.json and dist/bench/tunnel.svg.
 *
 * Needs root. The current wireguard-go takes a Go toolchain and its module
 * proxy; without, Debian's is what ratios refer to.
 */
import { type ChartResult, drawChart } from "./bench/chart.ts";
import { type Contender, startContenders } from "./bench/contenders.ts";
import { measure, warmUp } from "./bench/measure.ts";
import { metricsOf, type Sample, summarize } from "./bench/metrics.ts";
import {
  type BenchOptions,
  type ContenderId,
  parseOptions,
  USAGE,
} from "./bench/options.ts";
import { formatTable } from "./bench/table.ts";

const OUTPUT = new URL("../dist/bench/", import.meta.url).pathname;

/** What the chart shows, if it was measured. */
const CHARTED = [
  "tcp1Up",
  "tcp8Down",
  "udp1000",
  "smallPackets",
  "loadedMs",
  "gatewayCpu",
  "idleMs",
  "gatewayMb",
];

/** Whom ratios refer to, the best first. */
const BASELINES: readonly ContenderId[] = ["current", "debian"];

const OURS: readonly ContenderId[] = ["direct", "relayed", "dns"];

const options = parseOptions(Deno.args);
if (typeof options === "string") {
  console.error(`${options}\n\n${USAGE}`);
  Deno.exit(2);
}
if (Deno.uid() !== 0) {
  console.error(
    "Cannot build network namespaces: run as root, such as by sudo",
  );
  Deno.exit(1);
}
const interrupted = Promise.withResolvers<never>();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(
    signal,
    () => interrupted.reject(new Error("Interrupted")),
  );
}
let code = 0;
const stack = new AsyncDisposableStack();
try {
  await Promise.race([run(options, stack), interrupted.promise]);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  code = 1;
} finally {
  await stack.disposeAsync();
}
Deno.exit(code);

async function run(
  options: BenchOptions,
  stack: AsyncDisposableStack,
): Promise<void> {
  const startedAt = new Date();
  const loadAverage = Deno.loadavg();
  const say = (line: string) => console.log(line);
  const contenders = await startContenders(options.contenders, stack, say);
  const samples = new Map<ContenderId, Sample[]>();
  for (const contender of contenders) {
    say(`Warming up: ${contender.name}`);
    samples.set(contender.id, [await warmUp(contender)]);
  }
  for (let round = 1; round <= options.rounds; round++) {
    for (const contender of contenders) {
      say(`Round ${round} of ${options.rounds}: ${contender.name}`);
      samples.get(contender.id)?.push(await measure(contender, options));
    }
  }
  await report(options, contenders, samples, {
    startedAt: startedAt.toISOString(),
    loadAverage: loadAverage.map((it) => Math.round(it * 100) / 100),
    seconds: options.seconds,
    rounds: options.rounds,
    machine: await describeMachine(),
  });
}

async function report(
  { udpRates }: BenchOptions,
  contenders: readonly Contender[],
  samples: ReadonlyMap<ContenderId, readonly Sample[]>,
  circumstances: Readonly<Record<string, unknown>>,
): Promise<void> {
  const metrics = metricsOf(udpRates);
  const results = contenders.map(({ id, name }) => {
    const rounds = samples.get(id) ?? [];
    const summary = summarize(metrics, rounds);
    return { id, name, isOurs: OURS.includes(id), rounds, summary };
  });
  const baseline = BASELINES.map((id) => results.find((it) => it.id === id))
    .find((it) => it !== undefined);
  console.log(`\n${formatTable(metrics, results, baseline)}\n`);
  console.log(JSON.stringify(circumstances));
  await Deno.mkdir(OUTPUT, { recursive: true });
  const json = { ...circumstances, baseline: baseline?.id, metrics, results };
  await Deno.writeTextFile(
    `${OUTPUT}tunnel.json`,
    JSON.stringify(json, null, 2) + "\n",
  );
  // Beside no tunnel at all the bars of tunnels could not be told apart.
  const charted: ChartResult[] = results.filter(({ id }) => id !== "veth");
  const chart = drawChart(
    "Client to resource through the gateway, inner MTU 1280",
    metrics.filter(({ id }) => CHARTED.includes(id)),
    charted,
  );
  await Deno.writeTextFile(`${OUTPUT}tunnel.svg`, chart);
}

async function describeMachine(): Promise<Record<string, unknown>> {
  const cpus = await Deno.readTextFile("/proc/cpuinfo");
  return {
    cpu: /^model name\s*: (.*)$/m.exec(cpus)?.[1],
    cores: navigator.hardwareConcurrency,
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
  };
}
