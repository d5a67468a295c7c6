import { parseCpuSeconds, parseResidentMb } from "./outputs.ts";

/** Returns the processor time that a process took so far, in s. */
export function cpuSecondsOf(pid: number): number {
  return parseCpuSeconds(Deno.readTextFileSync(`/proc/${pid}/stat`));
}

/** Returns the resident memory of a process, in MB. */
export function residentMbOf(pid: number): number {
  return parseResidentMb(Deno.readTextFileSync(`/proc/${pid}/status`));
}
