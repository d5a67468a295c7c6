import { PROGRAM_FROM_SOURCE } from "../../scripts/lab/firezone_lab.ts";
import { type CommandResult, Lab } from "../../scripts/lab/lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";

/** A namespace of its own, and the program in it. */
export class ProgramBox implements AsyncDisposable {
  /** The namespace, and nothing else in it. */
  readonly lab: Lab;

  private constructor(prefix: string) {
    this.lab = new Lab(prefix);
  }

  /** Makes the namespace; `prefix` starts its name. */
  static async create(prefix: string): Promise<ProgramBox> {
    const box = new ProgramBox(prefix);
    await box.lab.addBox("host");
    return box;
  }

  /** Runs the program to its end. */
  run(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<CommandResult> {
    return this.runProgram([...PROGRAM_FROM_SOURCE, ...args], env);
  }

  /** Runs a command to its end, with nothing of our own environment's settings. */
  runProgram(
    command: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<CommandResult> {
    const variables = Object.entries({ NO_COLOR: "1", ...env }).map(([k, v]) =>
      `${k}=${v}`
    );
    return this.lab.run("host", "env", ...variables, ...command);
  }

  /** Starts the program, behind `launcher` if there is one. */
  start(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    launcher: readonly string[] = [],
  ): LabProcess {
    const command = [...launcher, ...PROGRAM_FROM_SOURCE, ...args];
    return this.lab.spawn("host", "program", command, {
      NO_COLOR: "1",
      FIREZONE_CONTROL_SOCKET: `${this.lab.runDirectory}/gateway.sock`,
      ...env,
    });
  }

  /** Describes interfaces, rules and routes of the namespace. */
  async network(): Promise<string> {
    const queries = ["link", "rule", "-6 rule", "route show table all"];
    const answers = queries.map((query) =>
      this.lab.must("host", "ip", ...query.split(" "))
    );
    return (await Promise.all(answers)).join("\n");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.lab[Symbol.asyncDispose]();
  }
}

/** Returns the lines that are not empty. */
export function sentences(stderr: string): string[] {
  return stderr.split("\n").filter((line) => line !== "");
}
