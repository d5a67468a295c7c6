import { after, elapsedMs, type Instant, NEVER } from "../base/mod.ts";
import {
  FIRST_PROBE_GAPS_MS,
  MAX_OUTSTANDING_PROBES,
  PRIMARY_PROBE_GAP_MS,
  PROBE_BUDGET,
  PROBE_GAP_MS,
} from "./constants.ts";

/** What a pair is to its agent: the primary, one beside a primary, or one of many while there is none. */
export type PairStanding = "primary" | "spare" | "contender";

interface Outstanding {
  readonly sequence: number;
  readonly sentAt: Instant;
}

/** When one pair is probed and what came of it, p2p spec §3.5. */
export class Probes {
  #outstanding: Outstanding[] = [];
  #sequence = 0;
  /** Since the last restart. */
  #sentCount = 0;
  #restartedAt: Instant = NEVER;
  #lastSentAt: Instant = NEVER;
  #roundTripMs: number | undefined;

  /** Smoothed round-trip time; `undefined` while no probe was answered. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Whether enough probes went unanswered to take the path for dead. */
  get isSilent(): boolean {
    return this.#roundTripMs === undefined &&
      this.#sentCount > FIRST_PROBE_GAPS_MS.length;
  }

  /** Begins with the first probe again. Probes under way may still be answered. */
  restart(now: Instant): void {
    this.#restartedAt = now;
    this.#sentCount = 0;
    this.#roundTripMs = undefined;
  }

  /** Forgets what was measured, and restarts unless the first probes are still under way. */
  startOver(now: Instant): void {
    this.#roundTripMs = undefined;
    if (this.#restartedAt === NEVER || this.#isSpent()) this.restart(now);
  }

  /** Returns when the next probe is due. */
  dueAt(standing: PairStanding): Instant {
    if (this.#restartedAt === NEVER) return NEVER;
    if (this.#sentCount === 0) return this.#restartedAt;
    if (!this.#isSpent() || standing === "contender") {
      const gapMs = FIRST_PROBE_GAPS_MS[this.#sentCount - 1] ?? PROBE_GAP_MS;
      return after(this.#lastSentAt, gapMs);
    }
    return standing === "primary"
      ? after(this.#lastSentAt, PRIMARY_PROBE_GAP_MS)
      : NEVER;
  }

  /** Notes that a probe is sent. Returns its sequence number. */
  noteSent(now: Instant): number {
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) & 0xffff;
    this.#sentCount++;
    this.#lastSentAt = now;
    this.#outstanding.push({ sequence, sentAt: now });
    if (this.#outstanding.length > MAX_OUTSTANDING_PROBES) {
      this.#outstanding.shift();
    }
    return sequence;
  }

  /** Notes a reply. Returns whether it answers a probe under way. */
  noteReply(sequence: number, now: Instant): boolean {
    const at = this.#outstanding.findIndex((probe) =>
      probe.sequence === sequence
    );
    const [probe] = at < 0 ? [] : this.#outstanding.splice(at, 1);
    if (!probe) return false;
    const sampleMs = elapsedMs(probe.sentAt, now);
    this.#roundTripMs = this.#roundTripMs === undefined
      ? sampleMs
      : (this.#roundTripMs + sampleMs) / 2;
    return true;
  }

  #isSpent(): boolean {
    return this.#sentCount >= PROBE_BUDGET;
  }
}
