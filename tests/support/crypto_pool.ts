import assert from "node:assert/strict";
import { Arena, Counters } from "../../lib/base/mod.ts";
import { HandOff } from "../../lib/crypto/hand_off.ts";
import { HandOffRunner } from "../../lib/crypto/hand_off_runner.ts";
import { bridgeMemories } from "../../lib/crypto/memory_bridge.ts";
import {
  createHandOffMemory,
  PacketCipher,
  type PoolCount,
  PooledCipher,
} from "../../lib/crypto/mod.ts";

/** A pooled cipher, and all that the other threads of a pool have of it. */
export class CryptoPool {
  readonly memory = createHandOffMemory();
  readonly handOff = new HandOff(this.memory);
  readonly counters: Counters<PoolCount> = new Counters<PoolCount>([
    "crypto-pool-packets",
    "crypto-pool-late",
    "crypto-pool-blocked",
  ]);
  readonly cipher: PacketCipher;

  constructor(arena: Arena) {
    const { counters, memory } = this;
    this.cipher = PooledCipher.create({ arena, memory, counters });
    assert(this.cipher.readsAhead, "This engine has one memory to a module");
  }

  /** Makes one more claimant that works when it is told to, on this thread. */
  claimant(): HandOffRunner {
    const arena = new Arena(8_192);
    const bridge = bridgeMemories(arena.memory, this.memory);
    assert(bridge);
    return new HandOffRunner(this.handOff, new PacketCipher(arena), bridge);
  }
}
