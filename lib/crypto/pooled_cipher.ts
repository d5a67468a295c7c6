import type { Arena, Counters } from "../base/mod.ts";
import { AEAD_TAG_BYTES } from "./aead.ts";
import {
  FORGED,
  HandOff,
  type Lane,
  NONE,
  PENDING,
  SLOT_INPUT_BYTES,
} from "./hand_off.ts";
import { HandOffBatch } from "./hand_off_batch.ts";
import { HandOffRunner } from "./hand_off_runner.ts";
import { bridgeMemories, type MemoryBridge } from "./memory_bridge.ts";
import { PacketCipher } from "./packet_cipher.ts";

/** Threads that sleep are woken for so many packets; fewer cost less than to wake somebody. */
const WAKE_PACKETS = 8;

/** How often the result of a packet that somebody else has is looked for: twice as long as the longest claim takes, some 10 µs. */
const RESULT_LOOKS = 1_000;

/**
 * What a `PooledCipher` counts: packets that other threads sealed or opened
 * for us; packets that one of them was so slow with that we did them, too; and
 * packets that were not handed off because their slot was still in its hands.
 */
export type PoolCount =
  | "crypto-pool-packets"
  | "crypto-pool-late"
  | "crypto-pool-blocked";

/** What a `PooledCipher` is made of. */
export interface PooledCipherOptions {
  /** The arena that all addresses refer to. */
  readonly arena: Arena;
  /** Memory of `createHandOffMemory`, which other threads serve by `serveHandOff`. */
  readonly memory: WebAssembly.Memory;
  /** Where its work is counted. */
  readonly counters: Pick<Counters<PoolCount>, "add" | "increment">;
}

/**
 * A `PacketCipher` that other threads help.
 *
 * What is to be sealed later is put up for work, and `finish` takes the
 * results. What has been received can be put up by `openAhead`, and `open`
 * takes the result. Our own thread does whatever nobody else has claimed, and
 * what somebody has claimed but does not bring back in time, say because
 * another program has got his core. So it needs nobody's help and waits for
 * no more than some microseconds. A claimant that has died never gives back its
 * slot: when the ring comes round to it, nothing is handed off any more.
 */
export class PooledCipher extends PacketCipher {
  readonly #handOff: HandOff;
  readonly #bridge: MemoryBridge;
  readonly #runner: HandOffRunner;
  readonly #counters: PooledCipherOptions["counters"];
  readonly #seals: HandOffBatch;
  readonly #opens: HandOffBatch;
  /** Room for the input of a packet that is done once more. */
  readonly #againAt: number;

  private constructor(
    { arena, counters, memory }: PooledCipherOptions,
    bridge: MemoryBridge,
  ) {
    super(arena);
    this.#handOff = new HandOff(memory);
    this.#bridge = bridge;
    this.#counters = counters;
    const own = new PacketCipher(arena);
    this.#runner = new HandOffRunner(this.#handOff, own, bridge);
    this.#seals = new HandOffBatch(this.#handOff.seals);
    this.#opens = new HandOffBatch(this.#handOff.opens);
    this.#againAt = arena.allocate(SLOT_INPUT_BYTES);
  }

  /** Creates a cipher, without help on an engine that lacks what that takes. */
  static create(options: PooledCipherOptions): PacketCipher {
    const { arena, memory } = options;
    const bridge = bridgeMemories(arena.memory, memory);
    return bridge === undefined
      ? new PacketCipher(arena)
      : new PooledCipher(options, bridge);
  }

  /** Whether other threads can be given packets: they always can. */
  override get readsAhead(): boolean {
    return true;
  }

  /** Puts a packet up for work, or seals it at once when its slot is not free. */
  override sealLater(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    target: number,
  ): void {
    if (this.#seals.isFull) this.finish();
    const isPut = length + AEAD_TAG_BYTES <= SLOT_INPUT_BYTES &&
      this.#put(this.#seals, key, counter, source, length, target);
    if (!isPut) this.seal(key, counter, source, length, target);
  }

  /** Seals what nobody else has sealed, and takes all results. */
  override finish(): void {
    const batch = this.#seals;
    const { lane } = batch;
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.slot(i);
      if (this.#isDone(batch, slot)) {
        const length = lane.length(slot) + AEAD_TAG_BYTES;
        const result = lane.resultAt(slot);
        this.#bridge.toArena(batch.address(i), result, length);
      } else this.#sealAgain(batch, i);
    }
    this.#close(batch);
  }

  /** Puts a packet up for work. Returns `false` when there is no room. */
  override openAhead(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
  ): boolean {
    if (this.#opens.isFull) return false;
    const isFitting = length >= AEAD_TAG_BYTES && length <= SLOT_INPUT_BYTES;
    return !isFitting ||
      this.#put(this.#opens, key, counter, source, length, source);
  }

  /** Forgets what `open` did not ask for. */
  override endAhead(): void {
    const batch = this.#opens;
    // What nobody asked for must leave the lane, too.
    while (this.#runner.runNextOf(batch.lane) > 0);
    this.#close(batch);
  }

  /** Takes the result of a packet that was put up for work, or opens it. */
  override open(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    target: number,
  ): boolean {
    const batch = this.#opens;
    const i = batch.find(source, key);
    const isAhead = i !== NONE && this.#isDone(batch, batch.slot(i));
    if (!isAhead) return super.open(key, counter, source, length, target);

    const { lane } = batch;
    const slot = batch.slot(i);
    if (lane.state(slot) === FORGED) return false;
    const opened = length - AEAD_TAG_BYTES;
    this.#bridge.toArena(target, lane.resultAt(slot), opened);
    return true;
  }

  /** Returns `false` when the next slot is still in somebody's hands. */
  #put(
    batch: HandOffBatch,
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    address: number,
  ): boolean {
    const { lane } = batch;
    const slot = lane.nextSlot;
    if (lane.state(slot) === PENDING) {
      this.#counters.increment("crypto-pool-blocked");
      return false;
    }
    this.#bridge.toShared(lane.inputAt(slot), source, length);
    lane.put(key, counter, length);
    batch.add(slot, key, address);
    if (batch.count % WAKE_PACKETS === 0) this.#handOff.wake();
    return true;
  }

  /** Sees to it that a packet is done, and works on others in the meantime. Returns `false` when its claimant is late. */
  #isDone(batch: HandOffBatch, slot: number): boolean {
    const { lane } = batch;
    while (lane.state(slot) === PENDING) {
      const own = this.#runner.runNextOf(lane);
      batch.ownPackets += own;
      if (own === 0 && !comesBack(lane, slot)) {
        batch.ownPackets++;
        this.#counters.increment("crypto-pool-late");
        return false;
      }
    }
    return true;
  }

  /** Does not touch the slot: its claimant finds everything as it was. */
  #sealAgain(batch: HandOffBatch, i: number): void {
    const { lane } = batch;
    const slot = batch.slot(i);
    const length = lane.length(slot);
    this.#bridge.toArena(this.#againAt, lane.inputAt(slot), length);
    const counter = lane.counter(slot);
    const target = batch.address(i);
    this.seal(batch.key(i), counter, this.#againAt, length, target);
  }

  #close(batch: HandOffBatch): void {
    if (batch.count === 0) return;
    const others = batch.count - batch.ownPackets;
    this.#counters.add("crypto-pool-packets", others);
    batch.clear();
  }
}

/** Waits for the thread that has claimed a packet. Returns `false` when it has waited long enough. */
function comesBack(lane: Lane, slot: number): boolean {
  for (let i = 0; i < RESULT_LOOKS; i++) {
    if (lane.state(slot) !== PENDING) return true;
  }
  return false;
}
