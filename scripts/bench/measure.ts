import type { Contender } from "./contenders.ts";
import { measureUdp } from "./measure_udp.ts";
import { DIRECTIONS, type Sample, STREAMS } from "./metrics.ts";
import type { BenchOptions } from "./options.ts";
import {
  parseRoundTrips,
  parseTcpTransfer,
  type TcpTransfer,
} from "./outputs.ts";
import { cpuSecondsOf, residentMbOf } from "./process.ts";
import { mean, percentile } from "./statistics.ts";

/**
 * So many pings run beside each other, each at a pace at which it sleeps.
 *
 * At 10 ms or less between its packets one `ping` waits in a busy loop, which
 * would take one of few processors from what is measured. Their starts are
 * spread over the time between two packets.
 */
const PINGERS = 8;
const PING_INTERVAL_S = 0.015;

/** Pings on an idle path, by all pingers together. */
const IDLE_PINGS = 560;

/** How long a load may take to open and close, in s, before it is ended by force. */
const SLACK_S = 15;

/** How long TCP takes to its full speed, and how long before its end the pings stop, in ms. */
const WARM_UP_MS = 200;

/**
 * How long each way is loaded before anything is measured, in s.
 *
 * Our program is compiled while it runs, and reaches its speed after 3 to 4 s
 * of load; wireguard-go has it from the start.
 */
const WARM_UP_S = 5;

/** How often, and after which pause, a busy server is asked again. */
const BUSY_TRIES = 20;
const BUSY_PAUSE_MS = 250;

/** Loads both ways without measuring, as a program's first seconds are its slowest, and returns the memory before. */
export async function warmUp(contender: Contender): Promise<Sample> {
  const { gateway, peer } = memoryOf(contender);
  await transfer(contender, WARM_UP_S, "-P", "4");
  await transfer(contender, WARM_UP_S, "-P", "4", "-R");
  return { gatewayMbIdle: gateway, peerMbIdle: peer };
}

/** Measures everything once, one load at a time. */
export async function measure(
  contender: Contender,
  options: BenchOptions,
  say: (line: string) => void,
): Promise<Sample> {
  const idle = await ping(contender, IDLE_PINGS / PINGERS);
  const tcp = await measureTcp(contender, options);
  const udp = await measureUdp(contender, options, say);
  const memory = memoryOf(contender);
  return {
    ...tcp,
    ...udp,
    idleMs: mean(idle),
    idleP99Ms: percentile(idle, 99),
    gatewayMb: memory.gateway,
    peerMb: memory.peer,
  };
}

/** Transfers both ways with few streams and many, pinging beside the most. */
async function measureTcp(
  contender: Contender,
  { seconds }: BenchOptions,
): Promise<Sample> {
  const cpuBefore = cpuOf(contender);
  const speeds: Record<string, number> = {};
  const loaded: number[] = [];
  let gigabits = 0;
  for (const { id } of DIRECTIONS) {
    const direction = id === "Down" ? ["-R"] : [];
    for (const streams of STREAMS) {
      const options = ["-P", String(streams), ...direction];
      const isMost = streams === STREAMS.at(-1);
      const [transferred, roundTrips] = await Promise.all([
        transfer(contender, seconds, ...options),
        isMost ? pingDuring(contender, seconds) : [],
      ]);
      speeds[`tcp${streams}${id}`] = transferred.mbps;
      gigabits += transferred.gigabits;
      loaded.push(...roundTrips);
    }
  }
  const cpuAfter = cpuOf(contender);
  return {
    ...speeds,
    loadedMs: mean(loaded),
    loadedP99Ms: percentile(loaded, 99),
    gatewayCpu: (cpuAfter.gateway - cpuBefore.gateway) / gigabits,
    peerCpu: (cpuAfter.peer - cpuBefore.peer) / gigabits,
  };
}

/** Pings while a load runs that begins now. */
async function pingDuring(
  contender: Contender,
  seconds: number,
): Promise<number[]> {
  await wait(WARM_UP_MS);
  const count = (seconds - 2 * WARM_UP_MS / 1e3) / PING_INTERVAL_S;
  return await ping(contender, Math.floor(count));
}

async function transfer(
  contender: Contender,
  seconds: number,
  ...options: readonly string[]
): Promise<TcpTransfer> {
  return parseTcpTransfer(await iperf(contender, seconds, ...options));
}

/** Runs iperf3 against a server that may still be seeing to the last transfer. */
async function iperf(
  { lab, target }: Contender,
  seconds: number,
  ...options: readonly string[]
): Promise<string> {
  for (let tries = 1;; tries++) {
    const output = await lab.must(
      "client",
      ...["timeout", "--kill-after=2", String(seconds + SLACK_S)],
      ...["iperf3", "-J", "-c", target, "--connect-timeout", "5000"],
      ...["-t", String(seconds), ...options],
    );
    // Between two transfers it listens anew.
    const isBusy = /the server is busy|Connection refused/.test(output);
    if (!isBusy || tries === BUSY_TRIES) return output;
    await wait(BUSY_PAUSE_MS);
  }
}

/** Returns the round trips of those that were answered, in ms. Each pinger sends `count`. */
async function ping(
  { lab, target }: Contender,
  count: number,
): Promise<number[]> {
  const limit = Math.ceil(count * PING_INTERVAL_S + SLACK_S);
  const pingers = Array.from({ length: PINGERS }, async (_, i) => {
    await wait(i * PING_INTERVAL_S * 1e3 / PINGERS);
    const { stdout } = await lab.run(
      "client",
      ...["timeout", String(limit), "ping", "-n", "-W", "1"],
      ...["-i", String(PING_INTERVAL_S), "-c", String(count), target],
    );
    return parseRoundTrips(stdout);
  });
  return (await Promise.all(pingers)).flat();
}

/** A value of each end. */
interface Ends {
  readonly gateway: number;
  readonly peer: number;
}

const NEITHER: Ends = { gateway: NaN, peer: NaN };

function cpuOf({ pids }: Contender): Ends {
  return eachOf(pids, cpuSecondsOf);
}

function memoryOf({ pids }: Contender): Ends {
  return eachOf(pids, residentMbOf);
}

function eachOf(
  pids: Contender["pids"],
  read: (pid: number) => number,
): Ends {
  return pids
    ? { gateway: read(pids.gateway), peer: read(pids.peer) }
    : NEITHER;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
