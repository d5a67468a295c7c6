import { Queue } from "../base/mod.ts";
import { settlesWithin } from "./settles_within.ts";

/** Lines that may wait. Our own choice: some MB at most, the same as for the spool of flow logs. */
const LINE_LIMIT = 10_000;

/** Lines written by one call. */
const LINES_PER_WRITE = 1_000;

/**
 * Lines on their way to something that may be slow, or gone.
 *
 * Never waits and never throws: lines that find no room are refused, and those
 * that cannot be written are lost. One write is on its way at a time.
 */
export class LineQueue {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #onFailure: (error: unknown, lines: number) => void;
  readonly #lines = new Queue<string>(LINE_LIMIT);
  #worker: Promise<void> | undefined;

  /** `write` brings bytes out; `onFailure` hears how many lines were lost and why. */
  constructor(
    write: (bytes: Uint8Array) => Promise<void>,
    onFailure: (error: unknown, lines: number) => void,
  ) {
    this.#write = write;
    this.#onFailure = onFailure;
  }

  /** Takes a line without its end. Returns `false` when there is no room. */
  push(line: string): boolean {
    if (!this.#lines.push(line)) return false;
    this.#worker ??= this.#work();
    return true;
  }

  /** Waits until all is written, but not for ever. */
  async flush(limitMs: number): Promise<void> {
    if (this.#worker) await settlesWithin(this.#worker, limitMs);
  }

  /** Forgets what waits. */
  clear(): void {
    this.#lines.clear();
  }

  async #work(): Promise<void> {
    const encoder = new TextEncoder();
    while (this.#lines.length > 0) {
      const lines: string[] = [];
      while (lines.length < LINES_PER_WRITE) {
        const line = this.#lines.shift();
        if (line === undefined) break;
        lines.push(`${line}\n`);
      }
      try {
        await this.#write(encoder.encode(lines.join("")));
      } catch (error) {
        this.#onFailure(error, lines.length);
      }
    }
    this.#worker = undefined;
  }
}

/** Writes all of `bytes`, in as many calls as it takes. */
export async function writeAll(
  file: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await file.write(bytes.subarray(at));
  }
}

/** Returns a queue of lines to standard output or standard error. */
export function streamQueue(
  stream: { write(bytes: Uint8Array): Promise<number> },
  onFailure: (error: unknown, lines: number) => void,
): LineQueue {
  return new LineQueue((bytes) => writeAll(stream, bytes), onFailure);
}
