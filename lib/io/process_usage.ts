import { cpuUsage } from "node:process";

/** What the process has used so far. */
export interface ProcessUsage {
  /** Processor time of all threads since the start, in ms. */
  readonly processorMs: number;
  /** Memory in use, in bytes. */
  readonly residentBytes: number;
}

/** Asks the kernel what the process has used so far. */
export function processUsage(): ProcessUsage {
  const { user, system } = cpuUsage();
  return {
    processorMs: (user + system) / 1_000,
    residentBytes: Deno.memoryUsage().rss,
  };
}
