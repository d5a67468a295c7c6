import { Arena } from "../base/mod.ts";
import { AEAD_TAG_BYTES } from "./aead.ts";
import {
  DONE,
  FORGED,
  HandOff,
  type Lane,
  LANE_SLOTS,
  NONE,
  SLOT_INPUT_BYTES,
} from "./hand_off.ts";
import { bridgeMemories, type MemoryBridge } from "./memory_bridge.ts";
import { PacketCipher } from "./packet_cipher.ts";

/** Room for one packet and what kernels may touch behind it. */
const ROOM_BYTES: number = SLOT_INPUT_BYTES + 64;

/** Seals and opens packets of a hand-off, one at a time, in memory of the thread's own. */
export class HandOffRunner {
  readonly #handOff: HandOff;
  readonly #cipher: PacketCipher;
  readonly #bridge: MemoryBridge;
  readonly #inputAt: number;
  readonly #resultAt: number;

  /** Works for `handOff` by means of `cipher`, in whose arena it takes some room. `bridge` joins both memories. */
  constructor(handOff: HandOff, cipher: PacketCipher, bridge: MemoryBridge) {
    this.#handOff = handOff;
    this.#cipher = cipher;
    this.#bridge = bridge;
    this.#inputAt = cipher.arena.allocate(ROOM_BYTES, 64);
    this.#resultAt = cipher.arena.allocate(ROOM_BYTES, 64);
  }

  /** Does packets that nobody has claimed, a few of them, and returns how many: 0 when there are none. */
  runNext(): number {
    const { seals, opens } = this.#handOff;
    return this.runNextOf(seals) || this.runNextOf(opens);
  }

  /** The same for one lane. */
  runNextOf(lane: Lane): number {
    const first = lane.claim();
    if (first === NONE) return 0;
    const { claimed } = lane;
    for (let i = 0; i < claimed; i++) {
      this.#run(lane, (first + i) % LANE_SLOTS);
    }
    return claimed;
  }

  #run(lane: Lane, slot: number): void {
    const length = lane.length(slot);
    this.#bridge.toArena(this.#inputAt, lane.inputAt(slot), length);
    const isGood = lane === this.#handOff.seals
      ? this.#seal(lane, slot, length)
      : this.#open(lane, slot, length);
    lane.settle(slot, isGood ? DONE : FORGED);
  }

  #seal(lane: Lane, slot: number, length: number): true {
    const key = lane.key(slot);
    const counter = lane.counter(slot);
    this.#cipher.seal(key, counter, this.#inputAt, length, this.#resultAt);
    key.fill(0);
    const resultLength = length + AEAD_TAG_BYTES;
    this.#bridge.toShared(lane.resultAt(slot), this.#resultAt, resultLength);
    return true;
  }

  #open(lane: Lane, slot: number, length: number): boolean {
    const key = lane.key(slot);
    const counter = lane.counter(slot);
    const isGood = this.#cipher.open(
      key,
      counter,
      this.#inputAt,
      length,
      this.#resultAt,
    );
    key.fill(0);
    const resultLength = length - AEAD_TAG_BYTES;
    this.#bridge.toShared(lane.resultAt(slot), this.#resultAt, resultLength);
    return isGood;
  }
}

/** Works on what is handed off in `memory` until that is stopped. Blocks its thread. */
export function serveHandOff(memory: WebAssembly.Memory): void {
  const handOff = new HandOff(memory);
  const arena = new Arena(2 * ROOM_BYTES);
  const bridge = bridgeMemories(arena.memory, memory);
  if (bridge === undefined) return;
  const cipher = new PacketCipher(arena);
  const runner = new HandOffRunner(handOff, cipher, bridge);
  while (!handOff.isStopped) {
    if (runner.runNext() > 0) continue;
    // Whose keys these were may be gone before there is work again.
    cipher.wipe();
    handOff.awaitWork();
  }
}
