/**
 * Measures what connected clients that rest cost a gateway: memory and
 * processor time at rising numbers of them, and how long they take to connect.
 * Prints a table and writes dist/bench/clients.json.
 *
 * Needs root. They are whole clients with sockets of their own, behind one
 * NAT, at their portal by as many WebSockets. Each pings a resource once.
 */
import { parseArgs } from "node:util";
import { cpuSecondsOf, residentMbOf } from "./bench/process.ts";
import { optionsOrExit, runToEnd, writeResult } from "./bench/run.ts";
import { formatNumber } from "./bench/table.ts";
import { FirezoneLab, PROGRAM_FROM_SOURCE } from "./lab/firezone_lab.ts";
import type { LabProcess } from "./lab/lab_process.ts";
import { connectSwarm, swarmClients } from "../tests/support/swarm_lab.ts";

const USAGE =
  `Usage: deno task bench:clients [--clients LIST] [--seconds N] [--settle N] [--compiled] [--iceless]

  --clients LIST  how many, rising (0,100,1000)
  --seconds N     how long each number is watched (30)
  --settle N      how long they rest before (50): clients are idle after 20 s, and ICE's waits are 25 s
  --compiled      the gateway is dist/firezone-gateway, see deno task build
  --iceless       connections without ICE`;

const ROOT = new URL("..", import.meta.url).pathname;
const COMPILED = [`${ROOT}dist/firezone-gateway`];

/** Lines of the gateway about each connection would be measured, too. */
const QUIETLY = ["env", "RUST_LOG=info", "FIREZONE_FLOW_LOGS=false"];

/** What one number of clients cost. */
interface Row {
  readonly clients: number;
  /** From the first login to the last client's reply; 0 when none was added. */
  readonly connectSeconds: number;
  readonly connectCpuSeconds: number;
  readonly cpuPercent: number;
  readonly residentMb: number;
}

interface Options {
  readonly counts: readonly number[];
  readonly seconds: number;
  readonly settle: number;
  readonly compiled: boolean;
  readonly iceless: boolean;
}

function parseOptions(args: readonly string[]): Options | string {
  const { values } = parseArgs({
    args: [...args],
    options: {
      clients: { type: "string", default: "0,100,1000" },
      seconds: { type: "string", default: "30" },
      settle: { type: "string", default: "50" },
      compiled: { type: "boolean", default: false },
      iceless: { type: "boolean", default: false },
    },
  });
  const counts = values.clients.split(",").map(Number);
  const isRising = counts.every((count, i) =>
    Number.isInteger(count) && count > (counts[i - 1] ?? -1)
  );
  if (!isRising) return `Cannot measure numbers of clients: ${values.clients}`;
  const seconds = Number(values.seconds);
  const settle = Number(values.settle);
  if (!(seconds >= 1 && seconds <= 300 && settle >= 0 && settle <= 300)) {
    return `Cannot wait for seconds: ${values.seconds}, ${values.settle}`;
  }
  const { compiled, iceless } = values;
  return { counts, seconds, settle, compiled, iceless };
}

async function measure(options: Options, site: FirezoneLab): Promise<Row[]> {
  const { counts, iceless, compiled, seconds, settle } = options;
  await site.build(undefined, {
    iceless,
    clients: swarmClients(counts.at(-1) ?? 0),
  });
  await site.startPortal();
  await site.startRelay();
  const program = compiled ? COMPILED : PROGRAM_FROM_SOURCE;
  const gateway = await site.startGateway([...QUIETLY, ...program]);

  const rows: Row[] = [];
  for (const [i, clients] of counts.entries()) {
    const before = cpuSecondsOf(gateway.pid);
    const first = counts[i - 1] ?? 0;
    const connectSeconds = clients === 0
      ? 0
      : (await connectSwarm(site.lab, first, clients)).tookMs / 1e3;
    const connectCpuSeconds = cpuSecondsOf(gateway.pid) - before;
    await wait(settle * 1e3);
    const cpuPercent = 100 * await cpuOver(gateway, seconds);
    const residentMb = residentMbOf(gateway.pid);
    rows.push({
      ...{ clients, connectSeconds, connectCpuSeconds, cpuPercent, residentMb },
    });
    console.log(JSON.stringify(rows.at(-1)));
  }
  return rows;
}

/** Returns what share of one core a process takes in the next seconds. */
async function cpuOver(
  process: LabProcess,
  seconds: number,
): Promise<number> {
  const before = cpuSecondsOf(process.pid);
  const startedAt = performance.now();
  await wait(seconds * 1e3);
  const elapsed = (performance.now() - startedAt) / 1e3;
  return (cpuSecondsOf(process.pid) - before) / elapsed;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function formatRows(rows: readonly Row[]): string {
  const head =
    "| clients | connected after, s | its CPU, s | idle: % of a core | idle: MB |";
  return [
    head,
    "|---:|---:|---:|---:|---:|",
    ...rows.map((row) =>
      `| ${row.clients} | ${formatNumber(row.connectSeconds, 1)} | ${
        formatNumber(row.connectCpuSeconds, 1)
      } | ${formatNumber(row.cpuPercent, 2)} | ${
        formatNumber(row.residentMb, 0)
      } |`
    ),
  ].join("\n");
}

const options = optionsOrExit(USAGE, parseOptions);
await runToEnd(async (stack) => {
  const rows = await measure(options, stack.use(new FirezoneLab("fzbcl")));
  console.log(`\n${formatRows(rows)}`);
  await writeResult("clients", { options, rows });
});
