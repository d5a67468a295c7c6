import type { BenchOptions } from "./options.ts";

/** What a figure cannot be compared without. */
export interface Circumstances {
  /** Moment in ISO 8601. */
  readonly startedAt: string;
  /** Revision of this project, `+` behind it when files differ from it. */
  readonly commit: string;
  /** What ran ours. */
  readonly program: string;
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  /** Of the machine at the start: what else was busy. */
  readonly loadAverage: readonly number[];
  /** Length of the TCP loads. */
  readonly seconds: number;
  readonly rounds: number;
}

/** Notes under which circumstances a run begins. */
export async function describeRun(
  { program, rounds, seconds }: BenchOptions,
): Promise<Circumstances> {
  const cpus = await Deno.readTextFile("/proc/cpuinfo");
  const runtime = `Deno ${Deno.version.deno}`;
  return {
    startedAt: new Date().toISOString(),
    commit: await describeCommit(),
    program: program === "compiled" ? program : `${program} on ${runtime}`,
    cpu: /^model name\s*: (.*)$/m.exec(cpus)?.[1] ?? "unknown",
    cores: navigator.hardwareConcurrency,
    kernel: Deno.osRelease(),
    loadAverage: Deno.loadavg().map((it) => Math.round(it * 100) / 100),
    ...{ seconds, rounds },
  };
}

/** Writes the circumstances for a reader, a few to a line. */
export function describe(it: Circumstances): string[] {
  const date = it.startedAt.slice(0, 10);
  const rounds = it.rounds === 1 ? "1 round" : `median of ${it.rounds} rounds`;
  return [
    `${date}, commit ${it.commit}, ours ${it.program}; ${rounds}, TCP for ${it.seconds} s each`,
    `${it.cpu}, ${it.cores} cores for both ends, sender and receiver together; Linux ${it.kernel}`,
  ];
}

async function describeCommit(): Promise<string> {
  const commit = await git("rev-parse", "--short=10", "HEAD");
  if (commit === undefined) return "unknown";
  const changes = await git("status", "--porcelain");
  return changes === "" ? commit : `${commit}+`;
}

/** Returns what git says, nothing where there is no repository. */
async function git(...args: readonly string[]): Promise<string | undefined> {
  const cwd = new URL("../../", import.meta.url);
  try {
    const command = new Deno.Command("git", { args: [...args], cwd });
    const { success, stdout } = await command.output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined; // Git is not installed.
  }
}
