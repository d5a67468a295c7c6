/** A change to the candidates that a peer should know. */
export interface CandidateChange {
  /** Whether they appeared or became invalid. */
  readonly kind: "added" | "removed";
  /** Whom to tell. */
  readonly peer: string;
  /** Candidate lines. */
  readonly candidates: readonly string[];
}

/** Candidate lines by what they mean. */
interface HeldLines {
  readonly added: Map<string, string>;
  readonly removed: Map<string, string>;
}

/** Peers with held changes; the changes of others are dropped. Two messages for each still fit the outgoing queue. */
const MAX_PEERS = 2_000;

/** Changes held for one peer in each direction. Beyond it newcomers are dropped; ICE finds another pair. */
const MAX_CANDIDATES = 100;

/** Where a line tells the priority, counted in words. */
const PRIORITY = 3;

/** What differs between an addition and its withdrawal, p2p spec §2.2. */
const FOUNDATION_AND_PRIORITY = /^candidate:\S+ 1 udp \d+ /;
const UFRAG = / ufrag \S+$/;

/**
 * Candidate changes that happened while the portal was out of reach, portal
 * spec §4.6. Changes of one candidate that cancel each other out leave nothing.
 */
export class HeldCandidates {
  readonly #peers = new Map<string, HeldLines>();

  /** Remembers a change until `take`. */
  hold({ kind, peer, candidates }: CandidateChange): void {
    const held = this.#linesOf(peer);
    if (!held) return;
    for (const line of candidates) {
      const candidate = candidateOf(line);
      if (kind === "added") {
        held.removed.delete(candidate);
        remember(held.added, candidate, line);
      } else if (!held.added.delete(candidate)) {
        remember(held.removed, candidate, line);
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
      .filter(([, held]) => held[kind].size > 0)
      .map(([peer, held]) => ({
        kind,
        peer,
        candidates: [...held[kind].values()].sort(bestFirst),
      }));
  }

  #linesOf(peer: string): HeldLines | undefined {
    const known = this.#peers.get(peer);
    if (known || this.#peers.size === MAX_PEERS) return known;
    const fresh: HeldLines = { added: new Map(), removed: new Map() };
    this.#peers.set(peer, fresh);
    return fresh;
  }
}

function remember(
  lines: Map<string, string>,
  candidate: string,
  line: string,
): void {
  if (lines.size < MAX_CANDIDATES) lines.set(candidate, line);
}

/** Returns what an addition and its withdrawal have in common: address, kind and related address. */
function candidateOf(line: string): string {
  return line.replace(FOUNDATION_AND_PRIORITY, "").replace(UFRAG, "");
}

/** p2p spec §1.4: by priority descending, ties by string. */
function bestFirst(a: string, b: string): number {
  return priorityOf(b) - priorityOf(a) || (a < b ? -1 : a > b ? 1 : 0);
}

function priorityOf(line: string): number {
  return Number(line.split(" ")[PRIORITY] ?? 0);
}
