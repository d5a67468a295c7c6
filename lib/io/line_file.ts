import type { Logger } from "../base/mod.ts";
import { LineQueue, writeAll } from "./line_queue.ts";
import { messageOf } from "./portal_dial.ts";

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
  readonly #lines: LineQueue;
  #file: Deno.FsFile | undefined;
  #isFailing = false;
  #mustReopen = false;

  /** Creates a writer to the file at `path`, which is made if there is none. */
  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#lines = new LineQueue(
      (bytes) => this.#append(bytes),
      (error) => {
        this.#closeFile();
        this.#noteFailure(messageOf(error));
      },
    );
  }

  /** Appends a line, soon. */
  write(line: string): void {
    if (!this.#lines.push(line)) this.#noteFailure("it is too slow");
  }

  /** Opens the file anew with the next line. */
  reopen(): void {
    this.#mustReopen = true;
  }

  /** Waits until all is written, but not for ever. */
  async close(): Promise<void> {
    await this.#lines.flush(CLOSE_LIMIT_MS);
    this.#lines.clear();
    this.#closeFile();
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
    await writeAll(file, bytes);
    this.#isFailing = false;
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
