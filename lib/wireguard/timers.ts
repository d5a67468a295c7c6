import {
  after,
  earlier,
  type Instant,
  NEVER,
  type RandomSource,
  randomUnit,
} from "../base/mod.ts";
import {
  EXPIRE_AFTER_TIME_MS,
  MAX_JITTER_MS,
  REJECT_AFTER_TIME_MS,
  REKEY_AFTER_TIME_MS,
  type TunnelTiming,
} from "./constants.ts";

/** What a tunnel has to do. */
export type TimerAction = "none" | "expire" | "initiate" | "keepalive";

/**
 * The timers of one tunnel, p2p spec §5.7.
 *
 * Holds when things last happened; deadlines are computed from that, so that
 * no event can forget to move one. While an initiation is unanswered only the
 * timers of the handshake run.
 */
export class TunnelTimers {
  readonly #timing: TunnelTiming;
  readonly #random: RandomSource;
  /** The last new session, or the creation of the tunnel. */
  #renewedAt: Instant;
  /** Whether the last new session came from an initiation of ours. */
  #initiatedLast = false;
  /** First data sent since the last new session. */
  #dataSentAt: Instant = NEVER;
  /** First data received since the last new session. */
  #dataReceivedAt: Instant = NEVER;
  /** First data sent since anything authentic was received. */
  #unansweredSince: Instant = NEVER;
  /** Last data received, unless anything was sent after it. */
  #unacknowledgedAt: Instant = NEVER;
  /** First initiation of the attempt under way. */
  #attemptStartedAt: Instant = NEVER;
  /** Last initiation of the attempt under way. */
  #initiatedAt: Instant = NEVER;
  /** What the next initiation that a timer starts is delayed by. */
  #jitterMs: number;

  /** Starts the timers of a tunnel without a session. */
  constructor(timing: TunnelTiming, now: Instant, random: RandomSource) {
    this.#timing = timing;
    this.#random = random;
    this.#renewedAt = now;
    this.#jitterMs = this.#drawJitter();
  }

  /** Whether an initiation of ours waits for its response. */
  get isAttempting(): boolean {
    return this.#attemptStartedAt !== NEVER;
  }

  /** An initiation was sent, the first of an attempt or another one. */
  noteInitiation(now: Instant): void {
    if (!this.isAttempting) this.#attemptStartedAt = now;
    this.#initiatedAt = now;
    this.#jitterMs = this.#drawJitter();
    this.noteSent();
  }

  /** A session came to be, which also ends our attempt. */
  noteSession(isInitiator: boolean, now: Instant): void {
    this.#renewedAt = now;
    this.#initiatedLast = isInitiator;
    this.#dataSentAt = NEVER;
    this.#dataReceivedAt = NEVER;
    this.#attemptStartedAt = NEVER;
    this.#initiatedAt = NEVER;
    this.#jitterMs = this.#drawJitter();
  }

  /** A message of any kind was sent. */
  noteSent(): void {
    this.#unacknowledgedAt = NEVER;
  }

  /** Data, not a keepalive, was sent. */
  noteDataSent(now: Instant): void {
    this.noteSent();
    if (this.#dataSentAt === NEVER) this.#dataSentAt = now;
    if (this.#unansweredSince === NEVER) this.#unansweredSince = now;
  }

  /** An authentic message of any kind was received. */
  noteReceived(): void {
    this.#unansweredSince = NEVER;
  }

  /** Data, not a keepalive, was received. Comes after `noteReceived`. */
  noteDataReceived(now: Instant): void {
    if (this.#dataReceivedAt === NEVER) this.#dataReceivedAt = now;
    this.#unacknowledgedAt = now;
  }

  /** Returns what is due at `now`. */
  due(now: Instant): TimerAction {
    if (now >= this.#expireAt()) return "expire";
    if (now >= this.#initiateAt()) return "initiate";
    if (now >= this.#keepaliveAt()) return "keepalive";
    return "none";
  }

  /** Returns when something is due. */
  deadline(): Instant {
    const initiateOrKeepalive = earlier(
      this.#initiateAt(),
      this.#keepaliveAt(),
    );
    return earlier(this.#expireAt(), initiateOrKeepalive);
  }

  #expireAt(): Instant {
    return earlier(
      after(this.#renewedAt, EXPIRE_AFTER_TIME_MS),
      after(this.#attemptStartedAt, this.#timing.rekeyAttemptMs),
    );
  }

  #initiateAt(): Instant {
    const decidedAt = this.isAttempting
      ? after(this.#initiatedAt, this.#timing.rekeyTimeoutMs)
      : earlier(this.#noAnswerAt(), this.#replaceSessionAt());
    return after(decidedAt, this.#jitterMs);
  }

  #noAnswerAt(): Instant {
    const { keepaliveMs, rekeyTimeoutMs } = this.#timing;
    return after(this.#unansweredSince, keepaliveMs + rekeyTimeoutMs);
  }

  /** Only the side that initiated a session replaces it, or both would. */
  #replaceSessionAt(): Instant {
    if (!this.#initiatedLast) return NEVER;
    const { keepaliveMs, rekeyTimeoutMs } = this.#timing;
    const receiverAgeMs = REJECT_AFTER_TIME_MS - keepaliveMs - rekeyTimeoutMs;
    const asSender = later(this.#dataSentAt, this.#aged(REKEY_AFTER_TIME_MS));
    const asReceiver = later(this.#dataReceivedAt, this.#aged(receiverAgeMs));
    const atItsEnd = this.#aged(REJECT_AFTER_TIME_MS);
    return earlier(earlier(asSender, asReceiver), atItsEnd);
  }

  #keepaliveAt(): Instant {
    if (this.isAttempting) return NEVER;
    return after(this.#unacknowledgedAt, this.#timing.keepaliveMs);
  }

  #aged(ms: number): Instant {
    return after(this.#renewedAt, ms);
  }

  #drawJitter(): number {
    return randomUnit(this.#random) * MAX_JITTER_MS;
  }
}

function later(a: Instant, b: Instant): Instant {
  return a > b ? a : b;
}
