/** A histogram at a moment. Plain data. */
export interface HistogramSnapshot {
  /** Upper bounds of the buckets, rising. */
  readonly bounds: readonly number[];
  /** How many observations each bucket holds; one more than bounds, for those above the last. */
  readonly counts: readonly number[];
  /** The sum of all observations. */
  readonly sum: number;
}

/** Counts observations by size. Observing allocates nothing. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  /** Creates an empty one. `bounds` must rise. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** Counts a value, in the first bucket whose bound is not below it. */
  observe(value: number): void {
    let at = 0;
    while (at < this.#bounds.length && value > this.#bounds[at]!) at++;
    this.#counts[at]!++;
    this.#sum += value;
  }

  /** Returns a copy of all counts. */
  snapshot(): HistogramSnapshot {
    return {
      bounds: this.#bounds,
      counts: [...this.#counts],
      sum: this.#sum,
    };
  }
}
