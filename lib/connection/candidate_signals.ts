/** Candidate lines to tell a peer of. */
export interface CandidateBatch {
  /** Best first, ties by text. */
  readonly added: string[];
  /** Best first, ties by text. */
  readonly removed: string[];
}

/** A candidate as the peer is told of it. */
export interface CandidateSignal {
  /** Names the candidate, whatever its line. */
  readonly key: string;
  /** What goes through the portal. */
  readonly line: string;
  /** Greater is better. */
  readonly priority: number;
}

/**
 * Candidate changes of one connection that wait to be signalled.
 *
 * An addition that is withdrawn before it was taken cancels out.
 */
export class CandidateSignals {
  readonly #added = new Map<string, CandidateSignal>();
  readonly #removed = new Map<string, CandidateSignal>();

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#added.size === 0 && this.#removed.size === 0;
  }

  /** Notes an addition. */
  add(signal: CandidateSignal): void {
    this.#removed.delete(signal.key);
    this.#added.set(signal.key, signal);
  }

  /** Notes a withdrawal. */
  remove(signal: CandidateSignal): void {
    if (this.#added.delete(signal.key)) return;
    this.#removed.set(signal.key, signal);
  }

  /** Returns what waits, and forgets it. */
  take(): CandidateBatch {
    const batch = {
      added: sortedLines(this.#added.values()),
      removed: sortedLines(this.#removed.values()),
    };
    this.#added.clear();
    this.#removed.clear();
    return batch;
  }
}

/** p2p spec §1.4: by priority descending, ties by string. */
function sortedLines(signals: Iterable<CandidateSignal>): string[] {
  return [...signals]
    .sort((a, b) =>
      b.priority - a.priority ||
      (a.line < b.line ? -1 : a.line > b.line ? 1 : 0)
    )
    .map(({ line }) => line);
}
