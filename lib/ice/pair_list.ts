import {
  equalSocketAddresses,
  type Instant,
  type SocketAddress,
} from "../base/mod.ts";
import type { Candidate } from "./candidate.ts";
import {
  CandidatePair,
  type LocalCandidate,
  priorityOf,
} from "./candidate_pair.ts";
import type { IceRole } from "./priority.ts";
import type { CheckTiming } from "./check_schedule.ts";

/** Most pairs of one agent, p2p spec §2.6. */
const MAX_PAIRS = 100;

/** Where packets leave from and go to. */
export interface Path {
  /** Our socket or relayed address. */
  readonly base: SocketAddress;
  /** The peer's address. */
  readonly address: SocketAddress;
}

/**
 * The pairs of one agent, at most one for each (local base, remote address), p2p spec §2.6.
 */
export class PairList {
  readonly #role: IceRole;
  #pairs: CandidatePair[] = [];

  /** Creates an empty list. */
  constructor(role: IceRole) {
    this.#role = role;
  }

  /** The number of pairs. */
  get size(): number {
    return this.#pairs.length;
  }

  /** Returns all pairs. */
  values(): readonly CandidatePair[] {
    return this.#pairs;
  }

  /** Tells whether the pair is still in use. */
  has(pair: CandidatePair): boolean {
    return this.#pairs.includes(pair);
  }

  /**
   * Pairs two candidates of one family.
   *
   * Where a pair with these addresses exists, the better candidates take it over with all that is known about the path.
   * Beyond the limit the worst pair is dropped, but never `kept`.
   */
  form(
    local: LocalCandidate,
    remote: Candidate,
    timing: CheckTiming,
    now: Instant,
    kept: CandidatePair | undefined,
  ): void {
    if (local.address.ip.family !== remote.address.ip.family) return;
    const existing = this.find(local.base, remote.address);
    if (existing) {
      const isBetter =
        priorityOf(this.#role, local, remote) > existing.priority;
      if (isBetter) existing.replaceEnds(local, remote);
      return;
    }
    const pair = new CandidatePair(this.#role, local, remote, timing, now);
    this.#pairs.push(pair);
    if (this.#pairs.length > MAX_PAIRS) this.#dropWorst(kept);
  }

  /** Returns the pair between our `base` and the peer's `address`. */
  find(
    base: SocketAddress,
    address: SocketAddress,
  ): CandidatePair | undefined {
    for (const pair of this.#pairs) {
      const isIt = equalSocketAddresses(pair.remote.address, address) &&
        equalSocketAddresses(pair.local.base, base);
      if (isIt) return pair;
    }
    return undefined;
  }

  /** Puts `candidate` in place of another remote candidate with the same address. */
  replaceRemote(replaced: Candidate, candidate: Candidate): void {
    for (const pair of this.#pairs) {
      if (pair.remote === replaced) pair.replaceEnds(pair.local, candidate);
    }
  }

  /** Removes all pairs that satisfy `predicate`, and tells whether there were any. */
  remove(predicate: (pair: CandidatePair) => boolean): boolean {
    if (!this.#pairs.some(predicate)) return false;
    this.#pairs = this.#pairs.filter((pair) => !predicate(pair));
    return true;
  }

  /** Returns the pair with the highest priority among those that satisfy `predicate`. */
  best(predicate: (pair: CandidatePair) => boolean): CandidatePair | undefined {
    let best: CandidatePair | undefined;
    for (const pair of this.#pairs) {
      if (!predicate(pair)) continue;
      if (!best || pair.priority > best.priority) best = pair;
    }
    return best;
  }

  #dropWorst(kept: CandidatePair | undefined): void {
    let worst: CandidatePair | undefined;
    for (const pair of this.#pairs) {
      if (pair === kept) continue;
      if (!worst || pair.priority < worst.priority) worst = pair;
    }
    this.#pairs = this.#pairs.filter((pair) => pair !== worst);
  }
}

/** Tells whether the pair sends from and to the ends of `path`. */
export function isOnPath(pair: CandidatePair, path: Path): boolean {
  return equalSocketAddresses(pair.local.base, path.base) &&
    equalSocketAddresses(pair.remote.address, path.address);
}
