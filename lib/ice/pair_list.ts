import {
  equalSocketAddresses,
  formatSocketAddress,
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
  readonly #pairs = new Map<string, CandidatePair>();

  /** Creates an empty list. */
  constructor(role: IceRole) {
    this.#role = role;
  }

  /** The number of pairs. */
  get size(): number {
    return this.#pairs.size;
  }

  /** Returns all pairs. */
  values(): Iterable<CandidatePair> {
    return this.#pairs.values();
  }

  /** Tells whether the pair is still in use. */
  has(pair: CandidatePair): boolean {
    return this.#pairs.get(keyOf(pair.local, pair.remote)) === pair;
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
    const key = keyOf(local, remote);
    const existing = this.#pairs.get(key);
    if (existing) {
      const isBetter =
        priorityOf(this.#role, local, remote) > existing.priority;
      if (isBetter) existing.replaceEnds(local, remote);
      return;
    }
    const pair = new CandidatePair(this.#role, local, remote, timing, now);
    this.#pairs.set(key, pair);
    if (this.#pairs.size > MAX_PAIRS) this.#dropWorst(kept);
  }

  /** Returns the pair between our `base` and the peer's `address`. */
  find(
    base: SocketAddress,
    address: SocketAddress,
  ): CandidatePair | undefined {
    return this.#pairs.get(keyOfAddresses(base, address));
  }

  /** Puts `candidate` in place of another remote candidate with the same address. */
  replaceRemote(replaced: Candidate, candidate: Candidate): void {
    for (const pair of this.#pairs.values()) {
      if (pair.remote === replaced) pair.replaceEnds(pair.local, candidate);
    }
  }

  /** Removes all pairs that satisfy `predicate`, and tells whether there were any. */
  remove(predicate: (pair: CandidatePair) => boolean): boolean {
    const sizeBefore = this.#pairs.size;
    for (const [key, pair] of this.#pairs) {
      if (predicate(pair)) this.#pairs.delete(key);
    }
    return this.#pairs.size < sizeBefore;
  }

  /** Returns the pair with the highest priority among those that satisfy `predicate`. */
  best(predicate: (pair: CandidatePair) => boolean): CandidatePair | undefined {
    let best: CandidatePair | undefined;
    for (const pair of this.#pairs.values()) {
      if (!predicate(pair)) continue;
      if (!best || pair.priority > best.priority) best = pair;
    }
    return best;
  }

  #dropWorst(kept: CandidatePair | undefined): void {
    let worst: [string, CandidatePair] | undefined;
    for (const entry of this.#pairs) {
      if (entry[1] === kept) continue;
      if (!worst || entry[1].priority < worst[1].priority) worst = entry;
    }
    if (worst) this.#pairs.delete(worst[0]);
  }
}

/** Tells whether the pair sends from and to the ends of `path`. */
export function isOnPath(pair: CandidatePair, path: Path): boolean {
  return equalSocketAddresses(pair.local.base, path.base) &&
    equalSocketAddresses(pair.remote.address, path.address);
}

function keyOf(local: LocalCandidate, remote: Candidate): string {
  return keyOfAddresses(local.base, remote.address);
}

function keyOfAddresses(base: SocketAddress, address: SocketAddress): string {
  return `${formatSocketAddress(base)}|${formatSocketAddress(address)}`;
}
