/** A fixed set of named counters, one for each literal reason. Counting allocates nothing. */
export class Counters<Name extends string> {
  readonly #counts: Record<Name, number>;

  /** Creates a counter at zero for each name. */
  constructor(names: readonly Name[]) {
    this.#counts = Object.fromEntries(names.map((name) => [name, 0])) as Record<
      Name,
      number
    >;
  }

  /** Adds one to the counter `name`. */
  increment(name: Name): void {
    this.#counts[name]++;
  }

  /** Adds `amount` to the counter `name`. */
  add(name: Name, amount: number): void {
    this.#counts[name] += amount;
  }

  /** Returns the counter `name`. */
  get(name: Name): number {
    return this.#counts[name];
  }

  /** Returns a copy of all counters. */
  snapshot(): Record<Name, number> {
    return { ...this.#counts };
  }
}
