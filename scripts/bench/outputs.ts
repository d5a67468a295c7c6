/** What iperf3 reports of a TCP transfer. */
export interface TcpTransfer {
  /** What arrived, in gigabits. */
  readonly gigabits: number;
  /** Speed at the receiver, in Mbit/s. */
  readonly mbps: number;
}

/** What iperf3 reports of UDP packets sent at a fixed rate. */
export interface UdpTransfer extends TcpTransfer {
  /** Packets that arrived in a second. */
  readonly packetsPerSecond: number;
  /** Share of the packets that did not arrive. */
  readonly lossPercent: number;
}

/** Reads what `iperf3 -J` printed at the sender or receiver of TCP streams. */
export function parseTcpTransfer(output: string): TcpTransfer {
  const { bytes, bits_per_second } = endOf(output).sum_received ?? {};
  const [octets, bps] = numbers(output, bytes, bits_per_second);
  return { gigabits: octets * 8 / 1e9, mbps: bps / 1e6 };
}

/** Reads what `iperf3 -J -u` printed at the sender of one stream. */
export function parseUdpTransfer(output: string): UdpTransfer {
  const sum = endOf(output).sum ?? {};
  const { bytes, seconds, packets, lost_packets: lost } = sum;
  const [octets, duration, sent, missing] = numbers(
    output,
    ...[bytes, seconds, packets, lost] as const,
  );
  const arrived = Math.max(0, sent - missing);
  const gigabits = octets * 8 / 1e9 * arrived / sent;
  return {
    gigabits,
    mbps: gigabits * 1e3 / duration,
    packetsPerSecond: arrived / duration,
    lossPercent: 100 * (1 - arrived / sent),
  };
}

/** Reads the round trips of the answers that `ping` printed, in ms. */
export function parseRoundTrips(output: string): number[] {
  return [...output.matchAll(/ time=([\d.]+) ms$/gm)].map(([, ms]) =>
    Number(ms)
  );
}

/** Reads the processor time that a process and its threads took from its `/proc/PID/stat`, in s. */
export function parseCpuSeconds(stat: string): number {
  // The name in parentheses may hold anything, so the fields count from its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) /
    TICKS_PER_SECOND;
}

/** Reads the resident memory from a `/proc/PID/status`, in MB. */
export function parseResidentMb(status: string): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** Fields 14 and 15 of proc(5), from the third on. */
const USER_TIME = 11;
const SYSTEM_TIME = 12;

/** `USER_HZ`, which Linux keeps at this value for programs. */
const TICKS_PER_SECOND = 100;

interface IperfSum {
  readonly bytes?: unknown;
  readonly seconds?: unknown;
  readonly bits_per_second?: unknown;
  readonly packets?: unknown;
  readonly lost_packets?: unknown;
}

interface IperfEnd {
  readonly sum?: IperfSum;
  readonly sum_received?: IperfSum;
}

function endOf(output: string): IperfEnd {
  const { error, end } = JSON.parse(output);
  if (error !== undefined) {
    throw new Error(`Cannot measure by iperf3: ${error}`);
  }
  return end ?? {};
}

function numbers<T extends readonly unknown[]>(
  output: string,
  ...values: T
): { [K in keyof T]: number } {
  if (values.every((value) => typeof value === "number")) {
    return values as { [K in keyof T]: number };
  }
  throw new Error(`Cannot find the result of iperf3: ${output.slice(0, 500)}`);
}
