/**
 * Measures the resident memory of our gateway under a steady load both ways,
 * and how much it grows. Prints a line a minute and writes
 * dist/bench/memory.json. Needs root.
 */
import { parseArgs } from "node:util";
import { buildProgram } from "./bench/build_program.ts";
import { type Contender, startContenders } from "./bench/contenders.ts";
import { growthOf, parseMemory, type Reading } from "./bench/memory.ts";
import { optionsOrExit, runToEnd, writeResult } from "./bench/run.ts";
import { median } from "./bench/statistics.ts";
import { PROGRAM_FROM_SOURCE } from "./lab/firezone_lab.ts";

const USAGE =
  `Usage: deno task bench:memory [--minutes N] [--rate MBIT] [--compiled]

  --minutes N      length of the load, 1 to 60 (10)
  --rate MBIT      load each way, in Mbit/s; 0 is as much as goes (300)
  --compiled       builds our program and measures that instead of the source`;

/** Share of a run that does not count: code is still being compiled, and caches fill. */
const SETTLING_SHARE = 0.2;

const INTERVAL_MS = 1_000;

/** How long a load may take to open and close, in s, before it is ended by force. */
const SLACK_S = 15;

interface Options {
  readonly minutes: number;
  readonly rate: number;
  readonly isCompiled: boolean;
}

const options = optionsOrExit(USAGE, parse);
await runToEnd((stack) => run(options, stack));

async function run(
  { minutes, rate, isCompiled }: Options,
  stack: AsyncDisposableStack,
): Promise<void> {
  const say = (line: string) => console.log(line);
  const program = isCompiled ? await buildProgram() : PROGRAM_FROM_SOURCE;
  const [contender] = await startContenders(["direct"], program, stack, say);
  if (!contender?.pids) throw new Error("Cannot measure without a gateway");
  const { gateway } = contender.pids;
  const idle = readMemory(gateway, 0);
  say(`Idle: ${describe(idle)}`);

  const readings: Reading[] = [];
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const second = Math.round((performance.now() - startedAt) / 1e3);
    const reading = readMemory(gateway, second);
    readings.push(reading);
    if (second % 60 === 0) say(`After ${second} s: ${describe(reading)}`);
  }, INTERVAL_MS);
  try {
    await load(contender, minutes * 60, rate);
  } finally {
    clearInterval(timer);
  }
  const settled = readings.slice(readings.length * SETTLING_SHARE);
  const result = {
    ...{ minutes, rate, isCompiled, idle },
    medianMb: median(settled.map((it) => it.resident)),
    highestMb: Math.max(...readings.map((it) => it.resident)),
    growthMb: growthOf(settled),
  };
  say(JSON.stringify(result));
  await writeResult("memory", { ...result, readings });
}

/** One stream each way. */
async function load(
  { lab, target }: Contender,
  seconds: number,
  rate: number,
): Promise<void> {
  await lab.must(
    "client",
    ...["timeout", "--kill-after=2", String(seconds + SLACK_S)],
    ...["iperf3", "-c", target, "--connect-timeout", "5000", "--bidir"],
    ...["-t", String(seconds), "-b", `${rate}M`],
  );
}

function readMemory(pid: number, second: number): Reading {
  const rollup = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return { second, ...parseMemory(rollup) };
}

function describe({ resident, anonymous }: Reading): string {
  return `${resident.toFixed(1)} MB, of which ${
    anonymous.toFixed(1)
  } MB anonymous`;
}

function parse(args: readonly string[]): Options | string {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "10" },
      rate: { type: "string", default: "300" },
      compiled: { type: "boolean", default: false },
    },
  });
  const minutes = Number(values.minutes);
  const rate = Number(values.rate);
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > 60) {
    return `Cannot load for minutes: ${values.minutes}`;
  }
  if (!Number.isInteger(rate) || rate < 0) {
    return `Cannot load at a rate: ${values.rate}`;
  }
  return { minutes, rate, isCompiled: values.compiled };
}
