import { type Instant, NEVER } from "./time.ts";

/** Something that is due at a time which may move. */
export interface Timed {
  /** When it is due. Changed only through `Deadlines`. */
  dueAt: Instant;
  /** Place in the heap, -1 when not in it. Belongs to `Deadlines`. */
  heapIndex: number;
}

/** A priority queue of things that come due: a binary heap that knows where each of them is. Bounded by its user. */
export class Deadlines<T extends Timed> {
  readonly #heap: T[] = [];

  /** The number of things. */
  get size(): number {
    return this.#heap.length;
  }

  /** When the first of them is due. */
  get next(): Instant {
    return this.#heap[0]?.dueAt ?? NEVER;
  }

  /** Adds `item`, or moves it if it is here already, which allocates nothing. */
  set(item: T, dueAt: Instant): void {
    item.dueAt = dueAt;
    if (item.heapIndex < 0) {
      item.heapIndex = this.#heap.length;
      this.#heap.push(item);
    }
    this.#sink(this.#rise(item));
  }

  /** Removes `item` if it is here. */
  remove(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    const last = this.#heap.pop();
    item.heapIndex = -1;
    if (!last || last === item) return;
    this.#place(last, index);
    this.#sink(this.#rise(last));
  }

  /** Removes and returns one thing that is due at `now`, the first of all. */
  takeDue(now: Instant): T | undefined {
    const first = this.#heap[0];
    if (!first || now < first.dueAt) return undefined;
    this.remove(first);
    return first;
  }

  #rise(item: T): T {
    while (item.heapIndex > 0) {
      const parent = this.#heap[(item.heapIndex - 1) >> 1];
      if (!parent || parent.dueAt <= item.dueAt) break;
      this.#swap(parent, item);
    }
    return item;
  }

  #sink(item: T): void {
    let child = this.#earlierChild(item);
    while (child && child.dueAt < item.dueAt) {
      this.#swap(item, child);
      child = this.#earlierChild(item);
    }
  }

  #earlierChild(item: T): T | undefined {
    const left = this.#heap[2 * item.heapIndex + 1];
    const right = this.#heap[2 * item.heapIndex + 2];
    if (!left || !right) return left;
    return right.dueAt < left.dueAt ? right : left;
  }

  #swap(upper: T, lower: T): void {
    const index = upper.heapIndex;
    this.#place(upper, lower.heapIndex);
    this.#place(lower, index);
  }

  #place(item: T, index: number): void {
    this.#heap[index] = item;
    item.heapIndex = index;
  }
}
