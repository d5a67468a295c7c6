/**
 * Measures what a flood of datagrams that the gateway must refuse costs the
 * TCP transfer of a client. What the flood's sender and the kernel take of the
 * same two cores is told apart by the same flood to a port that the gateway's
 * kernel drops: the ratio refers to that. Prints a table and writes
 * dist/bench/flood.json. Needs root.
 */
import { parseArgs } from "node:util";
import { shortenDirectPath } from "./bench/contenders.ts";
import { parseTcpTransfer } from "./bench/outputs.ts";
import { cpuSecondsOf } from "./bench/process.ts";
import { optionsOrExit, runToEnd, writeResult } from "./bench/run.ts";
import { median } from "./bench/statistics.ts";
import { formatNumber } from "./bench/table.ts";
import { FirezoneLab, LAPTOP } from "./lab/firezone_lab.ts";
import type { LabProcess } from "./lab/lab_process.ts";
import { SITES } from "./lab/sites.ts";
import { FLOODS } from "../tests/support/flood_core.ts";
import {
  DROPPED_SOCKET,
  GATEWAY_SOCKET,
  OPEN_ROUTERS,
  prepareFloods,
  startFlood,
} from "../tests/support/flood_lab.ts";
import { connectSwarm, swarmClients } from "../tests/support/swarm_lab.ts";

const USAGE =
  `Usage: deno task bench:flood [--rate N] [--seconds N] [--rounds N]

  --rate N     bad datagrams a second (20000)
  --seconds N  length of each transfer (2)
  --rounds N   turns of each flood (2)`;

/** How long iperf3 may take beside its transfer, in s. */
const SLACK_S = 10;

interface Options {
  readonly rate: number;
  readonly seconds: number;
  readonly rounds: number;
}

/** A transfer, in Mbit/s, and the processor time that the gateway took for a gigabit, in s. */
interface Transfer {
  readonly mbps: number;
  readonly gatewayCpu: number;
}

interface Row extends Transfer {
  readonly name: string;
}

/** The kinds of rows: no flood at all, one that the kernel drops, and all that reach the gateway. */
const CASES = ["none", "dropped", ...FLOODS] as const;

function parseOptions(args: readonly string[]): Options | string {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rate: { type: "string", default: "20000" },
      seconds: { type: "string", default: "2" },
      rounds: { type: "string", default: "2" },
    },
  });
  const options = {
    rate: Number(values.rate),
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
  };
  const isSound = Object.values(options).every((value) =>
    Number.isInteger(value) && value >= 1
  );
  const isBounded = options.seconds <= 60 && options.rounds <= 20 &&
    options.rate <= 1_000_000;
  return isSound && isBounded ? options : "Cannot measure so";
}

async function run(options: Options, site: FirezoneLab): Promise<Row[]> {
  const { gateway, publicKey } = await start(site);
  const transfers = new Map<string, Transfer[]>();
  await transfer(site, gateway, options.seconds);
  for (let round = 1; round <= options.rounds; round++) {
    for (const name of CASES) {
      const flood = name === "none" ? undefined : await startFlood(site.lab, {
        kind: name === "dropped" ? "random" : name,
        target: name === "dropped" ? DROPPED_SOCKET : GATEWAY_SOCKET,
        perSecond: options.rate,
        publicKey,
      });
      const result = await transfer(site, gateway, options.seconds);
      await flood?.stop();
      transfers.set(name, [...transfers.get(name) ?? [], result]);
      const sent = flood?.lines.at(-1) ?? "";
      console.log(`${name}: ${formatNumber(result.mbps, 0)} Mbit/s ${sent}`);
    }
  }
  return [...transfers].map(([name, all]) => ({
    name,
    mbps: median(all.map(({ mbps }) => mbps)),
    gatewayCpu: median(all.map(({ gatewayCpu }) => gatewayCpu)),
  }));
}

/** Starts everything. A client of a swarm tells the gateway's key, as any client could. */
async function start(
  site: FirezoneLab,
): Promise<{ gateway: LabProcess; publicKey: string }> {
  const { lab } = site;
  await site.build(OPEN_ROUTERS, { clients: [LAPTOP, ...swarmClients(1)] });
  await prepareFloods(site);
  await shortenDirectPath(lab);
  await site.startPortal();
  await site.startRelay();
  const gateway = await site.startGateway();
  const client = await site.startClient();
  const server = ["iperf3", "-s", "--forceflush"];
  await lab.spawn("web", "iperf3", server).waitFor(/listening/, 10_000);
  const ping = ["-c", "3", "-i", "0.2", "-W", "5", SITES.web];
  await lab.must("client", "ping", ...ping);
  await client.waitFor(/Connection (established|moved) .*direct/, 10_000);
  const { publicKey } = await connectSwarm(lab, 0, 1);
  return { gateway, publicKey };
}

async function transfer(
  { lab }: FirezoneLab,
  gateway: LabProcess,
  seconds: number,
): Promise<Transfer> {
  const before = cpuSecondsOf(gateway.pid);
  const output = await lab.must(
    "client",
    ...["timeout", "--kill-after=2", String(seconds + SLACK_S)],
    ...["iperf3", "-J", "-c", SITES.web, "-t", String(seconds)],
  );
  const { mbps, gigabits } = parseTcpTransfer(output);
  return { mbps, gatewayCpu: (cpuSecondsOf(gateway.pid) - before) / gigabits };
}

function formatRows(rows: readonly Row[]): string {
  const dropped = rows.find(({ name }) => name === "dropped")?.mbps ?? NaN;
  return [
    "| flood | TCP, Mbit/s | of what is left beside one that is dropped | gateway's CPU, s/Gbit |",
    "|---|---:|---:|---:|",
    ...rows.map(({ name, mbps, gatewayCpu }) =>
      `| ${name} | ${formatNumber(mbps, 0)} | ${
        formatNumber(mbps / dropped, 2)
      } | ${formatNumber(gatewayCpu, 3)} |`
    ),
  ].join("\n");
}

const options = optionsOrExit(USAGE, parseOptions);
await runToEnd(async (stack) => {
  const rows = await run(options, stack.use(new FirezoneLab("fzbfl")));
  console.log(`\n${formatRows(rows)}`);
  await writeResult("flood", { options, rows });
});
