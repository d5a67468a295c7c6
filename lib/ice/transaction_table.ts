import { elapsedMs, type Instant } from "../base/mod.ts";
import type { Agent } from "./agent.ts";
import type { CandidatePair } from "./candidate_pair.ts";
import type { Attempt } from "./check_schedule.ts";

/** A response that comes later than this is ignored, p2p spec §2.8. */
const RESPONSE_TIMEOUT_MS = 10_000;

/** A check that waits for its response. */
export interface PendingCheck {
  /** Who sent it. */
  readonly agent: Agent;
  /** The pair it was sent on. */
  readonly pair: CandidatePair;
  /** The entry in the pair's schedule. */
  readonly attempt: Attempt;
}

/**
 * The checks of all agents of a node that wait for a response.
 *
 * Shared, so that a response, which names nothing but its transaction, finds
 * its agent by one look-up. Holds what the agents sent in the last 10 s.
 */
export class TransactionTable {
  /** In the order in which they were sent. */
  readonly #pending = new Map<string, PendingCheck>();

  /** The number of checks that wait. */
  get size(): number {
    return this.#pending.size;
  }

  /** Remembers a check that is being sent. */
  add(transactionId: string, check: PendingCheck, now: Instant): void {
    this.#forgetOld(now);
    this.#pending.set(transactionId, check);
  }

  /** Returns the check that waits for a response with this transaction id, in lower-case hex. */
  find(transactionId: string, now: Instant): PendingCheck | undefined {
    const check = this.#pending.get(transactionId);
    return check && !isOld(check, now) ? check : undefined;
  }

  /** Forgets a check: only its first response counts. */
  delete(transactionId: string): void {
    this.#pending.delete(transactionId);
  }

  #forgetOld(now: Instant): void {
    for (const [id, check] of this.#pending) {
      if (!isOld(check, now)) return;
      this.#pending.delete(id);
    }
  }
}

function isOld(check: PendingCheck, now: Instant): boolean {
  return elapsedMs(check.attempt.sentAt, now) > RESPONSE_TIMEOUT_MS;
}
