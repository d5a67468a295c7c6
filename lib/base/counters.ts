/**
 * A fixed set of named counters, one for each literal reason. Counting allocates nothing.
 *
 * The counts are apart from the names: an object with the names as keys would
 * take three times as long, as one loop counts under many names, and would
 * keep counts above 2^31 on the heap.
 */
export class Counters<Name extends string> {
  readonly #indices: ReadonlyMap<string, number>;
  readonly #counts: Float64Array;

  /** Creates a counter at zero for each name. */
  constructor(names: readonly Name[]) {
    const distinct = [...new Set<string>(names)];
    this.#indices = new Map(distinct.map((name, index) => [name, index]));
    this.#counts = new Float64Array(distinct.length);
  }

  /** Adds one to the counter `name`. */
  increment(name: Name): void {
    this.#counts[this.#indices.get(name)!]!++;
  }

  /** Adds `amount` to the counter `name`. */
  add(name: Name, amount: number): void {
    this.#counts[this.#indices.get(name)!]! += amount;
  }

  /** Returns the counter `name`. */
  get(name: Name): number {
    return this.#counts[this.#indices.get(name)!]!;
  }

  /** Returns a copy of all counters. */
  snapshot(): Record<Name, number> {
    const entries = [...this.#indices].map(([name, index]) =>
      [name, this.#counts[index]!] as const
    );
    return Object.fromEntries(entries) as Record<Name, number>;
  }
}
