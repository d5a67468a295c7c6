import { carryOver } from "./slot_pool.ts";

/** The answer when there is no slot. */
export const NO_SLOT: number = -1;

/**
 * From hashes to slots: open addressing with linear probing, never more than half full.
 *
 * The owner keeps the keys. A look-up walks over the slots that may have the
 * hash until one has the key:
 *
 *     let place = index.placeOf(hash);
 *     while ((slot = index.slotAt(place)) !== NO_SLOT) {
 *       if (hasKey(slot)) return slot;
 *       place = index.placeAfter(place);
 *     }
 *
 * Nothing but `grow` allocates.
 */
export class SlotIndex {
  /** The slot at each place, plus one; 0 is vacant. */
  #places: Int32Array;
  /** The hash of each slot. */
  #hashes: Int32Array;
  #mask: number;

  /** Creates an index for slots below `capacity`, a power of two. */
  constructor(capacity: number) {
    this.#places = new Int32Array(2 * capacity);
    this.#hashes = new Int32Array(capacity);
    this.#mask = 2 * capacity - 1;
  }

  /** Returns the place where a look-up of `hash` begins. */
  placeOf(hash: number): number {
    return hash & this.#mask;
  }

  /** Returns the place where it goes on. */
  placeAfter(place: number): number {
    return (place + 1) & this.#mask;
  }

  /** Returns the slot at a place. `NO_SLOT` ends a look-up. */
  slotAt(place: number): number {
    return this.#places[place]! - 1;
  }

  /** Adds a slot that is not there yet. */
  insert(slot: number, hash: number): void {
    this.#hashes[slot] = hash;
    let place = this.placeOf(hash);
    while (this.#places[place] !== 0) place = this.placeAfter(place);
    this.#places[place] = slot + 1;
  }

  /** Removes a slot that is there, and moves those behind it that the gap would hide (Knuth 6.4, algorithm R). */
  remove(slot: number): void {
    let gap = this.placeOf(this.#hashes[slot]!);
    while (this.#places[gap] !== slot + 1) gap = this.placeAfter(gap);

    let place = this.placeAfter(gap);
    for (let other; (other = this.slotAt(place)) !== NO_SLOT;) {
      const home = this.placeOf(this.#hashes[other]!);
      if (this.#distance(home, place) >= this.#distance(gap, place)) {
        this.#places[gap] = other + 1;
        gap = place;
      }
      place = this.placeAfter(place);
    }
    this.#places[gap] = 0;
  }

  /** Makes room for slots below `capacity`, a greater power of two. */
  grow(capacity: number): void {
    const before = this.#places;
    const hashes = carryOver(this.#hashes, new Int32Array(capacity));
    this.#hashes = hashes;
    this.#places = new Int32Array(2 * capacity);
    this.#mask = 2 * capacity - 1;
    for (const place of before) {
      if (place !== 0) this.insert(place - 1, hashes[place - 1]!);
    }
  }

  #distance(from: number, to: number): number {
    return (to - from) & this.#mask;
  }
}
