import { finishHash, mixAddress, mixWord } from "../base/mod.ts";
import { NO_SLOT, SlotIndex } from "./slot_index.ts";
import { carryOver, SlotPool } from "./slot_pool.ts";

/** Room for the longer kind of address, in bytes. */
const ADDRESS_STRIDE = 16;
const IPV6_TAG = 0x10;

/**
 * Small numbers for pairs of a selector kind and an address.
 *
 * The ports of one protocol at one address are a space of their own, and so
 * are its echo identifiers. A number is good for as long as somebody uses it.
 * Nothing but a new pair beyond the capacity allocates.
 */
export class ValueSpaces {
  readonly #seed: number;
  readonly #pool: SlotPool;
  readonly #index: SlotIndex;
  /** Kind and family of each space. */
  #tags: Uint8Array;
  #uses: Int32Array;
  #addresses: Uint8Array;

  /** Creates an empty table with room for `capacity` pairs, a power of two. `seed` is a random 32-bit number. */
  constructor(seed: number, capacity: number) {
    this.#seed = seed;
    this.#pool = new SlotPool(capacity);
    this.#index = new SlotIndex(capacity);
    this.#tags = new Uint8Array(capacity);
    this.#uses = new Int32Array(capacity);
    this.#addresses = new Uint8Array(capacity * ADDRESS_STRIDE);
  }

  /** The addresses of all spaces, each at its `addressAt`. */
  get addresses(): Uint8Array {
    return this.#addresses;
  }

  /** Returns where the address of a space is. */
  addressAt(space: number): number {
    return space * ADDRESS_STRIDE;
  }

  /** Returns how many uses a space has. */
  usesOf(space: number): number {
    return this.#uses[space]!;
  }

  /** Returns the space of a kind and the address at `bytes[at…]`, or `NO_SLOT`. */
  find(kind: number, version: 4 | 6, bytes: Uint8Array, at: number): number {
    return this.#lookUp(
      this.#hash(kind, version, bytes, at),
      tagOf(kind, version),
      bytes,
      at,
      lengthOf(version),
    );
  }

  /** Returns the space of a kind and an address, with one use more. */
  acquire(
    kind: number,
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
  ): number {
    const hash = this.#hash(kind, version, bytes, at);
    const tag = tagOf(kind, version);
    const length = lengthOf(version);
    let space = this.#lookUp(hash, tag, bytes, at, length);
    if (space === NO_SLOT) {
      if (this.#pool.isEmpty) this.#grow();
      space = this.#pool.take();
      this.#tags[space] = tag;
      const base = this.addressAt(space);
      for (let i = 0; i < length; i++) {
        this.#addresses[base + i] = bytes[at + i]!;
      }
      this.#index.insert(space, hash);
    }
    this.#uses[space] = this.#uses[space]! + 1;
    return space;
  }

  /** Gives up one use of a space. */
  release(space: number): void {
    const uses = this.#uses[space]! - 1;
    this.#uses[space] = uses;
    if (uses > 0) return;
    this.#index.remove(space);
    this.#pool.giveBack(space);
  }

  #lookUp(
    hash: number,
    tag: number,
    bytes: Uint8Array,
    at: number,
    length: number,
  ): number {
    const index = this.#index;
    let place = index.placeOf(hash);
    let space = index.slotAt(place);
    while (space !== NO_SLOT) {
      if (
        this.#tags[space] === tag && this.#isAddress(space, bytes, at, length)
      ) break;
      place = index.placeAfter(place);
      space = index.slotAt(place);
    }
    return space;
  }

  #isAddress(
    space: number,
    bytes: Uint8Array,
    at: number,
    length: number,
  ): boolean {
    const base = this.addressAt(space);
    for (let i = 0; i < length; i++) {
      if (this.#addresses[base + i] !== bytes[at + i]) return false;
    }
    return true;
  }

  #hash(kind: number, version: 4 | 6, bytes: Uint8Array, at: number): number {
    const mixed = mixAddress(this.#seed, bytes, at, lengthOf(version));
    return finishHash(mixWord(mixed, kind));
  }

  #grow(): void {
    const capacity = 2 * this.#pool.capacity;
    this.#pool.grow(capacity);
    this.#index.grow(capacity);
    this.#tags = carryOver(this.#tags, new Uint8Array(capacity));
    this.#uses = carryOver(this.#uses, new Int32Array(capacity));
    this.#addresses = carryOver(
      this.#addresses,
      new Uint8Array(capacity * ADDRESS_STRIDE),
    );
  }
}

function tagOf(kind: number, version: 4 | 6): number {
  return version === 4 ? kind : kind | IPV6_TAG;
}

function lengthOf(version: 4 | 6): 4 | 16 {
  return version === 4 ? 4 : 16;
}
