/**
 * Hands out the numbers 0, 1, 2, … and takes them back: rows of a table of typed arrays.
 *
 * The one given back last is handed out first.
 */
export class SlotPool {
  /** For each free slot below `#used` the next one, plus one; 0 is the last. */
  #next: Int32Array;
  #firstFree = 0;
  #used = 0;

  /** Creates a pool of `capacity` slots. */
  constructor(capacity: number) {
    this.#next = new Int32Array(capacity);
  }

  /** How many slots there are. */
  get capacity(): number {
    return this.#next.length;
  }

  /** All slots that were ever handed out lie below. */
  get used(): number {
    return this.#used;
  }

  /** Whether `take` needs `grow` first. */
  get isEmpty(): boolean {
    return this.#firstFree === 0 && this.#used === this.#next.length;
  }

  /** Hands out a slot. */
  take(): number {
    if (this.#firstFree === 0) return this.#used++;
    const slot = this.#firstFree - 1;
    this.#firstFree = this.#next[slot]!;
    return slot;
  }

  /** Takes a slot back. */
  giveBack(slot: number): void {
    this.#next[slot] = this.#firstFree;
    this.#firstFree = slot + 1;
  }

  /** Makes room for `capacity` slots. */
  grow(capacity: number): void {
    this.#next = carryOver(this.#next, new Int32Array(capacity));
  }
}

/** Copies a column of a table into a longer one and returns that. */
export function carryOver<
  Column extends Int32Array | Uint8Array | Uint16Array | Float64Array,
>(
  from: Column,
  to: Column,
): Column {
  to.set(from);
  return to;
}
