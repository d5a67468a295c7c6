import { type Contender, LOAD_PORT } from "./contenders.ts";
import { climb } from "./ladder.ts";
import { type Direction, DIRECTIONS, type Sample } from "./metrics.ts";
import type { BenchOptions } from "./options.ts";
import { readTransfer, type UdpLoad, type UdpTransfer } from "./udp_load.ts";

/** Full-size and small payloads in bytes: with 28 bytes of headers the former makes 1280. */
const FULL_PAYLOAD = 1_252;
const SMALL_PAYLOAD = 64;

/** How long small packets are sent at each rate. */
const RUNG_SECONDS = 0.5;

/** How long a load may take to open and close, before it is ended by force. */
const SLACK_SECONDS = 15;
const LISTEN_MS = 5_000;

const [UP] = DIRECTIONS;

/**
 * Sends full-size packets at each rate both ways, then small ones to the resource at rising rates.
 *
 * Full-size packets leave in groups, as programs send them that are so fast;
 * small ones singly, as those of calls and games do.
 */
export async function measureUdp(
  contender: Contender,
  { seconds, udpRates, smallRates }: BenchOptions,
  say: (line: string) => void,
): Promise<Sample> {
  const offer = (direction: Direction, load: UdpLoad) =>
    offerUdp(contender, direction, load, say);
  const sample: Record<string, number> = {};
  for (const direction of DIRECTIONS) {
    for (const rate of udpRates) {
      const { sent, received, lossPercent } = await offer(direction, {
        packetsPerSecond: Math.round(rate / mbpsOf(1)),
        payloadBytes: FULL_PAYLOAD,
        seconds: seconds / 2,
        isGrouped: true,
      });
      const key = `udp${rate}${direction.id}`;
      sample[`${key}Sent`] = mbpsOf(sent);
      sample[key] = mbpsOf(received);
      sample[`${key}Loss`] = lossPercent;
    }
  }
  const small = await climb(smallRates, (packetsPerSecond) =>
    offer(UP, {
      packetsPerSecond,
      payloadBytes: SMALL_PAYLOAD,
      seconds: RUNG_SECONDS,
      isGrouped: false,
    }));
  return {
    ...sample,
    smallClean: small.clean / 1e3,
    smallMost: small.most / 1e3,
    smallSent: small.sent / 1e3,
  };
}

/** Returns the payload of so many full-size packets a second in Mbit/s. */
function mbpsOf(packetsPerSecond: number): number {
  return packetsPerSecond * FULL_PAYLOAD * 8 / 1e6;
}

/** The resource's end listens; where it sends, the client's end has shown it the way. */
async function offerUdp(
  { name, lab, target }: Contender,
  direction: Direction,
  load: UdpLoad,
  say: (line: string) => void,
): Promise<UdpTransfer> {
  const isUp = direction === UP;
  const command = (mode: string, host: string, task: string) => [
    ...["timeout", "--kill-after=2", String(load.seconds + SLACK_SECONDS)],
    ...[Deno.execPath(), "run", "--allow-all", PROGRAM],
    ...[mode, `${host}:${LOAD_PORT}`, task, JSON.stringify(load)],
  ];
  const listen = command("listen", "0.0.0.0", isUp ? "receive" : "send");
  const connect = command("connect", target, isUp ? "send" : "receive");
  const listener = lab.spawn("web", "udp-load", listen);
  await listener.waitFor(/Listening/, LISTEN_MS);
  const near = await lab.must("client", ...connect);
  await listener.ended;
  const far = listener.lines.join("\n");
  const transfer = isUp ? readTransfer(near, far) : readTransfer(far, near);
  if (transfer.overflowed > 0) {
    say(`${name}: the receiver itself lost ${transfer.overflowed} packets`);
  }
  return transfer;
}

const PROGRAM = new URL("./run_udp_load.ts", import.meta.url).pathname;
