import { NO_SLOT } from "./slot_index.ts";
import { carryOver } from "./slot_pool.ts";

/** Slots in the order in which they came; any of them may leave. Nothing but `grow` allocates. */
export class SlotQueue {
  #before: Int32Array;
  #behind: Int32Array;
  #first = NO_SLOT;
  #last = NO_SLOT;
  #size = 0;

  /** Creates an empty queue for slots below `capacity`. */
  constructor(capacity: number) {
    this.#before = new Int32Array(capacity);
    this.#behind = new Int32Array(capacity);
  }

  /** How many slots wait. */
  get size(): number {
    return this.#size;
  }

  /** The slot that came first, or `NO_SLOT`. */
  get first(): number {
    return this.#first;
  }

  /** Appends a slot that is not in the queue. */
  push(slot: number): void {
    this.#before[slot] = this.#last;
    this.#behind[slot] = NO_SLOT;
    if (this.#last === NO_SLOT) this.#first = slot;
    else this.#behind[this.#last] = slot;
    this.#last = slot;
    this.#size++;
  }

  /** Removes a slot that is in the queue. */
  remove(slot: number): void {
    const before = this.#before[slot]!;
    const behind = this.#behind[slot]!;
    if (before === NO_SLOT) this.#first = behind;
    else this.#behind[before] = behind;
    if (behind === NO_SLOT) this.#last = before;
    else this.#before[behind] = before;
    this.#size--;
  }

  /** Makes room for slots below `capacity`. */
  grow(capacity: number): void {
    this.#before = carryOver(this.#before, new Int32Array(capacity));
    this.#behind = carryOver(this.#behind, new Int32Array(capacity));
  }
}
