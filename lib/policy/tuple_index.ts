import { finishHash, mixWord } from "../base/mod.ts";
import { NO_SLOT, SlotIndex } from "./slot_index.ts";
import { carryOver } from "./slot_pool.ts";

/**
 * One side of a NAT table: from a value space and a value in it to the slot of a session, and back.
 *
 * Nothing but `grow` allocates.
 */
export class TupleIndex {
  readonly #seed: number;
  readonly #index: SlotIndex;
  #spaces: Int32Array;
  #values: Uint16Array;

  /** Creates an index for slots below `capacity`, a power of two. `seed` is a random 32-bit number. */
  constructor(seed: number, capacity: number) {
    this.#seed = seed;
    this.#index = new SlotIndex(capacity);
    this.#spaces = new Int32Array(capacity);
    this.#values = new Uint16Array(capacity);
  }

  /** Returns the space of a slot that is in the index. */
  spaceOf(slot: number): number {
    return this.#spaces[slot]!;
  }

  /** Returns the value of a slot that is in the index. */
  valueOf(slot: number): number {
    return this.#values[slot]!;
  }

  /** Returns the slot of a tuple, or `NO_SLOT`. */
  find(space: number, value: number): number {
    const index = this.#index;
    let place = index.placeOf(this.#hash(space, value));
    let slot = index.slotAt(place);
    while (
      slot !== NO_SLOT &&
      (this.#values[slot] !== value || this.#spaces[slot] !== space)
    ) {
      place = index.placeAfter(place);
      slot = index.slotAt(place);
    }
    return slot;
  }

  /** Gives a slot a tuple that no other slot has. */
  insert(slot: number, space: number, value: number): void {
    this.#spaces[slot] = space;
    this.#values[slot] = value;
    this.#index.insert(slot, this.#hash(space, value));
  }

  /** Takes a slot's tuple away. */
  remove(slot: number): void {
    this.#index.remove(slot);
  }

  /** Makes room for slots below `capacity`, a greater power of two. */
  grow(capacity: number): void {
    this.#index.grow(capacity);
    this.#spaces = carryOver(this.#spaces, new Int32Array(capacity));
    this.#values = carryOver(this.#values, new Uint16Array(capacity));
  }

  #hash(space: number, value: number): number {
    return finishHash(mixWord(mixWord(this.#seed, space), value));
  }
}
