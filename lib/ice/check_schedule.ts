import { after, earlier, elapsedMs, type Instant, NEVER } from "../base/mod.ts";
import type { IceRole } from "./priority.ts";

/** How often a pair is checked, p2p spec §2.9. */
export interface CheckTiming {
  /** Wait before the second check, in ms. */
  readonly initialMs: number;
  /** Longest wait between checks, in ms. */
  readonly maxMs: number;
  /** How many checks in a row may stay unanswered. */
  readonly retransmits: number;
  /** How much too early a check may leave to go together with one that is due, in ms; not at all unless told. */
  readonly earlyMs?: number;
}

/**
 * Checks of an idle connection leave together. Our own choice: a tenth of the wait.
 *
 * Deviation: upstream checks each pair by itself. Pairs were formed one after
 * the other, and would wake both sides each by itself for life. One wait of
 * 22.5 s or more brings them in step; all further ones are of 25 s.
 */
const IDLE_EARLY_MS = 2_500;

/** A gateway with a peer that exchanges packets: declares an established pair dead after 615.5 s. */
export const GATEWAY_ACTIVE: CheckTiming = {
  initialMs: 250,
  maxMs: 15_000,
  retransmits: 45,
};

/** A gateway with an idle peer: 1000 s. */
export const GATEWAY_IDLE: CheckTiming = {
  initialMs: 25_000,
  maxMs: 25_000,
  retransmits: 40,
  earlyMs: IDLE_EARLY_MS,
};

/** A client that exchanges packets: 16.5 s. */
export const CLIENT_ACTIVE: CheckTiming = {
  initialMs: 250,
  maxMs: 1500,
  retransmits: 12,
};

/** An idle client: 100 s. */
export const CLIENT_IDLE: CheckTiming = {
  initialMs: 25_000,
  maxMs: 25_000,
  retransmits: 4,
  earlyMs: IDLE_EARLY_MS,
};

/** Returns how often pairs are checked by one side of a connection that exchanges packets, or does not. A gateway is patient: it is the client that decides. */
export function checkTiming(
  role: IceRole,
  pace: "active" | "idle",
): CheckTiming {
  if (role === "controlling") {
    return pace === "active" ? CLIENT_ACTIVE : CLIENT_IDLE;
  }
  return pace === "active" ? GATEWAY_ACTIVE : GATEWAY_IDLE;
}

/** Checks of the peer that may fail to come on one pair while others arrive. At a loss of 20 % five in a row are lost every hour or so. */
const MISSED_CHECKS = 5;

/** Returns after what silence on a pair, in ms, the controlling side must have given it up, if it goes on checking others. */
export function abandonedAfterMs(timing: CheckTiming): number {
  const isIdle = timing.maxMs >= CLIENT_IDLE.maxMs;
  return MISSED_CHECKS * (isIdle ? CLIENT_IDLE : CLIENT_ACTIVE).maxMs;
}

/** A pair on which the peer checked us within this time stays, whatever becomes of our own checks. */
const PEER_ALIVE_MS = 15_000;

/** One check that was sent. */
export interface Attempt {
  /** When it was sent. */
  readonly sentAt: Instant;
}

/**
 * When one pair is checked, and when it is given up, p2p spec §2.9.
 *
 * The due time is fixed at each send, response and change of timing, and holds
 * until the next of them: a pair whose replies stop still waits out the
 * interval it is in before it speeds up.
 */
export class CheckSchedule {
  #timing: CheckTiming;
  /** The last checks, as far back as none was answered. */
  #unanswered: Attempt[] = [];
  /** How many checks are remembered, answered or not. */
  #remembered = 0;
  #lastSentAt: Instant | undefined;
  #checkAt: Instant;
  #deadAt: Instant = NEVER;
  #peerCheckedAt: Instant | undefined;

  /** Creates the schedule of a pair that is checked at once. */
  constructor(timing: CheckTiming, now: Instant) {
    this.#timing = timing;
    this.#checkAt = now;
  }

  /** When the next check is due, or, once the pair has used up its checks, when it is dead. */
  get dueAt(): Instant {
    return earlier(this.#checkAt, this.#deadAt);
  }

  /** When the last valid request of the peer arrived on this pair, if one did. */
  get peerCheckedAt(): Instant | undefined {
    return this.#peerCheckedAt;
  }

  /** Tells whether a check is due. */
  isDue(now: Instant): boolean {
    return now >= this.#checkAt;
  }

  /** Tells whether a check may go with another one that is due. */
  mayJoin(now: Instant): boolean {
    return after(now, this.#timing.earlyMs ?? 0) >= this.#checkAt;
  }

  /** Tells whether the pair is beyond hope. */
  isDead(now: Instant): boolean {
    return now >= this.#deadAt;
  }

  /** Makes the next check due at once, for a nomination. */
  expedite(now: Instant): void {
    this.#checkAt = now;
  }

  /** Notes that a check was sent, and returns the record to hand back when its response comes. */
  noteSent(now: Instant): Attempt {
    const attempt: Attempt = { sentAt: now };
    this.#unanswered.push(attempt);
    this.#remembered++;
    this.#lastSentAt = now;
    this.#forgetOldest();
    this.#checkAt = this.#nextCheckAt(now);
    this.#deadAt = this.#hopeUntil();
    return attempt;
  }

  /** Notes the response to `attempt`. */
  noteAnswered(attempt: Attempt, now: Instant): void {
    // Of those before it nothing is of interest any more.
    const answered = this.#unanswered.indexOf(attempt);
    this.#unanswered.splice(0, answered + 1);
    this.#reschedule(now);
  }

  /** Notes a valid request from the peer on this pair. */
  notePeerCheck(now: Instant): void {
    this.#peerCheckedAt = now;
    this.#deadAt = this.#hopeUntil();
  }

  /** Switches to another timing. */
  setTiming(timing: CheckTiming, now: Instant): void {
    this.#timing = timing;
    this.#forgetOldest();
    this.#reschedule(now);
  }

  /** Leaves a check that is due already where it is. */
  #reschedule(now: Instant): void {
    if (this.#checkAt > now) this.#checkAt = this.#nextCheckAt(now);
    this.#deadAt = this.#hopeUntil();
  }

  /** Waits grow with the checks remembered; in a row of unanswered ones, once it is old enough to mean something, only these count. */
  #nextCheckAt(now: Instant): Instant {
    const sentAt = this.#lastSentAt;
    if (sentAt === undefined) return now;
    const [first] = this.#unanswered;
    const isOld = first !== undefined &&
      elapsedMs(first.sentAt, now) > this.#timing.maxMs / 2;
    const counted = isOld ? this.#unanswered.length : this.#remembered;
    return earlier(
      after(sentAt, this.#delayMs(counted)),
      after(now, this.#timing.maxMs),
    );
  }

  #hopeUntil(): Instant {
    const { retransmits } = this.#timing;
    const last = this.#unanswered.at(-1);
    if (!last || this.#unanswered.length < retransmits) return NEVER;
    const own = after(last.sentAt, this.#delayMs(retransmits));
    if (this.#peerCheckedAt === undefined) return own;
    const peers = after(this.#peerCheckedAt, PEER_ALIVE_MS);
    return own > peers ? own : peers;
  }

  #delayMs(attempts: number): number {
    const { initialMs, maxMs, retransmits } = this.#timing;
    if (attempts === 0) return 0;
    const doublings = Math.min(attempts - 1, retransmits);
    return Math.min(initialMs * 2 ** doublings, maxMs);
  }

  #forgetOldest(): void {
    const { retransmits } = this.#timing;
    this.#remembered = Math.min(this.#remembered, retransmits);
    const surplus = this.#unanswered.length - retransmits;
    if (surplus > 0) this.#unanswered.splice(0, surplus);
  }
}
