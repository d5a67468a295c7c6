import { type RandomSource, randomUnit } from "./random.ts";

/** How long to wait between attempts, and for how long in all. */
export interface BackoffPlan {
  /** The first delay. */
  readonly initialMs: number;
  /** What each delay is multiplied by to give the next. */
  readonly factor: number;
  /** Where growth ends, before jitter. */
  readonly maxMs: number;
  /** Whether a delay is multiplied by a random number from 1 to 2. */
  readonly jitter: boolean;
  /** The greatest sum of delays. */
  readonly budgetMs: number;
}

/**
 * The delays of one run of failures.
 *
 * The budget is the sum of the delays handed out, so neither a long healthy
 * time before the first failure nor slow attempts use it up. Create one at the
 * first failure after a success and drop it at the next success.
 */
export class Backoff {
  readonly #plan: BackoffPlan;
  readonly #random: RandomSource;
  #intervalMs: number;
  #spentMs = 0;

  /** Starts a run that has spent nothing. */
  constructor(plan: BackoffPlan, random: RandomSource) {
    this.#plan = plan;
    this.#random = random;
    this.#intervalMs = plan.initialMs;
  }

  /** Returns the next delay in ms, or `undefined` when it would exceed the budget. */
  next(): number | undefined {
    const { factor, maxMs, jitter, budgetMs } = this.#plan;
    const delayMs = this.#intervalMs *
      (jitter ? 1 + randomUnit(this.#random) : 1);
    if (this.#spentMs + delayMs > budgetMs) return undefined;

    this.#spentMs += delayMs;
    this.#intervalMs = Math.min(this.#intervalMs * factor, maxMs);
    return delayMs;
  }
}
