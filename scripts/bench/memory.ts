/** Memory of a process at one moment, in MB. */
export interface Reading {
  /** Since the load began, in s. */
  readonly second: number;
  /** All that is resident. */
  readonly resident: number;
  /** Of that what belongs to the process alone and to no file: heaps, stacks, packets. */
  readonly anonymous: number;
}

/** Reads a `/proc/PID/smaps_rollup`. */
export function parseMemory(rollup: string): Omit<Reading, "second"> {
  const read = (key: string) =>
    Number(new RegExp(`^${key}:\\s*(\\d+) kB$`, "m").exec(rollup)?.[1]) / 1024;
  return { resident: read("Rss"), anonymous: read("Anonymous") };
}

/** Returns by how much memory grew between the first and the last reading, in MB, on the line that fits all best; NaN of fewer than two. */
export function growthOf(readings: readonly Reading[]): number {
  const count = readings.length;
  const x = readings.reduce((sum, it) => sum + it.second, 0) / count;
  const y = readings.reduce((sum, it) => sum + it.resident, 0) / count;
  let covariance = 0;
  let variance = 0;
  for (const { second, resident } of readings) {
    covariance += (second - x) * (resident - y);
    variance += (second - x) ** 2;
  }
  const seconds = (readings.at(-1)?.second ?? 0) - (readings[0]?.second ?? 0);
  return covariance / variance * seconds;
}
