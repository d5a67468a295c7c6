import { elapsedMs, equalBytes, type Instant, readU32 } from "../base/mod.ts";
import type { Agent } from "./agent.ts";
import type { CandidatePair } from "./candidate_pair.ts";
import type { Attempt } from "./check_schedule.ts";

/** A response that comes later than this is ignored, p2p spec §2.8. */
const RESPONSE_TIMEOUT_MS = 10_000;

/** A check that waits for its response. */
export interface PendingCheck {
  /** 12 random bytes. */
  readonly transactionId: Uint8Array;
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
  /** By the first word of the transaction id, in the order in which they were sent. */
  readonly #pending = new Map<number, PendingCheck>();

  /** The number of checks that wait. */
  get size(): number {
    return this.#pending.size;
  }

  /** Remembers a check that is being sent. One with the same first word, a chance of 1 in 4 billion, is forgotten, as if its response were lost. */
  add(check: PendingCheck, now: Instant): void {
    this.#forgetOld(now);
    this.delete(check);
    this.#pending.set(keyOf(check.transactionId), check);
  }

  /** Returns the check that waits for a response with this transaction id. */
  find(transactionId: Uint8Array, now: Instant): PendingCheck | undefined {
    const check = this.#pending.get(keyOf(transactionId));
    if (!check || isOld(check, now)) return undefined;
    return equalBytes(check.transactionId, transactionId) ? check : undefined;
  }

  /** Forgets a check: only its first response counts. */
  delete({ transactionId }: PendingCheck): void {
    this.#pending.delete(keyOf(transactionId));
  }

  #forgetOld(now: Instant): void {
    for (const [id, check] of this.#pending) {
      if (!isOld(check, now)) return;
      this.#pending.delete(id);
    }
  }
}

function keyOf(transactionId: Uint8Array): number {
  return readU32(transactionId, 0);
}

function isOld(check: PendingCheck, now: Instant): boolean {
  return elapsedMs(check.attempt.sentAt, now) > RESPONSE_TIMEOUT_MS;
}
