import { after, type Instant, instant } from "./time.ts";

/** Milliseconds of allowance that can be saved up: as many tokens at once as there are in a second. */
const SAVINGS_MS = 1_000;

/** Lets things pass at a rate, and as many at once as pass in a second. Allocates nothing. */
export class TokenBucket {
  readonly #intervalMs: number;
  /** When all tokens that were taken have been paid for. */
  #paidAt: Instant = instant(-Infinity);

  /** Creates a full bucket. */
  constructor(ratePerSecond: number) {
    this.#intervalMs = 1_000 / ratePerSecond;
  }

  /** Takes a token, if there is one. */
  take(now: Instant): boolean {
    const savedUpAt = after(now, -SAVINGS_MS);
    const paidAt = this.#paidAt > savedUpAt ? this.#paidAt : savedUpAt;
    if (paidAt >= now) return false;
    this.#paidAt = after(paidAt, this.#intervalMs);
    return true;
  }
}
