import { linesOf } from "./lines.ts";

/** How many lines of a program's output are kept for error messages. */
const KEPT_LINES = 2_000;

/** How long a program may take to end after SIGTERM before it is killed, in ms. */
const TERMINATION_MS = 5_000;

/** A program that runs in a namespace of the lab. */
export class LabProcess {
  /** What the lab calls it. */
  readonly label: string;
  /** What it printed, standard output and error together. */
  readonly lines: string[] = [];
  /** Settles with the exit code; a program ended by a signal gives 128 + its number. */
  readonly ended: Promise<number>;
  readonly #child: Deno.ChildProcess;
  readonly #waiters = new Set<() => void>();
  /** It has exited; a child of its own may still hold its output. */
  #hasExited = false;
  /** It has exited and all that it printed was read. */
  #isOver = false;

  /** Starts `command`. */
  constructor(
    label: string,
    command: readonly string[],
    env: Readonly<Record<string, string>>,
  ) {
    const [program = "", ...args] = command;
    this.label = label;
    this.#child = new Deno.Command(program, {
      args,
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.ended = this.#run();
  }

  /** Process id. `ip netns exec` replaces itself, so it is the program's own. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Waits for a line that matches, also among those already printed, and returns it. */
  async waitFor(pattern: RegExp, timeoutMs: number): Promise<string> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const line = this.lines.find((it) => pattern.test(it));
      if (line !== undefined) return line;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || this.#isOver) {
        const why = this.#isOver ? "it ended" : `${timeoutMs} ms passed`;
        throw new Error(
          `${this.label} did not print ${pattern}: ${why}\n${this.tail()}`,
        );
      }
      await this.#change(leftMs);
    }
  }

  /** Returns the last lines that it printed. */
  tail(count = 40): string {
    return this.lines.slice(-count).map((line) => `  ${this.label}| ${line}`)
      .join("\n");
  }

  /** Sends `signal` if it still runs. */
  signal(signal: Deno.Signal): void {
    if (this.#hasExited) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It has exited, and we have yet to hear of it.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Ends it, politely first, and returns its exit code. */
  async stop(): Promise<number> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), TERMINATION_MS);
    const code = await this.ended;
    clearTimeout(timer);
    return code;
  }

  async #run(): Promise<number> {
    const [status] = await Promise.all([
      this.#child.status.finally(() => this.#hasExited = true),
      this.#collect(this.#child.stdout),
      this.#collect(this.#child.stderr),
    ]);
    this.#isOver = true;
    this.#notify();
    return status.code;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const line of linesOf(stream)) {
      this.lines.push(line);
      if (this.lines.length > KEPT_LINES) this.lines.shift();
      this.#notify();
    }
  }

  #notify(): void {
    for (const wake of this.#waiters) wake();
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiters.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#waiters.add(wake);
    });
  }
}
