import { type IngestToken, type Logger, Queue } from "../base/mod.ts";
import {
  decodeUploadConfig,
  encodeEntry,
  encodeUploadConfig,
  entryName,
  type FlowReport,
  spoolFolder,
  TOKEN_FILE,
  type UploadConfig,
} from "../flow_log/mod.ts";
import { messageOf } from "./portal_dial.ts";
import { settlesWithin } from "./settles_within.ts";

/** Where the spool is unless a person says otherwise (data-plane spec §15.5). */
export const FLOW_SPOOL_ROOT = "/var/lib/firezone/flow_logs";

/** Writes that may wait for the disk; more are dropped (data-plane spec §15.5). */
const WRITE_QUEUE_LIMIT = 10_000;

/** Longest wait for the disk at the end, in ms (operations spec §1.4). */
const CLOSE_LIMIT_MS = 5_000;

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const CONFIG_FILE = "upload.json";

/**
 * Keeps records on disk until the uploader has delivered them.
 *
 * Everything is written in the order of the calls, one after the other and
 * off the caller's path. Files appear whole or not at all. A disk that is full
 * or not ours to write costs records and one warning, nothing else.
 */
export class FlowSpool {
  readonly #root: string;
  readonly #log: Logger;
  readonly #writes = new Queue<() => Promise<void>>(WRITE_QUEUE_LIMIT);
  #worker: Promise<void> | undefined;
  #dropped = 0;
  #isFailing = false;

  /** Creates a spool below `root`, which comes into being with the first write. */
  constructor(root: string, log: Logger) {
    this.#root = root;
    this.#log = log;
  }

  /** Keeps the token of an authorization whose records are to be uploaded. */
  keepToken({ secret, claims }: IngestToken): void {
    const folder = spoolFolder(claims);
    if (!claims.uploadsEnabled || folder === undefined) return;
    this.#enqueue(async () => {
      await this.#makeDirectories(folder);
      await this.#write(`${folder}/${TOKEN_FILE}`, secret.reveal());
    });
  }

  /** Keeps a report, if the token of its authorization is kept. */
  keepReport(report: FlowReport): void {
    const folder = spoolFolder(report.claims);
    if (!report.claims.uploadsEnabled || folder === undefined) return;
    this.#enqueue(async () => {
      if (!await exists(`${this.#root}/${folder}/${TOKEN_FILE}`)) return;
      await this.#write(`${folder}/${entryName(report)}`, encodeEntry(report));
    });
  }

  /** Keeps the upload settings for the next start. There is nothing to keep of uploads that were never on. */
  keepConfig(config: UploadConfig): void {
    this.#enqueue(async () => {
      const path = `${this.#root}/${CONFIG_FILE}`;
      if (config.uploadIntervalSecs === 0 && !await exists(path)) return;
      await this.#makeDirectories("");
      await this.#write(CONFIG_FILE, encodeUploadConfig(config));
    });
  }

  /** Returns the upload settings of the last run, if there are any. */
  async lastConfig(): Promise<UploadConfig | undefined> {
    try {
      const text = await Deno.readTextFile(`${this.#root}/${CONFIG_FILE}`);
      return decodeUploadConfig(text);
    } catch {
      return undefined;
    }
  }

  /** Waits until all is written, but not for ever. */
  async close(): Promise<void> {
    if (this.#worker) await settlesWithin(this.#worker, CLOSE_LIMIT_MS);
    this.#writes.clear();
  }

  #enqueue(write: () => Promise<void>): void {
    if (!this.#writes.push(write)) {
      if (this.#dropped++ === 0) {
        this.#log.log("warn", "Flow logs are dropped: the disk is too slow");
      }
      return;
    }
    this.#worker ??= this.#work();
  }

  async #work(): Promise<void> {
    for (let w = this.#writes.shift(); w; w = this.#writes.shift()) {
      try {
        await w();
      } catch (error) {
        this.#noteFailure(error);
      }
    }
    this.#worker = undefined;
    if (this.#dropped === 0) return;
    this.#log.log("info", "Flow logs are kept again", {
      dropped: this.#dropped,
    });
    this.#dropped = 0;
  }

  /** An authorization that is pruned meanwhile is no failure. */
  #noteFailure(error: unknown): void {
    if (error instanceof Deno.errors.NotFound || this.#isFailing) return;
    this.#isFailing = true;
    this.#log.log("warn", "Flow logs cannot be kept on disk", {
      root: this.#root,
      reason: messageOf(error),
    });
  }

  async #makeDirectories(folder: string): Promise<void> {
    const path = `${this.#root}/${folder}`;
    await Deno.mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  }

  async #write(path: string, text: string): Promise<void> {
    const whole = `${this.#root}/${path}`;
    const fresh = `${whole}.tmp`;
    try {
      await Deno.writeTextFile(fresh, text, { mode: FILE_MODE });
      await Deno.rename(fresh, whole);
    } catch (error) {
      // What a full disk took of it would stay until the authorization is pruned.
      await Deno.remove(fresh).catch(() => {});
      throw error;
    }
    this.#isFailing = false;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
