import { type Lane, LANE_SLOTS, NONE } from "./hand_off.ts";

const KEY_BYTES = 32;

/** What one thread has put into a lane and not yet taken out, in order. */
export class HandOffBatch {
  /** The lane. */
  readonly lane: Lane;
  /** How many of its packets the thread did itself. */
  ownPackets = 0;
  readonly #slots = new Int32Array(LANE_SLOTS);
  readonly #addresses = new Int32Array(LANE_SLOTS);
  /** The caller's own arrays tell keys apart; copies outlast them. */
  readonly #keys: (Uint8Array | undefined)[] = new Array(LANE_SLOTS)
    .fill(undefined);
  readonly #copies: readonly Uint8Array[] = Array.from(
    { length: LANE_SLOTS },
    () => new Uint8Array(KEY_BYTES),
  );
  #count = 0;
  #found = NONE;

  /** Creates an empty batch. */
  constructor(lane: Lane) {
    this.lane = lane;
  }

  /** How many packets there are. */
  get count(): number {
    return this.#count;
  }

  /** Whether there is no room for another one. */
  get isFull(): boolean {
    return this.#count === LANE_SLOTS;
  }

  /** Takes note of the packet that is in `slot`. */
  add(slot: number, key: Uint8Array, address: number): void {
    const i = this.#count++;
    this.#slots[i] = slot;
    this.#addresses[i] = address;
    this.#keys[i] = key;
    this.key(i).set(key);
  }

  /** The slot of packet `i`. */
  slot(i: number): number {
    return this.#slots[i]!;
  }

  /** The arena address that was given with packet `i`. */
  address(i: number): number {
    return this.#addresses[i]!;
  }

  /** The key of packet `i` as it was when the packet was put in. */
  key(i: number): Uint8Array {
    return this.#copies[i] as Uint8Array;
  }

  /** Finds the packet of `address` and `key` behind the one found last, or returns `NONE`. */
  find(address: number, key: Uint8Array): number {
    for (let i = this.#found + 1; i < this.#count; i++) {
      if (this.#addresses[i] !== address || this.#keys[i] !== key) continue;
      this.#found = i;
      return i;
    }
    return NONE;
  }

  /** Forgets all packets and overwrites their keys. */
  clear(): void {
    for (let i = 0; i < this.#count; i++) {
      this.#keys[i] = undefined;
      this.key(i).fill(0);
    }
    this.#count = 0;
    this.#found = NONE;
    this.ownPackets = 0;
  }
}
