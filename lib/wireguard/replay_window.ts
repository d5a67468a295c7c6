import { REPLAY_WINDOW_COUNTERS } from "./constants.ts";

const WORD_BITS = 32;
const WORDS = REPLAY_WINDOW_COUNTERS / WORD_BITS;
const POSITION_MASK = REPLAY_WINDOW_COUNTERS - 1;

/** What a counter is to a replay window. */
export type ReplayVerdict = "fresh" | "duplicate" | "too-old";

/**
 * Remembers which of the last 8192 counters of a session have arrived, RFC 6479.
 *
 * A ring of bits, one for each counter, cleared as the greatest counter
 * advances. Ask `check` before decryption and call `accept` after it: a forged
 * packet must not move the window.
 */
export class ReplayWindow {
  readonly #seen = new Int32Array(WORDS);
  #greatest = -1;

  /** Tells whether `counter`, a safe integer, may still be accepted. */
  check(counter: number): ReplayVerdict {
    if (counter > this.#greatest) return "fresh";
    if (this.#greatest - counter >= REPLAY_WINDOW_COUNTERS) return "too-old";
    // `&` keeps the low bits exactly, also above 2^32.
    const position = counter & POSITION_MASK;
    const bit = 1 << (position % WORD_BITS);
    return (this.#seen[position >>> 5]! & bit) === 0 ? "fresh" : "duplicate";
  }

  /** Marks a counter that `check` called fresh as arrived. */
  accept(counter: number): void {
    if (counter > this.#greatest) this.#advance(counter);
    const position = counter & POSITION_MASK;
    this.#seen[position >>> 5]! |= 1 << (position % WORD_BITS);
  }

  /** Clears the bits of all counters from the greatest so far up to `counter`. */
  #advance(counter: number): void {
    if (counter - this.#greatest >= REPLAY_WINDOW_COUNTERS) {
      this.#seen.fill(0);
    } else {
      this.#clearBits(this.#greatest + 1, counter);
    }
    this.#greatest = counter;
  }

  #clearBits(first: number, last: number): void {
    let counter = first;
    while (counter <= last) {
      const position = counter & POSITION_MASK;
      const isWholeWord = position % WORD_BITS === 0 &&
        last - counter >= WORD_BITS - 1;
      if (isWholeWord) {
        this.#seen[position >>> 5] = 0;
        counter += WORD_BITS;
      } else {
        this.#seen[position >>> 5]! &= ~(1 << (position % WORD_BITS));
        counter++;
      }
    }
  }
}
