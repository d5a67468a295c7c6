import { after, earlier, type Instant } from "../base/mod.ts";
import { NO_UPLOADS, type UploadConfig, uploadUrl } from "./upload_config.ts";

/** Time between two looks at the spool while uploads are off, in ms (portal spec §8): what expired is removed all the same. */
const DISABLED_INTERVAL_MS = 30_000;

/** Time between two passes while records wait that did not fit into one, in ms. */
const BACKLOG_INTERVAL_MS = 1_000;

/** Longest time between two passes, in ms. Our own choice: expired tokens are noticed within a day, and timers hold no more than 24 of them. */
const MAX_INTERVAL_MS = 86_400_000;

/** Says when the spool is to be looked at, and where its records go. */
export class UploadSchedule {
  #config: UploadConfig = NO_UPLOADS;
  #dueAt: Instant;

  /** Creates a schedule whose first pass is due at once. */
  constructor(now: Instant) {
    this.#dueAt = now;
  }

  /** When the next pass is due. */
  get dueAt(): Instant {
    return this.#dueAt;
  }

  /** What is in force. */
  get config(): UploadConfig {
    return this.#config;
  }

  /** Where records go, `undefined` while uploads are off. */
  get url(): string | undefined {
    const { apiUrl, uploadIntervalSecs } = this.#config;
    return uploadIntervalSecs > 0 ? uploadUrl(apiUrl) : undefined;
  }

  /** Puts a configuration in force. Uploads that are switched on start within the interval, not after a poll. */
  configure(config: UploadConfig, now: Instant): void {
    this.#config = config;
    this.#dueAt = earlier(this.#dueAt, after(now, this.#intervalMs));
  }

  /** Arms the next pass. `hasMore`: something was delivered, and more of it waits. */
  finishPass(hasMore: boolean, now: Instant): void {
    const isBacklog = hasMore && this.url !== undefined;
    this.#dueAt = after(
      now,
      isBacklog ? BACKLOG_INTERVAL_MS : this.#intervalMs,
    );
  }

  get #intervalMs(): number {
    const { uploadIntervalSecs } = this.#config;
    return uploadIntervalSecs === 0
      ? DISABLED_INTERVAL_MS
      : Math.min(uploadIntervalSecs * 1_000, MAX_INTERVAL_MS);
  }
}
