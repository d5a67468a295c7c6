import {
  after,
  type Instant,
  instant,
  isUsableAddress,
  type SocketAddress,
} from "../base/mod.ts";
import {
  isPossible,
  isSamePathCandidate,
  type PathCandidate,
  socketOf,
} from "./candidate.ts";
import { CandidateList } from "./candidate_list.ts";
import {
  MAX_LOCALS_PER_KIND,
  MAX_REFLEXIVE_REMOTES,
  MAX_REMOTES_PER_KIND,
  REFLEXIVE_LIFETIME_MS,
} from "./constants.ts";
import { endsOf, pairKey, type PathEnds, PathPair } from "./pair.ts";

/** The candidates of both sides and the pairs that follow from them, p2p spec §3.5. */
export class PairTable {
  readonly #locals = new CandidateList(MAX_LOCALS_PER_KIND);
  readonly #remotes = new CandidateList(MAX_REMOTES_PER_KIND);
  /** Remote candidates that only packets have revealed. */
  readonly #reflexive = new CandidateList(MAX_REFLEXIVE_REMOTES);
  readonly #pairs = new Map<string, PathPair>();
  /** When the latest of the revealed ones was learned. */
  #learnedAt: Instant = instant(-Infinity);
  #pairCount = 0;

  /** All pairs, oldest first. */
  pairs(): Iterable<PathPair> {
    return this.#pairs.values();
  }

  /** The candidates of ours. */
  locals(): readonly PathCandidate[] {
    return this.#locals.values();
  }

  /** The candidates of the peer, those that packets revealed first. */
  remotes(): readonly PathCandidate[] {
    return [...this.#reflexive.values(), ...this.#remotes.values()];
  }

  /** Returns the pair with these ends. */
  find(ends: PathEnds): PathPair | undefined {
    return this.#pairs.get(pairKey(ends));
  }

  /** Tells whether the pair is still in the table. */
  has(pair: PathPair): boolean {
    return this.find(endsOf(pair.local, pair.remote)) === pair;
  }

  /** Adds a candidate of ours. Returns the pairs that came with it, or `undefined` when it was known. */
  addLocal(candidate: PathCandidate): PathPair[] | undefined {
    if (!isPossible(candidate) || !this.#locals.add(candidate)) {
      return undefined;
    }
    return this.#pairUp();
  }

  /** Removes a candidate of ours. Returns whether it was known. */
  removeLocal(candidate: PathCandidate): boolean {
    if (!this.#locals.remove(candidate)) return false;
    this.#pairUp();
    return true;
  }

  /** Removes all candidates of ours. */
  clearLocals(): void {
    this.#locals.clear();
    this.#pairUp();
  }

  /** Adds a candidate that the peer signalled. Returns the pairs that came with it, or `undefined` when it was known. */
  addRemote(candidate: PathCandidate): PathPair[] | undefined {
    if (!this.#remotes.add(candidate)) return undefined;
    this.#reflexive.removeAt(candidate.address);
    return this.#pairUp();
  }

  /** Removes a candidate that the peer signalled. Returns whether it was known. */
  removeRemote(candidate: PathCandidate): boolean {
    if (!this.#remotes.remove(candidate)) return false;
    this.#pairUp();
    return true;
  }

  /**
   * Takes note of where an authentic packet came from. Returns the pairs that came with it.
   *
   * Deviation: when four such addresses are known the oldest makes room, or a
   * client behind a symmetric NAT that roams often would lose its direct paths
   * for good. But only once it has had its time: between two NATs that give
   * each destination a port of its own and let everybody in, every probe
   * reveals an address, and a pair for it would send further probes.
   */
  learnRemote(address: SocketAddress, now: Instant): PathPair[] {
    const isKnown = this.#remotes.has(address) || this.#reflexive.has(address);
    if (isKnown || !isUsableAddress(address)) return [];
    const isFull = this.#reflexive.values().length >= MAX_REFLEXIVE_REMOTES;
    if (isFull && now < after(this.#learnedAt, REFLEXIVE_LIFETIME_MS)) {
      return [];
    }
    this.#learnedAt = now;
    this.#reflexive.add({ kind: "srflx", address });
    return this.#pairUp();
  }

  /** Makes the pairs that the candidates call for, and returns those that are new. A later candidate with the same ends takes the place of an earlier one. */
  #pairUp(): PathPair[] {
    const wanted = new Map<string, [PathCandidate, PathCandidate]>();
    for (const local of this.#locals.values()) {
      const { family } = socketOf(local).ip;
      for (const remote of this.remotes()) {
        if (remote.address.ip.family !== family) continue;
        wanted.set(pairKey(endsOf(local, remote)), [local, remote]);
      }
    }
    for (const [key, pair] of this.#pairs) {
      const [local, remote] = wanted.get(key) ?? [];
      const isKept = local && remote &&
        isSamePathCandidate(local, pair.local) &&
        isSamePathCandidate(remote, pair.remote);
      if (!isKept) this.#pairs.delete(key);
    }
    const added: PathPair[] = [];
    for (const [key, [local, remote]] of wanted) {
      if (this.#pairs.has(key)) continue;
      const pair = new PathPair(local, remote, this.#pairCount++ & 0xffff);
      this.#pairs.set(key, pair);
      added.push(pair);
    }
    return added;
  }
}
