import { elapsedMs, type Instant } from "../base/mod.ts";

/** Shorter stretches say nothing, in ms. */
const MIN_STRETCH_MS = 1_000;

/** Makes a share of processor time out of a sum that only rises. */
export class CpuMeter {
  #at: Instant;
  #processorMs = 0;
  #share = 0;

  /** Starts to measure. */
  constructor(now: Instant) {
    this.#at = now;
  }

  /** Returns how many processors were used, since the last call if that was a while ago. */
  share(processorMs: number, now: Instant): number {
    const tookMs = elapsedMs(this.#at, now);
    if (tookMs < MIN_STRETCH_MS) return this.#share;
    this.#share = (processorMs - this.#processorMs) / tookMs;
    this.#at = now;
    this.#processorMs = processorMs;
    return this.#share;
  }
}
