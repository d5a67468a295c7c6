import { after, type Instant, NEVER } from "../base/mod.ts";
import { INITIATION_GAPS_MS } from "./constants.ts";

/** When copies of our first initiation are sent on one pair, p2p spec §3.3: a ladder that is climbed once. */
export class InitiationLadder {
  #isStarted = false;
  #rung = 0;
  #dueAt: Instant = NEVER;

  /** Whether the first copy was sent. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** When the next copy is due. */
  get dueAt(): Instant {
    return this.#dueAt;
  }

  /** Notes the first copy, which is sent at `now`. */
  start(now: Instant): void {
    this.#isStarted = true;
    this.#arm(now);
  }

  /** Notes a copy that was due. */
  climb(now: Instant): void {
    this.#rung++;
    this.#arm(now);
  }

  /** Sends no more copies. */
  stop(): void {
    this.#dueAt = NEVER;
  }

  #arm(now: Instant): void {
    const gapMs = INITIATION_GAPS_MS[this.#rung];
    this.#dueAt = gapMs === undefined ? NEVER : after(now, gapMs);
  }
}
