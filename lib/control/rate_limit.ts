import { elapsedMs, type Instant } from "../base/mod.ts";
import { CONNECT_INTERVAL_MS, MAX_RATE_BUCKETS } from "./constants.ts";

/** Allows one connect attempt per key and second, for a bounded number of keys (portal spec §7.5). */
export class RateLimit {
  readonly #allowedAt = new Map<string, Instant>();

  /** Tells whether an attempt of `key` may go on, and if so counts it. */
  allow(key: string, now: Instant): boolean {
    const last = this.#allowedAt.get(key);
    if (last !== undefined && elapsedMs(last, now) < CONNECT_INTERVAL_MS) {
      return false;
    }
    this.#allowedAt.delete(key); // The map stays in order of time.
    this.#makeRoom();
    this.#allowedAt.set(key, now);
    return true;
  }

  #makeRoom(): void {
    if (this.#allowedAt.size < MAX_RATE_BUCKETS) return;
    const [oldest] = this.#allowedAt.keys();
    if (oldest !== undefined) this.#allowedAt.delete(oldest);
  }
}
