import { type Instant, instant } from "../base/mod.ts";

/** Over so many ms the busy share is taken. */
const WINDOW_MS = 10_000;

/** The window moves by so many ms. */
const SLOT_MS = 1_000;
const SLOTS = WINDOW_MS / SLOT_MS;

/**
 * The share of time in which a loop does not sleep, over the last ten seconds.
 *
 * Noting a sleep allocates nothing. Sleeps are much shorter than the window,
 * so each counts wholly in the slot in which it ends.
 */
export class BusyMeter {
  /** Time slept in each slot, in ms. */
  readonly #sleptMs = new Float64Array(SLOTS);
  readonly #startedAt: Instant;
  /** The number of the slot that is being filled, counted from the start. */
  #slot = 0;

  /** Starts with an empty window. */
  constructor(now: Instant) {
    this.#startedAt = now;
  }

  /** Notes that the loop slept. */
  noteSleep(from: Instant, to: Instant): void {
    this.#advance(to);
    this.#sleptMs[this.#slot % SLOTS]! += to - from;
  }

  /** Returns the busy share from 0 to 1. */
  share(now: Instant): number {
    this.#advance(now);
    const slotStart = instant(this.#startedAt + this.#slot * SLOT_MS);
    const fullSlots = Math.min(this.#slot, SLOTS - 1);
    const windowMs = fullSlots * SLOT_MS + (now - slotStart);
    if (windowMs <= 0) return 0;
    const sleptMs = this.#sleptMs.reduce((sum, ms) => sum + ms, 0);
    return Math.min(1, Math.max(0, 1 - sleptMs / windowMs));
  }

  #advance(now: Instant): void {
    const slot = Math.floor((now - this.#startedAt) / SLOT_MS);
    const steps = Math.min(slot - this.#slot, SLOTS);
    for (let step = 1; step <= steps; step++) {
      this.#sleptMs[(slot - steps + step) % SLOTS] = 0;
    }
    if (slot > this.#slot) this.#slot = slot;
  }
}
