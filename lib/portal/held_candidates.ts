/** A change to the candidates that a peer should know. */
export interface CandidateChange {
  /** Whether they appeared or became invalid. */
  readonly kind: "added" | "removed";
  /** Whom to tell. */
  readonly peer: string;
  /** Candidate lines. */
  readonly candidates: readonly string[];
}

interface HeldSets {
  readonly added: Set<string>;
  readonly removed: Set<string>;
}

/** Peers with held changes; the changes of others are dropped. Two messages for each still fit the outgoing queue. */
const MAX_PEERS = 2_000;

/** Changes held for one peer in each direction. Beyond it newcomers are dropped; ICE finds another pair. */
const MAX_CANDIDATES = 100;

/**
 * Candidate changes that happened while the portal was out of reach, portal
 * spec §4.6. Changes of one candidate that cancel each other out leave nothing.
 */
export class HeldCandidates {
  readonly #peers = new Map<string, HeldSets>();

  /** Remembers a change until `take`. */
  hold({ kind, peer, candidates }: CandidateChange): void {
    const sets = this.#setsOf(peer);
    if (!sets) return;
    for (const candidate of candidates) {
      if (kind === "added") {
        sets.removed.delete(candidate);
        remember(sets.added, candidate);
      } else if (!sets.added.delete(candidate)) {
        remember(sets.removed, candidate);
      }
    }
  }

  /** Forgets a peer whose connection failed or was closed. */
  forget(peer: string): void {
    this.#peers.delete(peer);
  }

  /** Returns what to tell each peer, all additions before all removals, and forgets it. */
  take(): CandidateChange[] {
    const changes = [
      ...this.#changes("added"),
      ...this.#changes("removed"),
    ];
    this.#peers.clear();
    return changes;
  }

  #changes(kind: "added" | "removed"): CandidateChange[] {
    return [...this.#peers]
      .filter(([, sets]) => sets[kind].size > 0)
      .map(([peer, sets]) => ({ kind, peer, candidates: [...sets[kind]] }));
  }

  #setsOf(peer: string): HeldSets | undefined {
    const known = this.#peers.get(peer);
    if (known || this.#peers.size === MAX_PEERS) return known;
    const fresh: HeldSets = { added: new Set(), removed: new Set() };
    this.#peers.set(peer, fresh);
    return fresh;
  }
}

function remember(set: Set<string>, candidate: string): void {
  if (set.size < MAX_CANDIDATES) set.add(candidate);
}
