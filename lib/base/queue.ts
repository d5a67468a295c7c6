/** A first-in, first-out queue with a limit. When full it refuses the newcomer and counts it. */
export class Queue<T> {
  readonly #limit: number;
  #items: (T | undefined)[] = [];
  #head = 0;
  #refused = 0;

  /** Creates a queue that holds at most `limit` items. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The number of items that wait. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** How many items were refused because the queue was full. */
  get refused(): number {
    return this.#refused;
  }

  /** Appends `item`. Returns `false`, without effect, when the queue is full. */
  push(item: T): boolean {
    if (this.length >= this.#limit) {
      this.#refused++;
      return false;
    }
    this.#items.push(item);
    return true;
  }

  /** Removes and returns the oldest item, or `undefined` when empty. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) this.clear();
    else if (this.#head > this.#limit) this.#compact();
    return item;
  }

  /** Tells whether a waiting item satisfies `predicate`. */
  some(predicate: (item: T) => boolean): boolean {
    for (let i = this.#head; i < this.#items.length; i++) {
      if (predicate(this.#items[i] as T)) return true;
    }
    return false;
  }

  /** Drops all waiting items. */
  clear(): void {
    this.#items.length = 0;
    this.#head = 0;
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
