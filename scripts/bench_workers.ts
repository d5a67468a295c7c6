/**
 * Measures how fast one data worker gets packets sealed and opened with the
 * help of 0, 1, 2 … crypto workers, and prints a table: nanoseconds per packet.
 *
 *     deno run --allow-read scripts/bench_workers.ts [--workers 0,1,2] [--rounds 5]
 *
 * The contenders agree on every packet before they are timed. A gain takes
 * cores that nobody else uses.
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { Arena, Counters, NO_LOG } from "../lib/base/mod.ts";
import {
  PacketCipher,
  type PoolCount,
  PooledCipher,
} from "../lib/crypto/mod.ts";
import { CryptoWorkers } from "../lib/io/crypto_workers.ts";

const SIZES = [1_280, 64];
const BATCHES = [1, 16, 64, 256];
const PACKETS_PER_ROUND = 30_000;
const ROOM = 1_344;
const TAG = 16;
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);

/** Packets in an arena, and a cipher that works on them. */
class Bench {
  readonly cipher: PacketCipher;
  readonly counters: Counters<PoolCount> = new Counters<PoolCount>([
    "crypto-pool-packets",
    "crypto-pool-late",
    "crypto-pool-blocked",
  ]);
  readonly #workers: CryptoWorkers | undefined;
  readonly #arena = new Arena(1_100_000);
  readonly #most = Math.max(...BATCHES);
  readonly #plain = this.#arena.allocate(this.#most * ROOM);
  readonly #sealed = this.#arena.allocate(this.#most * ROOM);
  readonly #opened = this.#arena.allocate(ROOM);

  constructor(workers: number) {
    const arena = this.#arena;
    const { counters } = this;
    this.#workers = workers > 0
      ? new CryptoWorkers(workers, NO_LOG)
      : undefined;
    this.cipher = this.#workers
      ? PooledCipher.create({ arena, memory: this.#workers.memory, counters })
      : new PacketCipher(arena);
  }

  /** Seals one batch as the data path does. */
  seal(batch: number, size: number): void {
    const { cipher } = this;
    for (let i = 0; i < batch; i++) {
      const at = i * ROOM;
      cipher.sealLater(KEY, i, this.#plain + at, size, this.#sealed + at);
    }
    cipher.finish();
  }

  /** Opens what the last batch was sealed to. */
  open(batch: number, size: number): void {
    const { cipher } = this;
    const length = size + TAG;
    for (let i = 0; i < batch; i++) {
      cipher.openAhead(KEY, i, this.#sealed + i * ROOM, length);
    }
    for (let i = 0; i < batch; i++) {
      const at = this.#sealed + i * ROOM;
      assert.ok(cipher.open(KEY, i, at, length, this.#opened));
    }
    cipher.endAhead();
  }

  /** Compares what a batch is sealed to with what a plain cipher makes of it. */
  check(batch: number, size: number): void {
    const oracle = new PacketCipher(this.#arena);
    const { bytes } = this.#arena;
    const length = size + TAG;
    this.seal(batch, size);
    for (let i = 0; i < batch; i++) {
      const at = i * ROOM;
      oracle.seal(KEY, i, this.#plain + at, size, this.#opened);
      assert.deepEqual(
        bytes.slice(this.#sealed + at, this.#sealed + at + length),
        bytes.slice(this.#opened, this.#opened + length),
      );
    }
    this.open(batch, size);
  }

  stop(): void {
    this.#workers?.stop();
  }
}

/** Returns the best round, in ns per packet. */
function measure(
  rounds: number,
  batch: number,
  action: () => void,
): number {
  const calls = Math.ceil(PACKETS_PER_ROUND / batch);
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    for (let i = 0; i < calls; i++) action();
    best = Math.min(best, performance.now() - startedAt);
  }
  return best * 1e6 / (calls * batch);
}

const { values } = parseArgs({
  options: {
    workers: { type: "string", default: "0,1,2" },
    rounds: { type: "string", default: "5" },
  },
});
console.log(
  `${navigator.hardwareConcurrency} cores; ns per packet, best of ${values.rounds} rounds`,
);
console.log("workers  bytes  batch   seal   open");
for (const workers of values.workers.split(",").map(Number)) {
  const bench = new Bench(workers);
  for (const size of SIZES) {
    for (const batch of BATCHES) {
      bench.check(batch, size);
      const rounds = Number(values.rounds);
      const seal = measure(rounds, batch, () => bench.seal(batch, size));
      const open = measure(rounds, batch, () => bench.open(batch, size));
      const cells = [workers, size, batch, Math.round(seal), Math.round(open)];
      console.log(cells.map((it) => String(it).padStart(6)).join(" "));
    }
  }
  if (workers > 0) console.log(JSON.stringify(bench.counters.snapshot()));
  bench.stop();
}
Deno.exit(0);
