/**
 * Measures how many handshakes a second a gateway answers: clients that do
 * nothing but renew their keys, cookies included, each as soon as its last
 * initiation was answered. Beside the rate stands what share of a core the
 * gateway took for it, from which follows what a whole core would answer.
 * Prints a table and writes dist/bench/handshakes.json. Needs root.
 */
import { parseArgs } from "node:util";
import { cpuSecondsOf } from "./bench/process.ts";
import { optionsOrExit, runToEnd, writeResult } from "./bench/run.ts";
import { formatNumber } from "./bench/table.ts";
import { FirezoneLab, PROGRAM_FROM_SOURCE } from "./lab/firezone_lab.ts";
import { GATEWAY_SOCKET, OPEN_ROUTERS } from "../tests/support/flood_lab.ts";
import { connectSwarm, swarmClients } from "../tests/support/swarm_lab.ts";

const USAGE = `Usage: deno task bench:handshakes [--clients N] [--seconds N]

  --clients N  how many renew their keys at once, 1 to 500 (50)
  --seconds N  how long, 1 to 60 (5)`;

/** Lines of the gateway about each handshake would be measured, too. */
const QUIETLY = ["env", "RUST_LOG=info", "FIREZONE_FLOW_LOGS=false"];

interface Options {
  readonly clients: number;
  readonly seconds: number;
}

interface Result {
  readonly perSecond: number;
  /** Of one core. */
  readonly cpuPercent: number;
  readonly perCore: number;
}

function parseOptions(args: readonly string[]): Options | string {
  const { values } = parseArgs({
    args: [...args],
    options: {
      clients: { type: "string", default: "50" },
      seconds: { type: "string", default: "5" },
    },
  });
  const clients = Number(values.clients);
  const seconds = Number(values.seconds);
  const isSound = Number.isInteger(clients) && clients >= 1 &&
    clients <= 500 && seconds >= 1 && seconds <= 60;
  return isSound ? { clients, seconds } : "Cannot measure so";
}

async function run(
  { clients, seconds }: Options,
  site: FirezoneLab,
): Promise<Result> {
  await site.build(OPEN_ROUTERS, { clients: swarmClients(clients) });
  await site.startPortal();
  await site.startRelay();
  const gateway = await site.startGateway([...QUIETLY, ...PROGRAM_FROM_SOURCE]);
  const storm = { target: GATEWAY_SOCKET, seconds };
  const { processes } = await connectSwarm(site.lab, 0, clients, storm);
  const [swarm] = processes;
  if (!swarm) throw new Error("There is no swarm");

  await swarm.waitFor(/^Storm begins/, 10_000);
  const before = cpuSecondsOf(gateway.pid);
  const startedAt = performance.now();
  const line = await swarm.waitFor(/^Storm ends/, (seconds + 10) * 1e3);
  const elapsed = (performance.now() - startedAt) / 1e3;
  const share = (cpuSecondsOf(gateway.pid) - before) / elapsed;
  const perSecond = Number(/: (\d+) a second/.exec(line)?.[1]);
  return { perSecond, cpuPercent: 100 * share, perCore: perSecond / share };
}

function formatResult({ perSecond, cpuPercent, perCore }: Result): string {
  return [
    "| handshakes a second | gateway, % of a core | a second and core |",
    "|---:|---:|---:|",
    `| ${formatNumber(perSecond, 0)} | ${formatNumber(cpuPercent, 0)} | ${
      formatNumber(perCore, 0)
    } |`,
  ].join("\n");
}

const options = optionsOrExit(USAGE, parseOptions);
await runToEnd(async (stack) => {
  const result = await run(options, stack.use(new FirezoneLab("fzbhs")));
  console.log(formatResult(result));
  await writeResult("handshakes", { options, result });
});
