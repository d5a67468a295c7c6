import {
  after,
  Backoff,
  type BackoffPlan,
  type Instant,
  type RandomSource,
} from "../base/mod.ts";
import { secureUrl } from "./upload_config.ts";

/** What came back for a request. */
export type UploadAnswer =
  | {
    readonly kind: "response";
    readonly status: number;
    /** Header `Location`. */
    readonly location: string | null;
    /** Header `Retry-After`. */
    readonly retryAfter: string | null;
  }
  /** Nothing came back. */
  | { readonly kind: "transport-error" };

/** What to do next about a batch. */
export type UploadStep =
  /** Send the records `[from, to)` to `url`, and report the answer. */
  | {
    readonly kind: "send";
    readonly url: string;
    readonly from: number;
    readonly to: number;
  }
  | { readonly kind: "wait"; readonly until: Instant }
  | { readonly kind: "done"; readonly outcome: BatchOutcome };

/** What became of a batch. `refused`: the portal does not want some of it. `unreachable`: it did not answer for too long. */
export type BatchOutcome = "delivered" | "refused" | "unreachable";

/** Delays after 408, 5xx and lost connections (portal spec §8). */
const RETRY: BackoffPlan = {
  initialMs: 500,
  factor: 1.5,
  maxMs: 60_000,
  jitter: true,
  budgetMs: 300_000,
};

const MAX_REDIRECTS = 5;
const DEFAULT_RETRY_AFTER_S = 1;

/** Longest wait that the portal can impose, in s. Our own choice: a wrong header must not end uploads for good. */
const MAX_RETRY_AFTER_S = 3_600;

const REDIRECTS: readonly number[] = [301, 302, 307, 308];

/**
 * Decides how one batch of records of one authorization is delivered (portal spec §8).
 *
 * Ask `poll` what to do, do it, and call `handleAnswer` after a `send`.
 */
export class BatchUpload {
  readonly #url: string;
  readonly #backoff: Backoff;
  /** Parts of the batch that are still to be sent, next last. */
  readonly #parts: { readonly from: number; readonly to: number }[];
  readonly #delivered: { readonly from: number; readonly to: number }[] = [];
  #target: string;
  #redirects = 0;
  #waitUntil: Instant;
  #outcome: BatchOutcome = "delivered";

  /** Starts the delivery of `count` records to `url`, which `uploadUrl` made. */
  constructor(url: string, count: number, random: RandomSource, now: Instant) {
    this.#url = url;
    this.#target = url;
    this.#backoff = new Backoff(RETRY, random);
    this.#parts = count > 0 ? [{ from: 0, to: count }] : [];
    this.#waitUntil = now;
  }

  /** The ranges of records that the portal has taken. */
  get delivered(): readonly { readonly from: number; readonly to: number }[] {
    return this.#delivered;
  }

  /** Returns what to do at `now`. */
  poll(now: Instant): UploadStep {
    const part = this.#parts.at(-1);
    if (part === undefined) return { kind: "done", outcome: this.#outcome };
    if (now < this.#waitUntil) return { kind: "wait", until: this.#waitUntil };
    return { kind: "send", url: this.#target, ...part };
  }

  /** Takes the answer to the request that `poll` demanded. */
  handleAnswer(answer: UploadAnswer, now: Instant): void {
    if (answer.kind === "transport-error") return this.#retry(now);
    const { status, location, retryAfter } = answer;
    if (status >= 200 && status < 300) return this.#deliver();
    if (status === 413) return this.#halve();
    if (status === 429) {
      this.#waitUntil = after(now, retryAfterMs(retryAfter));
      return;
    }
    if (status === 408 || status >= 500) return this.#retry(now);
    if (REDIRECTS.includes(status)) return this.#follow(location);
    this.#refuse();
  }

  #deliver(): void {
    const part = this.#takePart();
    if (part !== undefined) this.#delivered.push(part);
  }

  /** A single record that is too large stays where it is. */
  #halve(): void {
    const part = this.#takePart();
    if (part === undefined) return;
    const { from, to } = part;
    if (to - from === 1) {
      this.#outcome = "refused";
      return;
    }
    const middle = from + ((to - from) >> 1);
    this.#parts.push({ from: middle, to }, { from, to: middle });
  }

  #refuse(): void {
    this.#takePart();
    this.#outcome = "refused";
  }

  #retry(now: Instant): void {
    const delayMs = this.#backoff.next();
    if (delayMs !== undefined) {
      this.#waitUntil = after(now, delayMs);
      return;
    }
    this.#parts.length = 0;
    this.#outcome = "unreachable";
  }

  #follow(location: string | null): void {
    const target = location === null
      ? undefined
      : secureUrl(location, this.#target);
    if (target === undefined || this.#redirects === MAX_REDIRECTS) {
      return this.#refuse();
    }
    this.#redirects++;
    this.#target = target;
  }

  /** Takes the part that was just answered. The next one starts where the portal said, not where it was redirected to. */
  #takePart(): { readonly from: number; readonly to: number } | undefined {
    this.#target = this.#url;
    this.#redirects = 0;
    return this.#parts.pop();
  }
}

/** Reads whole seconds. Anything else counts as absent. */
function retryAfterMs(header: string | null): number {
  const seconds = /^\d+$/.test(header?.trim() ?? "")
    ? Number(header)
    : DEFAULT_RETRY_AFTER_S;
  return Math.min(seconds, MAX_RETRY_AFTER_S) * 1_000;
}
