/**
 * Measures how many handshakes a second a gateway answers: clients that do
 * nothing but renew their keys, cookies included, each as soon as its last
 * initiation was answered. Beside the rate stands what share of a core the
 * gateway took for it, from which follows what a whole core would answer.
 * Prints a table and writes dist/bench/handshakes.json. Needs root.
 */
import { parseArgs } from "node:util";
import { parseCpuSeconds } from "./bench/outputs.ts";
import { formatNumber } from "./bench/table.ts";
import { FirezoneLab, PROGRAM_FROM_SOURCE } from "./lab/firezone_lab.ts";
import type { LabProcess } from "./lab/lab_process.ts";
import { GATEWAY_SOCKET, OPEN_ROUTERS } from "../tests/support/flood_lab.ts";
import { connectSwarm, swarmClients } from "../tests/support/swarm_lab.ts";

const USAGE = `Usage: deno task bench:handshakes [--clients N] [--seconds N]

  --clients N  how many renew their keys at once, 1 to 500 (50)
  --seconds N  how long, 1 to 60 (5)`;

const OUTPUT = new URL("../dist/bench/", import.meta.url).pathname;

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
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        clients: { type: "string", default: "50" },
        seconds: { type: "string", default: "5" },
      },
    }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
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
  const before = cpuOf(gateway);
  const startedAt = performance.now();
  const line = await swarm.waitFor(/^Storm ends/, (seconds + 10) * 1e3);
  const elapsed = (performance.now() - startedAt) / 1e3;
  const share = (cpuOf(gateway) - before) / elapsed;
  const perSecond = Number(/: (\d+) a second/.exec(line)?.[1]);
  return { perSecond, cpuPercent: 100 * share, perCore: perSecond / share };
}

function cpuOf({ pid }: LabProcess): number {
  return parseCpuSeconds(Deno.readTextFileSync(`/proc/${pid}/stat`));
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

if (import.meta.main) {
  const options = parseOptions(Deno.args);
  if (typeof options === "string") {
    console.error(`${options}\n\n${USAGE}`);
    Deno.exit(2);
  }
  const interrupted = Promise.withResolvers<never>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(
      signal,
      () => interrupted.reject(new Error("Interrupted")),
    );
  }
  const site = new FirezoneLab("fzbhs");
  let code = 0;
  try {
    const result = await Promise.race([
      run(options, site),
      interrupted.promise,
    ]);
    console.log(formatResult(result));
    await Deno.mkdir(OUTPUT, { recursive: true });
    const json = JSON.stringify({ options, result }, null, 2);
    await Deno.writeTextFile(`${OUTPUT}handshakes.json`, `${json}\n`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    code = 1;
  } finally {
    await site[Symbol.asyncDispose]();
  }
  Deno.exit(code);
}
