import { assert, MAX_PACKET_BYTES } from "../base/mod.ts";
import { AEAD_TAG_BYTES } from "./aead.ts";

/** Most packets of one lane. Our own choice: as many as leave in one batch. */
export const LANE_SLOTS = 256;
const SLOT_MASK = LANE_SLOTS - 1;

/** Longest input that a slot takes, tag included. */
export const SLOT_INPUT_BYTES: number = MAX_PACKET_BYTES + AEAD_TAG_BYTES;

/** Room for input and result each: what sealing the longest packet makes. */
const ROOM_BYTES = 1_344;

/** Layout of a slot, in bytes. Its length is no power of two, so that slots spread over the cache. */
const STATE = 0;
const LENGTH = 4;
const COUNTER = 8;
const KEY = 32;
const KEY_BYTES = 32;
const INPUT = 64;
const RESULT: number = INPUT + ROOM_BYTES;
const SLOT_BYTES: number = RESULT + ROOM_BYTES;

/** Layout of the memory: words for all lanes, each on a cache line of its own, then slots. */
const CACHE_LINE_BYTES = 64;
const STOP = 0;
const WAKE = CACHE_LINE_BYTES;
const SLEEPERS = WAKE + 4;
const LANE_WORDS = 2 * CACHE_LINE_BYTES;
const HEAD = 0;
const TAIL = CACHE_LINE_BYTES;
const LANES = 2;
const SLOTS = 6 * CACHE_LINE_BYTES;
const MEMORY_BYTES = SLOTS + LANES * LANE_SLOTS * SLOT_BYTES;
const PAGE_BYTES = 65_536;

/** How often a thread without work looks for some before it sleeps: some 20 µs. */
const IDLE_LOOKS = 2_000;

/** How long it sleeps before it looks again whether it is to stop, in ms. */
const SLEEP_MS = 500;

/** What became of the packet in a slot. A slot that was never used holds 0. */
export const PENDING = 1;
export const DONE = 2;
export const FORGED = 3;

/** A thread claims an eighth of what waits, and at most so many packets: others are to find some, too. */
const CLAIM_SHIFT = 3;
const CLAIM_LIMIT = 4;

/** No packet to work on. */
export const NONE = -1;

/** Makes the memory that packets are handed off in. It can be sent to other threads. */
export function createHandOffMemory(): WebAssembly.Memory {
  const pages = Math.ceil(MEMORY_BYTES / PAGE_BYTES);
  return new WebAssembly.Memory({
    initial: pages,
    maximum: pages,
    shared: true,
  });
}

/** Makes all threads that serve a hand-off memory end once they are done with the packets they have. */
export function stopHandOff(memory: WebAssembly.Memory): void {
  new HandOff(memory).stop();
}

/** Memory that packets are handed off in between one thread that has them and others that work on them. */
export class HandOff {
  /** The memory. */
  readonly memory: WebAssembly.Memory;
  /** Packets to seal. */
  readonly seals: Lane;
  /** Packets to open. */
  readonly opens: Lane;
  readonly #words: Int32Array;

  /** Views memory that `createHandOffMemory` made. */
  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#words = new Int32Array(memory.buffer);
    this.seals = new Lane(memory, 0);
    this.opens = new Lane(memory, 1);
  }

  /** Whether all threads are to end. */
  get isStopped(): boolean {
    return Atomics.load(this.#words, STOP / 4) !== 0;
  }

  /** See `stopHandOff`. */
  stop(): void {
    Atomics.store(this.#words, STOP / 4, 1);
    this.#notify();
  }

  /** Wakes threads that sleep, if there are any. */
  wake(): void {
    if (Atomics.load(this.#words, SLEEPERS / 4) > 0) this.#notify();
  }

  /** Waits for work, for a limited time. */
  awaitWork(): void {
    for (let i = 0; i < IDLE_LOOKS; i++) if (this.#hasWork()) return;
    const words = this.#words;
    const seen = Atomics.load(words, WAKE / 4);
    Atomics.add(words, SLEEPERS / 4, 1);
    if (!this.#hasWork() && !this.isStopped) {
      Atomics.wait(words, WAKE / 4, seen, SLEEP_MS);
    }
    Atomics.sub(words, SLEEPERS / 4, 1);
  }

  #hasWork(): boolean {
    return this.seals.hasWork || this.opens.hasWork;
  }

  #notify(): void {
    Atomics.add(this.#words, WAKE / 4, 1);
    Atomics.notify(this.#words, WAKE / 4);
  }
}

/**
 * A ring of packets that all need the same done: sealed, or opened.
 *
 * One thread puts packets in and takes results out. Any thread claims the
 * next packet, so that whoever is free does the work; each packet has exactly
 * one claimant. Input and result have room of their own, so what a claimant is
 * slow to do can be done elsewhere meanwhile.
 */
export class Lane {
  readonly #words: Int32Array;
  readonly #counters: Float64Array;
  readonly #keys: readonly Uint8Array[];
  readonly #head: number;
  readonly #tail: number;
  readonly #slots: number;
  #claimed = 0;

  /** Views lane `number` of a hand-off memory. */
  constructor({ buffer }: WebAssembly.Memory, number: number) {
    this.#words = new Int32Array(buffer);
    this.#counters = new Float64Array(buffer);
    const words = LANE_WORDS + number * 2 * CACHE_LINE_BYTES;
    this.#head = (words + HEAD) / 4;
    this.#tail = (words + TAIL) / 4;
    this.#slots = SLOTS + number * LANE_SLOTS * SLOT_BYTES;
    this.#keys = Array.from(
      { length: LANE_SLOTS },
      (_, slot) => new Uint8Array(buffer, this.#slotAt(slot) + KEY, KEY_BYTES),
    );
  }

  /** Whether there is a packet that nobody has claimed. */
  get hasWork(): boolean {
    return Atomics.load(this.#words, this.#head) !==
      Atomics.load(this.#words, this.#tail);
  }

  /** The slot that `put` fills next. */
  get nextSlot(): number {
    return Atomics.load(this.#words, this.#tail) & SLOT_MASK;
  }

  /** Puts a packet, whose input lies in the next slot already, up for work. The slot must not hold one that is pending. */
  put(key: Uint8Array, counter: number, length: number): void {
    assert(length <= SLOT_INPUT_BYTES, "A packet is too long to hand off");
    const tail = Atomics.load(this.#words, this.#tail);
    const at = this.#slotAt(tail & SLOT_MASK);
    this.#words[(at + STATE) / 4] = PENDING;
    this.#words[(at + LENGTH) / 4] = length;
    this.#counters[(at + COUNTER) / 8] = counter;
    this.setKey(tail & SLOT_MASK, key);
    Atomics.store(this.#words, this.#tail, (tail + 1) | 0);
  }

  /**
   * Claims the next packets and returns the slot of the first, or `NONE`.
   *
   * `claimed` says how many there are: the more wait the more, since each
   * claim takes the words from another core's cache.
   */
  claim(): number {
    const words = this.#words;
    for (;;) {
      const head = Atomics.load(words, this.#head);
      const waiting = (Atomics.load(words, this.#tail) - head) | 0;
      if (waiting === 0) return NONE;
      const count = Math.min(Math.max(waiting >> CLAIM_SHIFT, 1), CLAIM_LIMIT);
      const next = (head + count) | 0;
      if (Atomics.compareExchange(words, this.#head, head, next) === head) {
        this.#claimed = count;
        return head & SLOT_MASK;
      }
    }
  }

  /** How many packets this thread's last claim was for. They lie in slots that follow each other. */
  get claimed(): number {
    return this.#claimed;
  }

  /** What became of the packet in `slot`. */
  state(slot: number): number {
    return Atomics.load(this.#words, this.#stateAt(slot));
  }

  /** Says what became of it: the result is complete. */
  settle(slot: number, state: number): void {
    Atomics.store(this.#words, this.#stateAt(slot), state);
  }

  /** The key of the packet in `slot`. Its claimant overwrites it after use. */
  key(slot: number): Uint8Array {
    return this.#keys[slot] as Uint8Array;
  }

  /** Writes the key of the packet in `slot`. */
  setKey(slot: number, key: Uint8Array): void {
    this.key(slot).set(key);
  }

  /** The packet counter of the packet in `slot`. */
  counter(slot: number): number {
    return this.#counters[(this.#slotAt(slot) + COUNTER) / 8]!;
  }

  /** The length of the input in `slot`. */
  length(slot: number): number {
    return this.#words[(this.#slotAt(slot) + LENGTH) / 4]!;
  }

  /** Address of the input of `slot`. */
  inputAt(slot: number): number {
    return this.#slotAt(slot) + INPUT;
  }

  /** Address of the result of `slot`. */
  resultAt(slot: number): number {
    return this.#slotAt(slot) + RESULT;
  }

  #slotAt(slot: number): number {
    return this.#slots + slot * SLOT_BYTES;
  }

  #stateAt(slot: number): number {
    return (this.#slotAt(slot) + STATE) / 4;
  }
}
