import { elapsedMs, type Instant, mixWord, NEVER } from "../base/mod.ts";

/** Flows are told apart by so many buckets. Two that share one share their fate until the next overload. */
const BUCKETS = 1_024;
const BUCKET_MASK = BUCKETS - 1;

/** What a packet costs beside its bytes, in bytes of sealing and copying: a small one costs a fourth of a large one. */
const PACKET_COST_BYTES = 300;

/** How long a queue must not have run empty for us to ask whether the kernel drops, and how long one measurement takes, in ms. */
const INTERVAL_MS = 10;

/** Least time between two such questions, in ms. */
const ASK_INTERVAL_MS = 50;

/** How much of our time is planned for. With the rest a queue that stands is emptied. */
const LOAD = 0.9;

/** What is let through is never less than this part of what it was when the overload began. */
const FLOOR = 0.25;

/** After so many intervals in which nothing had to be dropped the overload is over: 1 s. */
const QUIET_INTERVALS = 100;

/**
 * Shares what one queue of the kernel holds among the flows in it, when that is more than we can carry.
 *
 * The kernel knows one queue and drops what comes last, whoever sends it, so
 * one heavy flow makes all others late and lossy. Drop policy: as long as the
 * kernel drops nothing, neither do we. Once it does, the queue is emptied
 * faster than it fills: each flow may have its max-min fair share of what we
 * can carry, and what a flow sends beyond that is dropped before any work is
 * spent on it, evenly over its packets. A flow below its share loses nothing,
 * and nothing is queued here, so the order within a flow stays what it was.
 * A flow that is alone has nobody to share with. It ends when nothing has had
 * to be dropped for a second.
 */
export class FairShare {
  readonly #isLosing: () => boolean;
  /** Cost of what came in this interval, by bucket. */
  readonly #arrived = new Float64Array(BUCKETS);
  /** Which part of a bucket's packets may pass, and how much of that is unused. */
  readonly #ratio = new Float64Array(BUCKETS).fill(1);
  readonly #credit = new Float64Array(BUCKETS);
  #isOverloaded = false;
  #seed: number;
  #begunAt: Instant = NEVER;
  #askAt: Instant;
  #wasEmpty = false;
  #idleMs = 0;
  #admitted = 0;
  #dropped = 0;
  /** What has to pass, as cost per ms; -1 until that is known. */
  #leastRate = -1;
  #quietIntervals = 0;

  /** `seed` is a random 32-bit number. `isLosing` tells whether the kernel has dropped something since it was asked last, or is about to. */
  constructor(now: Instant, seed: number, isLosing: () => boolean) {
    this.#seed = seed;
    this.#isLosing = isLosing;
    this.#askAt = now;
  }

  /** Whether packets have to be admitted. While not, that need not be asked. */
  get isOverloaded(): boolean {
    return this.#isOverloaded;
  }

  /** What the numbers of flows are hashed with: another one in each overload, so that nobody shares a bucket for long. */
  get seed(): number {
    return this.#seed;
  }

  /** Takes note that the queue has run empty. */
  noteEmpty(): void {
    this.#wasEmpty = true;
  }

  /** Takes note that we waited for so long with nothing to do. */
  noteIdle(ms: number): void {
    this.#idleMs += ms;
  }

  /** Tells whether `count` packets of `byteLength` bytes in all may pass. `flow` is a hash with `seed` of what all packets of a flow have. Allocates nothing. */
  admit(flow: number, count: number, byteLength: number): boolean {
    const bucket = flow & BUCKET_MASK;
    const cost = byteLength + count * PACKET_COST_BYTES;
    this.#arrived[bucket]! += cost;
    const ratio = this.#ratio[bucket]!;
    if (ratio < 1) {
      const credit = this.#credit[bucket]! + ratio;
      if (credit < 1) {
        this.#credit[bucket] = credit;
        this.#dropped += count;
        return false;
      }
      this.#credit[bucket] = credit - 1;
    }
    this.#admitted += cost;
    return true;
  }

  /** Advances to `now`, before the queue is read. Returns `true` when an overload begins. */
  advance(now: Instant): boolean {
    if (this.#isOverloaded) {
      this.#measure(now);
      return false;
    }
    if (this.#wasEmpty || this.#begunAt === NEVER) {
      this.#wasEmpty = false;
      this.#begunAt = now;
      return false;
    }
    if (elapsedMs(this.#begunAt, now) < INTERVAL_MS) return false;
    if (elapsedMs(this.#askAt, now) < ASK_INTERVAL_MS) return false;
    this.#askAt = now;
    if (this.#isLosing()) this.#begin(now);
    return this.#isOverloaded;
  }

  #begin(now: Instant): void {
    this.#isOverloaded = true;
    this.#seed = mixWord(this.#seed, 1);
    this.#leastRate = -1;
    this.#quietIntervals = 0;
    this.#ratio.fill(1);
    this.#credit.fill(0);
    this.#startInterval(now);
  }

  #startInterval(now: Instant): void {
    this.#begunAt = now;
    this.#wasEmpty = false;
    this.#idleMs = 0;
    this.#admitted = 0;
    this.#dropped = 0;
    this.#arrived.fill(0);
  }

  #measure(now: Instant): void {
    const ms = elapsedMs(this.#begunAt, now);
    if (ms < INTERVAL_MS) return;
    this.#quietIntervals = this.#dropped === 0 && this.#wasEmpty
      ? this.#quietIntervals + 1
      : 0;
    if (this.#quietIntervals >= QUIET_INTERVALS) this.#isOverloaded = false;
    this.#setRatios(this.#possible(ms));
    this.#startInterval(now);
  }

  /** What can be carried in `ms`: what was, and what could have been in the time that we had nothing to do. */
  #possible(ms: number): number {
    const carried = this.#admitted / ms;
    if (this.#leastRate < 0) this.#leastRate = carried * FLOOR;
    const busyMs = Math.max(ms - this.#idleMs, ms / INTERVAL_MS);
    const possible = LOAD * this.#admitted / busyMs;
    return Math.max(possible, this.#leastRate) * ms;
  }

  /** Gives each bucket what it may have if in the next interval as much comes as in this. */
  #setRatios(total: number): void {
    const share = this.#isShared() ? fairShare(this.#arrived, total) : Infinity;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const arrived = this.#arrived[bucket]!;
      this.#ratio[bucket] = arrived > share ? share / arrived : 1;
    }
  }

  #isShared(): boolean {
    let flows = 0;
    for (const cost of this.#arrived) if (cost > 0) flows++;
    return flows > 1;
  }
}

/** Returns the most that each may have so that all together have `total` at most, and no one less than another who wants no more. */
export function fairShare(wanted: Float64Array, total: number): number {
  let share = 0;
  for (;;) {
    let left = total;
    let greedy = 0;
    for (let i = 0; i < wanted.length; i++) {
      const want = wanted[i]!;
      if (want > share) greedy++;
      else left -= want;
    }
    if (greedy === 0) return Infinity;
    const next = left / greedy;
    if (next <= share) return share;
    share = next;
  }
}
