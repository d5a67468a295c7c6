import { DISTRESS_THRESHOLD } from "./constants.ts";

/** Notices that handshakes go unanswered, p2p spec §3.7: then the primary is in doubt. */
export class Distress {
  #unanswered = 0;
  #repeated = 0;

  /** Notes an initiation of ours. Returns whether too many went without a response. */
  noteOwnInitiation(): boolean {
    this.#unanswered++;
    return this.#unanswered >= DISTRESS_THRESHOLD;
  }

  /** Notes an accepted initiation of the peer. Returns whether too many came without data in between. */
  notePeerInitiation(): boolean {
    this.#repeated++;
    return this.#repeated >= DISTRESS_THRESHOLD;
  }

  /** Notes that the peer answered. */
  noteResponse(): void {
    this.#unanswered = 0;
  }

  /** Notes data of the peer. Allocates nothing. */
  noteData(): void {
    this.#repeated = 0;
  }

  /** Begins anew, as with another primary. */
  reset(): void {
    this.#unanswered = 0;
    this.#repeated = 0;
  }
}
