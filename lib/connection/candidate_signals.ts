import type { Candidate } from "../ice/mod.ts";

/** Candidate lines to tell a peer of. */
export interface CandidateBatch {
  /** Best first, ties by text. */
  readonly added: string[];
  /** Best first, ties by text. */
  readonly removed: string[];
}

/** A line and what it is about. */
export interface SignalledLine {
  /** The candidate, without the name of the connection. */
  readonly candidate: Candidate;
  /** What goes through the portal. */
  readonly line: string;
}

/**
 * Candidate changes of one connection that wait to be signalled.
 *
 * An addition that is withdrawn before it was taken cancels out.
 */
export class CandidateSignals {
  readonly #added = new Map<string, SignalledLine>();
  readonly #removed = new Map<string, SignalledLine>();

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#added.size === 0 && this.#removed.size === 0;
  }

  /** Notes an addition. `key` names the candidate, whatever its priority. */
  add(key: string, line: SignalledLine): void {
    this.#removed.delete(key);
    this.#added.set(key, line);
  }

  /** Notes a withdrawal. */
  remove(key: string, line: SignalledLine): void {
    if (this.#added.delete(key)) return;
    this.#removed.set(key, line);
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
function sortedLines(lines: Iterable<SignalledLine>): string[] {
  return [...lines]
    .sort((a, b) =>
      b.candidate.priority - a.candidate.priority ||
      (a.line < b.line ? -1 : a.line > b.line ? 1 : 0)
    )
    .map(({ line }) => line);
}
