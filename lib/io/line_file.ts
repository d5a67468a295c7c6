import { type Logger, Queue } from "../base/mod.ts";
import { messageOf } from "./portal_dial.ts";
import { settlesWithin } from "./settles_within.ts";

/** Lines that may wait for the disk; more are dropped. The same as for the spool. */
const LINE_QUEUE_LIMIT = 10_000;

/** Lines written by one system call. */
const LINES_PER_WRITE = 1_000;

/** Longest wait for the disk at the end, in ms. */
const CLOSE_LIMIT_MS = 5_000;

const FILE_MODE = 0o640;

/**
 * Appends lines to a file that others may rotate.
 *
 * Before each write it looks whether the path still names the file that is
 * open, and opens the one of that name if not. What cannot be written is
 * dropped with one warning.
 */
export class LineFile {
  readonly #path: string;
  readonly #log: Logger;
  readonly #lines = new Queue<string>(LINE_QUEUE_LIMIT);
  #file: Deno.FsFile | undefined;
  #worker: Promise<void> | undefined;
  #isFailing = false;
  #mustReopen = false;

  /** Creates a writer to the file at `path`, which is made if there is none. */
  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** Appends a line, soon. */
  write(line: string): void {
    if (!this.#lines.push(line)) return this.#noteFailure("it is too slow");
    this.#worker ??= this.#work();
  }

  /** Opens the file anew with the next line. */
  reopen(): void {
    this.#mustReopen = true;
  }

  /** Waits until all is written, but not for ever. */
  async close(): Promise<void> {
    if (this.#worker) await settlesWithin(this.#worker, CLOSE_LIMIT_MS);
    this.#lines.clear();
    this.#closeFile();
  }

  async #work(): Promise<void> {
    while (this.#lines.length > 0) {
      const lines: string[] = [];
      for (let i = 0; i < LINES_PER_WRITE; i++) {
        const line = this.#lines.shift();
        if (line === undefined) break;
        lines.push(`${line}\n`);
      }
      try {
        await this.#append(new TextEncoder().encode(lines.join("")));
        this.#isFailing = false;
      } catch (error) {
        this.#closeFile();
        this.#noteFailure(messageOf(error));
      }
    }
    this.#worker = undefined;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const isCurrent = this.#file && !this.#mustReopen &&
      await isStillAt(this.#file, this.#path);
    if (!isCurrent) this.#closeFile();
    this.#mustReopen = false;
    this.#file ??= await Deno.open(this.#path, {
      append: true,
      create: true,
      mode: FILE_MODE,
    });
    const file = this.#file;
    for (let at = 0; at < bytes.length;) {
      at += await file.write(bytes.subarray(at));
    }
  }

  #closeFile(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #noteFailure(reason: string): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#log.log("warn", "Flow logs cannot be written to their file", {
      path: this.#path,
      reason,
    });
  }
}

async function isStillAt(file: Deno.FsFile, path: string): Promise<boolean> {
  try {
    const [open, named] = await Promise.all([file.stat(), Deno.stat(path)]);
    return open.ino === named.ino && open.dev === named.dev;
  } catch {
    return false;
  }
}
