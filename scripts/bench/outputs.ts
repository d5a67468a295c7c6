/** What iperf3 reports of a TCP transfer. */
export interface TcpTransfer {
  /** What arrived, in gigabits. */
  readonly gigabits: number;
  /** Speed at the receiver, in Mbit/s. */
  readonly mbps: number;
}

/** Reads what `iperf3 -J` printed at the sender or receiver of TCP streams. */
export function parseTcpTransfer(output: string): TcpTransfer {
  const { bytes, bits_per_second } = endOf(output).sum_received ?? {};
  if (typeof bytes !== "number" || typeof bits_per_second !== "number") {
    const start = output.slice(0, 500);
    throw new Error(`Cannot find the result of iperf3: ${start}`);
  }
  return { gigabits: bytes * 8 / 1e9, mbps: bits_per_second / 1e6 };
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
  readonly bits_per_second?: unknown;
}

interface IperfEnd {
  readonly sum_received?: IperfSum;
}

function endOf(output: string): IperfEnd {
  const { error, end } = JSON.parse(output);
  if (error !== undefined) {
    throw new Error(`Cannot measure by iperf3: ${error}`);
  }
  return end ?? {};
}
