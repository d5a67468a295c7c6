import type { Contender } from "./contenders.ts";
import type { Sample } from "./metrics.ts";
import type { BenchOptions } from "./options.ts";
import {
  parseCpuSeconds,
  parseResidentMb,
  parseRoundTrips,
  parseTcpTransfer,
  parseUdpTransfer,
  type TcpTransfer,
  type UdpTransfer,
} from "./outputs.ts";
import { mean, percentile } from "./statistics.ts";

/** Full-size and small payloads of UDP, in bytes: with 28 bytes of headers the former makes 1280. */
const FULL_PAYLOAD = 1_252;
const SMALL_PAYLOAD = 64;

/** What is offered of small packets, in Mbit/s: 390 000 packets a second, more than any contender carries. */
const SMALL_RATE = 200;

/** Time between pings, in s. */
const PING_INTERVAL_S = 0.01;

/** Pings on an idle path. */
const IDLE_PINGS = 50;

/** How long a load may take to open and close, in s, before it is ended by force. */
const SLACK_S = 15;

/** How long TCP takes to its full speed, and how long before its end the pings stop, in ms. */
const WARM_UP_MS = 200;

/** How often, and after which pause, a busy server is asked again. */
const BUSY_TRIES = 20;
const BUSY_PAUSE_MS = 250;

/** Loads both ways without measuring, as a program's first seconds are its slowest, and returns the memory before. */
export async function warmUp(contender: Contender): Promise<Sample> {
  const { gateway, peer } = memoryOf(contender);
  await transfer(contender, 1, "-P", "1");
  await transfer(contender, 1, "-P", "1", "-R");
  return { gatewayMbIdle: gateway, peerMbIdle: peer };
}

/** Measures everything once, one load at a time. */
export async function measure(
  contender: Contender,
  { seconds, udpRates }: BenchOptions,
): Promise<Sample> {
  const idle = await ping(contender, IDLE_PINGS);
  const tcp = await measureTcp(contender, seconds);
  const udp: Record<string, number> = {};
  for (const rate of udpRates) {
    const sent = await sendUdp(contender, seconds, rate, FULL_PAYLOAD);
    udp[`udp${rate}`] = sent.mbps;
    udp[`udp${rate}Loss`] = sent.lossPercent;
  }
  const small = await sendUdp(contender, seconds, SMALL_RATE, SMALL_PAYLOAD);
  const memory = memoryOf(contender);
  return {
    ...tcp,
    ...udp,
    smallPackets: small.packetsPerSecond / 1e3,
    idleMs: mean(idle),
    idleP99Ms: percentile(idle, 99),
    gatewayMb: memory.gateway,
    peerMb: memory.peer,
  };
}

/** Transfers both ways with one stream and with eight, pinging beside the eight. */
async function measureTcp(
  contender: Contender,
  seconds: number,
): Promise<Sample> {
  const cpuBefore = cpuOf(contender);
  const up1 = await transfer(contender, seconds, "-P", "1");
  const down1 = await transfer(contender, seconds, "-P", "1", "-R");
  const [up8, upMs] = await transferWithPings(contender, seconds);
  const [down8, downMs] = await transferWithPings(contender, seconds, "-R");
  const cpuAfter = cpuOf(contender);
  const loaded = [...upMs, ...downMs];
  const all = [up1, down1, up8, down8];
  const gigabits = all.reduce((sum, it) => sum + it.gigabits, 0);
  return {
    tcp1Up: up1.mbps,
    tcp1Down: down1.mbps,
    tcp8Up: up8.mbps,
    tcp8Down: down8.mbps,
    loadedMs: mean(loaded),
    loadedP99Ms: percentile(loaded, 99),
    gatewayCpu: (cpuAfter.gateway - cpuBefore.gateway) / gigabits,
    peerCpu: (cpuAfter.peer - cpuBefore.peer) / gigabits,
  };
}

async function transferWithPings(
  contender: Contender,
  seconds: number,
  ...direction: readonly string[]
): Promise<[TcpTransfer, number[]]> {
  const count = (seconds - 2 * WARM_UP_MS / 1e3) / PING_INTERVAL_S;
  return await Promise.all([
    transfer(contender, seconds, "-P", "8", ...direction),
    wait(WARM_UP_MS).then(() => ping(contender, Math.floor(count))),
  ]);
}

async function transfer(
  contender: Contender,
  seconds: number,
  ...options: readonly string[]
): Promise<TcpTransfer> {
  return parseTcpTransfer(await iperf(contender, seconds, ...options));
}

async function sendUdp(
  contender: Contender,
  seconds: number,
  mbps: number,
  payload: number,
): Promise<UdpTransfer> {
  const output = await iperf(
    contender,
    seconds,
    // Smaller buffers would lose packets that the tunnel has delivered.
    ...["-u", "-w", "4M", "-b", `${mbps}M`, "-l", String(payload)],
  );
  return parseUdpTransfer(output);
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
    const isBusy = output.includes("the server is busy");
    if (!isBusy || tries === BUSY_TRIES) return output;
    await wait(BUSY_PAUSE_MS);
  }
}

/** Returns the round trips of those that were answered, in ms. */
async function ping(
  { lab, target }: Contender,
  count: number,
): Promise<number[]> {
  const limit = Math.ceil(count * PING_INTERVAL_S + SLACK_S);
  const { stdout } = await lab.run(
    "client",
    ...["timeout", String(limit), "ping", "-n", "-W", "1"],
    ...["-i", String(PING_INTERVAL_S), "-c", String(count), target],
  );
  return parseRoundTrips(stdout);
}

/** A value of each end. */
interface Ends {
  readonly gateway: number;
  readonly peer: number;
}

const NEITHER: Ends = { gateway: NaN, peer: NaN };

function cpuOf({ pids }: Contender): Ends {
  const read = (pid: number) =>
    parseCpuSeconds(Deno.readTextFileSync(`/proc/${pid}/stat`));
  return pids
    ? { gateway: read(pids.gateway), peer: read(pids.peer) }
    : NEITHER;
}

function memoryOf({ pids }: Contender): Ends {
  const read = (pid: number) =>
    parseResidentMb(Deno.readTextFileSync(`/proc/${pid}/status`));
  return pids
    ? { gateway: read(pids.gateway), peer: read(pids.peer) }
    : NEITHER;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
