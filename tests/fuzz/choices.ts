import { SeededRandom } from "../support/random.ts";

/** Where a test draws what it does next from. The same source gives the same test. */
export interface Choices {
  /** Returns a number from 0 to `limit` - 1; `limit` is at most 65536. */
  below(limit: number): number;
  /** Returns one of `values`. */
  pick<T>(values: readonly T[]): T;
  /** Returns that many bytes of no meaning. */
  bytes(length: number): Uint8Array;
}

abstract class Draws implements Choices {
  abstract below(limit: number): number;
  abstract bytes(length: number): Uint8Array;

  pick<T>(values: readonly T[]): T {
    if (values.length === 0) throw new Error("Nothing to pick from");
    return values[this.below(values.length)] as T;
  }
}

/** Choices that follow from a seed and never end. */
export class SeededChoices extends Draws {
  readonly #random: SeededRandom;
  readonly #word = new Uint8Array(2);

  constructor(seed: number) {
    super();
    this.#random = new SeededRandom(seed);
  }

  below(limit: number): number {
    this.#random.fill(this.#word);
    return (this.#word[0]! << 8 | this.#word[1]!) % limit;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#random.fill(bytes);
    return bytes;
  }
}

/**
 * Choices written down as bytes, so that a whole scenario is an input like any other.
 *
 * What is cut off or changed gives another scenario, mostly a similar one:
 * that is how scenarios are made smaller. Behind its end all choices are 0.
 */
export class Tape extends Draws {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    super();
    this.#bytes = bytes;
  }

  /** Whether all choices were drawn. */
  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  below(limit: number): number {
    const high = limit > 256 ? this.#next() << 8 : 0;
    return (high | this.#next()) % limit;
  }

  /** Takes only two bytes of the tape, however many are asked for. */
  bytes(length: number): Uint8Array {
    return new SeededChoices(this.below(0x1_0000)).bytes(length);
  }

  #next(): number {
    return this.#bytes[this.#at++] ?? 0;
  }
}
