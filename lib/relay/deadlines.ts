import { type Instant, NEVER } from "../base/mod.ts";

/** Something that ends at a time which may move. */
export interface Expiring {
  /** When it ends. Changed only through `Deadlines`. */
  expiresAt: Instant;
  /** Place in the heap, -1 when not in it. Belongs to `Deadlines`. */
  heapIndex: number;
}

/** A priority queue of things that end: a binary heap that knows where each of them is. Bounded by its user. */
export class Deadlines<T extends Expiring> {
  readonly #heap: T[] = [];

  /** The number of things. */
  get size(): number {
    return this.#heap.length;
  }

  /** When the first of them ends. */
  get next(): Instant {
    return this.#heap[0]?.expiresAt ?? NEVER;
  }

  /** Adds `item`, or moves its end if it is here already. */
  set(item: T, expiresAt: Instant): void {
    item.expiresAt = expiresAt;
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

  /** Removes and returns one thing that has ended by `now`. */
  takeExpired(now: Instant): T | undefined {
    const first = this.#heap[0];
    if (!first || now < first.expiresAt) return undefined;
    this.remove(first);
    return first;
  }

  #rise(item: T): T {
    while (item.heapIndex > 0) {
      const parent = this.#heap[(item.heapIndex - 1) >> 1];
      if (!parent || parent.expiresAt <= item.expiresAt) break;
      this.#swap(parent, item);
    }
    return item;
  }

  #sink(item: T): void {
    let child = this.#earlierChild(item);
    while (child && child.expiresAt < item.expiresAt) {
      this.#swap(item, child);
      child = this.#earlierChild(item);
    }
  }

  #earlierChild(item: T): T | undefined {
    const left = this.#heap[2 * item.heapIndex + 1];
    const right = this.#heap[2 * item.heapIndex + 2];
    if (!left || !right) return left;
    return right.expiresAt < left.expiresAt ? right : left;
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
