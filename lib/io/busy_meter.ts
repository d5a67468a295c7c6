import { type Instant, instant } from "../base/mod.ts";

/** Over so many ms the busy share is taken. */
const WINDOW_MS = 10_000;

/** The window moves by so many ms. */
const SLOT_MS = 1_000;
const SLOTS = WINDOW_MS / SLOT_MS;

/** Tells how long a thread has had or wanted a processor so far, in ms; `undefined` when nobody counts it. */
export type WantedMs = () => number | undefined;

/**
 * The share of time in which a loop works or would, over the last ten seconds.
 *
 * By the clock a loop is busy while it does not sleep. One that is ready to go
 * on, but that others keep from the processors, seems to sleep: so the larger
 * of this and what the kernel counted for its thread is taken.
 *
 * Noting a sleep allocates nothing but once a slot, when the kernel is asked.
 * Sleeps are much shorter than the window, so each counts wholly in the slot in
 * which it ends.
 */
export class BusyMeter {
  /** Time slept in each slot, in ms. */
  readonly #sleptMs = new Float64Array(SLOTS);
  /** Time that the thread had or wanted a processor, in each slot, in ms. */
  readonly #wantedMs = new Float64Array(SLOTS);
  readonly #readWantedMs: WantedMs;
  readonly #startedAt: Instant;
  /** The number of the slot that is being filled, counted from the start. */
  #slot = 0;
  /** What the thread had or wanted at the last look. */
  #wantedSoFarMs: number;

  /** Starts with an empty window. `readWantedMs` is asked on the loop's own thread. */
  constructor(now: Instant, readWantedMs: WantedMs = () => undefined) {
    this.#startedAt = now;
    this.#readWantedMs = readWantedMs;
    this.#wantedSoFarMs = readWantedMs() ?? 0;
  }

  /** Notes that the loop slept. */
  noteSleep(from: Instant, to: Instant): void {
    this.#advance(to);
    this.#sleptMs[this.#slot % SLOTS]! += to - from;
  }

  /** Returns the busy share from 0 to 1. */
  share(now: Instant): number {
    this.#advance(now);
    this.#wantedMs[this.#slot % SLOTS]! += this.#newlyWantedMs();
    const slotStart = instant(this.#startedAt + this.#slot * SLOT_MS);
    const fullSlots = Math.min(this.#slot, SLOTS - 1);
    const windowMs = fullSlots * SLOT_MS + (now - slotStart);
    if (windowMs <= 0) return 0;
    const awakeMs = windowMs - total(this.#sleptMs);
    const neededMs = Math.max(awakeMs, total(this.#wantedMs));
    return Math.min(1, Math.max(0, neededMs / windowMs));
  }

  #advance(now: Instant): void {
    const slot = Math.floor((now - this.#startedAt) / SLOT_MS);
    const passed = slot - this.#slot;
    if (passed <= 0) return;
    const wantedMs = this.#newlyWantedMs() / passed;
    const steps = Math.min(passed, SLOTS);
    for (let step = 1; step <= steps; step++) {
      const next = slot - steps + step;
      this.#wantedMs[(next - 1) % SLOTS]! += wantedMs;
      this.#sleptMs[next % SLOTS] = 0;
      this.#wantedMs[next % SLOTS] = 0;
    }
    this.#slot = slot;
  }

  /** Asks the kernel for what came since the last time. */
  #newlyWantedMs(): number {
    const soFarMs = this.#readWantedMs();
    if (soFarMs === undefined) return 0;
    const newMs = soFarMs - this.#wantedSoFarMs;
    this.#wantedSoFarMs = soFarMs;
    return newMs;
  }
}

function total(slots: Float64Array): number {
  return slots.reduce((sum, ms) => sum + ms, 0);
}
