import type { Instant, Logger, RandomSource, UnixMs } from "../base/mod.ts";
import {
  type BatchOutcome,
  batchSize,
  BatchUpload,
  type UploadAnswer,
  type UploadConfig,
  UploadSchedule,
} from "../flow_log/mod.ts";
import { messageOf } from "./portal_dial.ts";
import { SpoolFolder } from "./spool_folder.ts";

/** Longest time for one request, in ms. Our own choice. */
const REQUEST_LIMIT_MS = 60_000;

/** What an uploader works with. */
export interface FlowUploaderOptions {
  /** Root of the spool. */
  readonly root: string;
  /** Where log lines go. */
  readonly log: Logger;
  /** Jitter comes from here. */
  readonly random: RandomSource;
  /** Reads the monotonic clock. */
  readonly now: () => Instant;
  /** Reads the wall clock, which tokens expire by. */
  readonly unixNow: () => UnixMs;
  /** Root certificates beside those of the system, as PEM. */
  readonly caCerts?: readonly string[];
}

/**
 * Delivers the records in the spool to the portal, one authorization after the other.
 *
 * `UploadSchedule` and `BatchUpload` decide; this moves files and requests.
 * Nothing that goes wrong here ends anything: records stay until they are
 * delivered or their token expires.
 */
export class FlowUploader {
  readonly #options: FlowUploaderOptions;
  readonly #schedule: UploadSchedule;
  readonly #stop = new AbortController();
  readonly #client: Deno.HttpClient;
  /** Last name of the last batch that was refused, by folder. */
  readonly #refusedUpTo = new Map<string, string>();
  #wake: () => void = () => {};
  #running: Promise<void> | undefined;
  #isFailing = false;

  /** Creates an uploader that does nothing until `start`. */
  constructor(options: FlowUploaderOptions) {
    this.#options = options;
    this.#schedule = new UploadSchedule(options.now());
    this.#client = Deno.createHttpClient({
      caCerts: [...options.caCerts ?? []],
    });
  }

  /** Begins, with the first pass at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Puts other settings in force. */
  configure(config: UploadConfig): void {
    this.#schedule.configure(config, this.#options.now());
    this.#wake();
  }

  /** Ends at once. A request on its way is given up, and its records stay. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running;
    this.#client.close();
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    const { now } = this.#options;
    while (!this.#stopped) {
      if (now() < this.#schedule.dueAt) {
        await this.#sleepUntil(this.#schedule.dueAt);
        continue;
      }
      let hasMore = false;
      try {
        hasMore = await this.#pass();
        this.#isFailing = false;
      } catch (error) {
        this.#noteFailure(messageOf(error));
      }
      this.#schedule.finishPass(hasMore, now());
    }
  }

  /** A spool that cannot be read is of no account while nothing is to be uploaded. */
  #noteFailure(reason: string): void {
    const isLoud = this.#schedule.url !== undefined && !this.#isFailing;
    this.#isFailing ||= isLoud;
    const { root, log } = this.#options;
    const level = isLoud ? "warn" : "debug";
    log.log(level, "Flow logs cannot be uploaded", { root, reason });
  }

  /** Looks at all folders once. Returns whether records wait that could follow at once. */
  async #pass(): Promise<boolean> {
    const { root, unixNow, log } = this.#options;
    const usable: [SpoolFolder, string][] = [];
    for (const folder of await SpoolFolder.list(root)) {
      const token = await folder.token(unixNow());
      if (token.kind === "usable") usable.push([folder, token.text]);
      else if (token.kind === "void") {
        log.log("debug", "Flow logs of an authorization expired");
        this.#refusedUpTo.delete(folder.path);
        await folder.discard();
      }
    }
    let hasMore = false;
    for (const [folder, token] of usable) {
      const url = this.#schedule.url;
      if (this.#stopped || url === undefined) return false;
      if (await this.#uploadFrom(folder, token, url)) hasMore = true;
    }
    return hasMore;
  }

  async #uploadFrom(
    folder: SpoolFolder,
    token: string,
    url: string,
  ): Promise<boolean> {
    const { now, random, log } = this.#options;
    const batch = await folder.batch(
      batchSize(this.#schedule.config),
      this.#refusedUpTo.get(folder.path),
    );
    const { names, records, hasMore } = batch;
    if (records.length === 0) return hasMore;
    const upload = new BatchUpload(url, records.length, random, now());
    const outcome = await this.#deliver(upload, records, token);
    for (const { from, to } of upload.delivered) {
      await folder.remove(names.slice(from, to));
    }
    const last = names.at(-1);
    if (outcome === "refused" && last !== undefined) {
      this.#refusedUpTo.set(folder.path, last);
    } else this.#refusedUpTo.delete(folder.path);
    log.log("debug", "Flow logs uploaded", {
      records: records.length,
      outcome,
    });
    return outcome === "delivered" && hasMore;
  }

  async #deliver(
    upload: BatchUpload,
    records: readonly string[],
    token: string,
  ): Promise<BatchOutcome> {
    const { now } = this.#options;
    while (!this.#stopped && this.#schedule.url !== undefined) {
      const step = upload.poll(now());
      switch (step.kind) {
        case "done":
          return step.outcome;
        case "wait":
          await this.#sleepUntil(step.until);
          break;
        case "send": {
          const part = records.slice(step.from, step.to);
          upload.handleAnswer(await this.#post(step.url, part, token), now());
        }
      }
    }
    return "unreachable";
  }

  async #post(
    url: string,
    records: readonly string[],
    token: string,
  ): Promise<UploadAnswer> {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "Authorization": `Bearer ${token}`,
          "Content-Type": "application/json",
        },
        body: `{"flow_logs":[${records.join(",")}]}`,
        redirect: "manual",
        signal: AbortSignal.any([
          this.#stop.signal,
          AbortSignal.timeout(REQUEST_LIMIT_MS),
        ]),
        client: this.#client,
      });
      await response.body?.cancel();
      return {
        kind: "response",
        status: response.status,
        location: response.headers.get("Location"),
        retryAfter: response.headers.get("Retry-After"),
      };
    } catch {
      return { kind: "transport-error" };
    }
  }

  /** Waits, but no longer than until `configure` or `stop`. */
  async #sleepUntil(until: Instant): Promise<void> {
    if (this.#stopped) return;
    const awake = Promise.withResolvers<void>();
    const delayMs = Math.max(0, until - this.#options.now());
    const timer = setTimeout(() => awake.resolve(), delayMs);
    this.#wake = awake.resolve;
    await awake.promise;
    clearTimeout(timer);
  }
}
