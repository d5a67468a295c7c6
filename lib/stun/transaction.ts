import {
  after,
  elapsedMs,
  type Instant,
  type RandomSource,
  shortLivedBytes,
} from "../base/mod.ts";
import { TRANSACTION_ID_LENGTH } from "../wire/mod.ts";

/** How long and how often a request is repeated. */
export interface RetransmitPolicy {
  /** Wait after the first transmission, in ms. */
  readonly firstWaitMs: number;
  /** Factor of each further wait. */
  readonly backoff: number;
  /** The request has failed once this much time has passed since the first transmission, in ms. */
  readonly budgetMs: number;
}

/** Transmissions at 0, 1, 2.5 and 4.75 s, failure at 8.125 s (p2p spec §4.5). */
export const STANDARD_POLICY: RetransmitPolicy = {
  firstWaitMs: 1000,
  backoff: 1.5,
  budgetMs: 8000,
};

/** One transmission and 1 s to answer it: for a relay that may be gone (p2p spec §4.5, §4.9). */
export const SINGLE_SHOT_POLICY: RetransmitPolicy = {
  firstWaitMs: 1000,
  backoff: 1,
  budgetMs: 1000,
};

/** Returns a fresh transaction id. */
export function newTransactionId(random: RandomSource): Uint8Array {
  const id = shortLivedBytes(TRANSACTION_ID_LENGTH);
  random.fill(id);
  return id;
}

/** The clock of one request: when to send it again, and when to give up. */
export class Retransmission {
  /** When the first transmission was made. */
  readonly startedAt: Instant;
  readonly #policy: RetransmitPolicy;
  #waitMs: number;
  #dueAt: Instant;

  /** Starts with a transmission at `now`. */
  constructor(policy: RetransmitPolicy, now: Instant) {
    this.startedAt = now;
    this.#policy = policy;
    this.#waitMs = policy.firstWaitMs;
    this.#dueAt = after(now, this.#waitMs);
  }

  /** When `advance` has something to say. */
  get dueAt(): Instant {
    return this.#dueAt;
  }

  /** Tells what to do at `now`. After `retransmit` the next wait has begun. */
  advance(now: Instant): "wait" | "retransmit" | "give-up" {
    if (now < this.#dueAt) return "wait";
    if (elapsedMs(this.startedAt, now) >= this.#policy.budgetMs) {
      return "give-up";
    }
    this.#waitMs *= this.#policy.backoff;
    this.#dueAt = after(now, this.#waitMs);
    return "retransmit";
  }
}
