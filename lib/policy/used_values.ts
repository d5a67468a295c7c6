/** The answer when all values are used. */
export const NO_VALUE: number = -1;

const VALUES = 0x1_0000;
const ALL_USED = -1;

/** A set of 16-bit values that finds one which is not in it, by words of 32. */
export class UsedValues {
  readonly #words = new Int32Array(VALUES / 32);

  /** Adds a value. */
  add(value: number): void {
    const word = value >>> 5;
    this.#words[word] = this.#words[word]! | (1 << (value & 31));
  }

  /** Removes a value. */
  delete(value: number): void {
    const word = value >>> 5;
    this.#words[word] = this.#words[word]! & ~(1 << (value & 31));
  }

  /** Returns the least unused value that is not below `first`, or `NO_VALUE`. */
  unusedFrom(first: number): number {
    let value = first;
    while (value < VALUES) {
      // Bits below the first value count as used.
      const word = this.#words[value >>> 5]! | ((1 << (value & 31)) - 1);
      if (word !== ALL_USED) return (value & ~31) + lowestClearBit(word);
      value = (value & ~31) + 32;
    }
    return NO_VALUE;
  }
}

function lowestClearBit(word: number): number {
  const lowest = ~word & (word + 1);
  return 31 - Math.clz32(lowest);
}
