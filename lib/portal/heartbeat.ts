import { after, type Instant } from "../base/mod.ts";

/** Portal spec §3.2: one every 10 s, the first 10 s after the WebSocket handshake. */
const PERIOD_MS = 10_000;

/** Portal spec §3.2: more outstanding heartbeats than this fail the connection. */
const MAX_UNANSWERED = 3;

/**
 * Proves that a portal connection is alive, or finds out that it is not.
 *
 * The schedule is fixed by the handshake and independent of other traffic.
 * Only heartbeats that were handed to the socket count as outstanding; ticks
 * missed while the socket was blocked or the machine asleep are skipped.
 */
export class Heartbeat {
  #nextAt: Instant;
  #due = false;
  readonly #unanswered = new Set<number>();

  /** Starts the schedule of a connection that was established at `now`. */
  constructor(now: Instant) {
    this.#nextAt = after(now, PERIOD_MS);
  }

  /** Whether one wants to be written. */
  get due(): boolean {
    return this.#due;
  }

  /** Whether so many are unanswered that the connection must be dead. */
  get lost(): boolean {
    return this.#unanswered.size > MAX_UNANSWERED;
  }

  /** Notes that one was handed to the socket under `ref`. */
  handleWritten(ref: number): void {
    this.#due = false;
    this.#unanswered.add(ref);
  }

  /** Notes the reply to `ref`. Returns `false` for a reply to something else. */
  handleReply(ref: number): boolean {
    return this.#unanswered.delete(ref);
  }

  /** Advances to `now`. */
  handleTimeout(now: Instant): void {
    if (now < this.#nextAt) return;

    this.#due = true;
    const missed = Math.floor((now - this.#nextAt) / PERIOD_MS);
    this.#nextAt = after(this.#nextAt, (missed + 1) * PERIOD_MS);
  }

  /** When the next one becomes due. */
  pollTimeout(): Instant {
    return this.#nextAt;
  }
}
