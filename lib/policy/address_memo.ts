import type { Selector } from "../wire/mod.ts";

/** Longest address, in bytes. */
const ADDRESS_BYTES = 16;

/** A version that no packet has. */
const NOTHING = 0;

/**
 * Remembers the answer to one question about an address and a selector.
 *
 * Whoever changes what the answer depends on must let it forget.
 */
export class AddressMemo<Answer> {
  #version: 4 | 6 | typeof NOTHING = NOTHING;
  #selector: Selector = 0;
  readonly #address = new Uint8Array(ADDRESS_BYTES);
  #answer: Answer;

  /** Creates a memo of nothing. `none` stands in for an answer. */
  constructor(none: Answer) {
    this.#answer = none;
  }

  /** The remembered answer. Valid after `isAbout` returned `true`. */
  get answer(): Answer {
    return this.#answer;
  }

  /** Tells whether the answer to this question is remembered: that about the address at `bytes[at…]` and the selector. */
  isAbout(
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
    selector: Selector,
  ): boolean {
    if (this.#selector !== selector || this.#version !== version) return false;
    const address = this.#address;
    const length = version === 4 ? 4 : ADDRESS_BYTES;
    for (let i = 0; i < length; i++) {
      if (address[i] !== bytes[at + i]) return false;
    }
    return true;
  }

  /** Remembers the answer to a question, in place of the one before. */
  remember(
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
    selector: Selector,
    answer: Answer,
  ): void {
    const address = this.#address;
    const length = version === 4 ? 4 : ADDRESS_BYTES;
    for (let i = 0; i < length; i++) address[i] = bytes[at + i]!;
    this.#version = version;
    this.#selector = selector;
    this.#answer = answer;
  }

  /** Forgets the question: its answer may be another one. */
  forget(): void {
    this.#version = NOTHING;
  }
}
