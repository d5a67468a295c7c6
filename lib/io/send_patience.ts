import { waitUntilWritable } from "./wait.ts";

/**
 * How long a full socket buffer may hold up the loop, in ms. Our own choice:
 * nothing is read meanwhile (data-plane spec §14.4), and a device that takes
 * nothing for this long has lost the batch anyhow.
 */
const SEND_PATIENCE_MS = 100;

/** The same for all waits of one batch: a link so slow that it takes longer must not keep timers waiting for a second (data-plane spec §14.4). */
const BATCH_PATIENCE_MS = 800;

/** How waiting is done. */
interface Waiting {
  /** The time, in ms. */
  readonly now: () => number;
  /** Waits at most so many ms until a descriptor takes data. */
  readonly untilWritable: (fd: number, limitMs: number) => boolean;
}

const REAL: Waiting = {
  now: () => performance.now(),
  untilWritable: waitUntilWritable,
};

/** Waits for room in socket buffers, as long as one batch may. */
export class SendPatience {
  readonly #waiting: Waiting;
  #leftMs = 0;

  /** `waiting` is for tests. */
  constructor(waiting: Waiting = REAL) {
    this.#waiting = waiting;
  }

  /** Starts a batch. */
  begin(): void {
    this.#leftMs = BATCH_PATIENCE_MS;
  }

  /** Waits until a socket takes more. Returns `false` when that takes too long. */
  awaitRoom(fd: number): boolean {
    const limitMs = Math.min(SEND_PATIENCE_MS, Math.ceil(this.#leftMs));
    if (limitMs <= 0) return false;
    const { now, untilWritable } = this.#waiting;
    const from = now();
    const isWritable = untilWritable(fd, limitMs);
    this.#leftMs -= now() - from;
    return isWritable;
  }
}
