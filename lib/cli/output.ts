import { type LineQueue, streamQueue } from "../io/mod.ts";

/** How long what was printed may take to get out when the program ends, in ms. */
const FLUSH_LIMIT_MS = 1_000;

/**
 * Standard output and standard error.
 *
 * Writing never waits: a reader that is slow or gone must stop neither packets
 * nor the portal's connection.
 */
export class Output {
  readonly #out: LineQueue;
  readonly #err: LineQueue;
  #onLost: (lines: number) => void = () => {};

  /** Takes over both streams. */
  constructor() {
    const lost = (_error: unknown, lines: number) => this.#onLost(lines);
    this.#out = streamQueue(Deno.stdout, lost);
    this.#err = streamQueue(Deno.stderr, () => {});
  }

  /** Whether a person at a terminal reads, and wants colours (https://no-color.org). */
  get isColoured(): boolean {
    return Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");
  }

  /** Calls `listener` with the number of lines that standard output did not take. */
  onLost(listener: (lines: number) => void): void {
    this.#onLost = listener;
  }

  /** Writes a line to standard output. Returns `false` when there is no room. */
  print(line: string): boolean {
    return this.#out.push(line);
  }

  /** Writes a line for a person to standard error. */
  complain(line: string): void {
    this.#err.push(line);
  }

  /** Waits until all is out, but not for ever. */
  async flush(): Promise<void> {
    await Promise.all([
      this.#out.flush(FLUSH_LIMIT_MS),
      this.#err.flush(FLUSH_LIMIT_MS),
    ]);
  }
}
