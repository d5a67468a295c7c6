import assert from "node:assert/strict";
import fc from "fast-check";
import { Arena } from "../../lib/base/mod.ts";
import type { HandOffRunner } from "../../lib/crypto/hand_off_runner.ts";
import { PacketCipher, stopHandOff } from "../../lib/crypto/mod.ts";
import { CryptoPool } from "../support/crypto_pool.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { SeededRandom } from "../support/random.ts";

const TAG = 16;
const MAX_LENGTH = 1_280;
const ROOM = 1_344;
const LANE = 256;
const CANARY = 0xa5;

Deno.test("what others seal, what we seal and what is sealed at once is the same", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: MAX_LENGTH }), { maxLength: 40 }),
      fc.array(fc.nat({ max: 3 }), { maxLength: 40 }),
      (lengths, helpings) => {
        const bench = new Workbench(40);
        const helper = bench.pool.claimant();

        lengths.forEach((length, i) => {
          bench.sealLater(i, length);
          help(helper, helpings[i] ?? 0);
        });
        bench.cipher.finish();

        lengths.forEach((length, i) =>
          assert.deepEqual(bench.target(i, length + TAG), bench.sealed(i))
        );
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("what is opened ahead by others or by us is what open gives, in any order that skips", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          length: fc.integer({ min: 0, max: MAX_LENGTH }),
          isForged: fc.boolean(),
          isAsked: fc.boolean(),
        }),
        { maxLength: 40 },
      ),
      fc.nat({ max: 40 }),
      (packets, helping) => {
        const bench = new Workbench(40);
        packets.forEach(({ length, isForged }, i) =>
          bench.receive(i, length, isForged)
        );

        packets.forEach(({ length }, i) => bench.openAhead(i, length));
        help(bench.pool.claimant(), helping);
        packets.forEach(({ length, isForged, isAsked }, i) => {
          if (!isAsked) return;
          assert.equal(bench.open(i, length), !isForged);
          if (!isForged) {
            assert.deepEqual(bench.opened(length), bench.plain(i));
          }
        });
        bench.cipher.endAhead();
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("nothing behind the target is touched", () => {
  const bench = new Workbench(1);
  bench.sealLater(0, 100);
  bench.cipher.finish();

  assert.deepEqual(
    bench.target(0, ROOM).subarray(100 + TAG),
    new Uint8Array(ROOM - 100 - TAG).fill(CANARY),
  );
});

Deno.test("the source may be overwritten before the cipher has finished", () => {
  const bench = new Workbench(1);
  const { bytes } = bench.arena;
  bench.sealLater(0, 100);
  const before = bench.sealed(0);
  bytes.fill(0, bench.sourceAt(0), bench.sourceAt(0) + 100);

  bench.cipher.finish();

  assert.deepEqual(bench.target(0, 100 + TAG), before);
});

Deno.test("more packets than a lane holds are sealed all the same", () => {
  const count = 2 * LANE + 3;
  const bench = new Workbench(count);
  for (let i = 0; i < count; i++) bench.sealLater(i, 64);

  bench.cipher.finish();

  for (let i = 0; i < count; i++) {
    assert.deepEqual(bench.target(i, 64 + TAG), bench.sealed(i));
  }
});

Deno.test("no more is opened ahead than a lane holds, and the rest is opened in its turn", () => {
  const bench = new Workbench(LANE + 2);
  for (let i = 0; i < LANE + 2; i++) bench.receive(i, 64, false);

  const taken: boolean[] = [];
  for (let i = 0; i < LANE + 2; i++) taken.push(bench.openAhead(i, 64));

  assert.deepEqual(taken.lastIndexOf(true), LANE - 1);
  for (let i = 0; i < LANE + 2; i++) assert.ok(bench.open(i, 64));
});

Deno.test("a packet that its claimant never brings back is sealed nevertheless, also after its key was erased", () => {
  const bench = new Workbench(3);
  for (let i = 0; i < 3; i++) bench.sealLater(i, 300);
  const wanted = [0, 1, 2].map((i) => bench.sealed(i));
  assert.equal(bench.pool.handOff.seals.claim(), 0);

  bench.key.fill(0);
  bench.cipher.finish();

  const sealed = [0, 1, 2].map((i) => bench.target(i, 300 + TAG));
  assert.deepEqual(sealed, wanted);
  assert.equal(bench.pool.counters.get("crypto-pool-late"), 1);
});

Deno.test("a packet that its claimant never brings back is opened nevertheless", () => {
  const bench = new Workbench(1);
  bench.receive(0, 300, false);
  bench.openAhead(0, 300);
  assert.equal(bench.pool.handOff.opens.claim(), 0);

  assert.ok(bench.open(0, 300));

  assert.deepEqual(bench.opened(300), bench.plain(0));
  assert.equal(bench.pool.counters.get("crypto-pool-late"), 1);
});

Deno.test("once the ring comes round to a dead claimant's slot nothing is handed off, and all is sealed", () => {
  const bench = new Workbench(1);
  bench.sealLater(0, 64);
  bench.pool.handOff.seals.claim();

  for (let i = 0; i < 2 * LANE; i++) {
    bench.cipher.finish();
    bench.sealLater(0, 64);
  }

  bench.cipher.finish();
  assert.deepEqual(bench.target(0, 64 + TAG), bench.sealed(0));
  assert.equal(bench.pool.counters.get("crypto-pool-blocked"), LANE + 1);
  assert.equal(bench.pool.handOff.seals.hasWork, false);
});

Deno.test("a late claimant that comes back after all does no harm, and its slot is used again", () => {
  const bench = new Workbench(2);
  bench.sealLater(0, 64);
  const { seals } = bench.pool.handOff;
  const slot = seals.claim();
  bench.cipher.finish();

  seals.settle(slot, 2);
  for (let i = 0; i < LANE; i++) {
    bench.sealLater(1, 64);
    bench.cipher.finish();
  }

  assert.deepEqual(bench.target(0, 64 + TAG), bench.sealed(0));
  assert.deepEqual(bench.target(1, 64 + TAG), bench.sealed(1));
  assert.equal(bench.pool.counters.get("crypto-pool-blocked"), 0);
});

Deno.test("no key stays in the memory that threads share", () => {
  const bench = new Workbench(20);
  for (let i = 0; i < 20; i++) bench.receive(i, 64, i % 2 === 0);
  const helper = bench.pool.claimant();
  for (let i = 0; i < 20; i++) {
    bench.sealLater(i, 64);
    bench.openAhead(i, 64);
    if (i % 3 === 0) helper.runNext();
  }

  bench.cipher.finish();
  bench.cipher.endAhead();

  const shared = new Uint8Array(bench.pool.memory.buffer);
  assert.equal(indexOf(shared, bench.key), -1);
});

Deno.test("handing off costs no heap", () => {
  const bench = new Workbench(8);
  for (let i = 0; i < 8; i++) bench.receive(i, 64, false);

  const bytes = heapBytesPerCall(() => {
    for (let i = 0; i < 8; i++) bench.sealLater(i, 64);
    bench.cipher.finish();
    for (let i = 0; i < 8; i++) bench.openAhead(i, 64);
    for (let i = 0; i < 8; i++) bench.open(i, 64);
    bench.cipher.endAhead();
  });

  assert.ok(bytes < 16, `${bytes} bytes for 16 packets`);
});

Deno.test("other threads seal and open until they are stopped", async () => {
  const bench = new Workbench(LANE);
  const url = new URL("../support/hand_off_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const said = messagesOf(worker);
  worker.postMessage(bench.pool.memory);
  assert.equal((await said.next()).value, "serving");

  let rounds = 0;
  while (bench.pool.counters.get("crypto-pool-packets") < 2 * LANE) {
    for (let i = 0; i < LANE; i++) bench.sealLater(i, 1_000);
    bench.cipher.finish();
    assert.deepEqual(bench.target(7, 1_000 + TAG), bench.sealed(7));
    for (let i = 0; i < LANE; i++) bench.receive(i, 1_000, i === 7);
    for (let i = 0; i < LANE; i++) bench.openAhead(i, 1_000);
    for (let i = 0; i < LANE; i++) assert.equal(bench.open(i, 1_000), i !== 7);
    bench.cipher.endAhead();
    assert.ok(++rounds < 10_000, "Nobody helped");
  }
  stopHandOff(bench.pool.memory);

  assert.equal((await said.next()).value, "ended");
});

/** An arena with packets in it, a pooled cipher, and the plain one as oracle. */
class Workbench {
  readonly arena: Arena;
  readonly pool: CryptoPool;
  readonly cipher: PacketCipher;
  readonly key: Uint8Array = new Uint8Array(32);
  readonly #oracle: PacketCipher;
  readonly #sources: number;
  readonly #targets: number;
  readonly #opened: number;
  readonly #expected: number;
  readonly #lengths: number[] = [];

  constructor(count: number) {
    this.arena = new Arena(2 * count * ROOM + 16_384);
    this.pool = new CryptoPool(this.arena);
    this.cipher = this.pool.cipher;
    this.#oracle = new PacketCipher(this.arena);
    this.#sources = this.arena.allocate(count * ROOM);
    this.#targets = this.arena.allocate(count * ROOM);
    this.#opened = this.arena.allocate(ROOM);
    this.#expected = this.arena.allocate(ROOM);
    const random = new SeededRandom(3);
    const { bytes } = this.arena;
    random.fill(bytes.subarray(this.#sources, this.#sources + count * ROOM));
    random.fill(this.key);
    bytes.fill(CANARY, this.#targets, this.#targets + count * ROOM);
  }

  sourceAt(i: number): number {
    return this.#sources + i * ROOM;
  }

  targetAt(i: number): number {
    return this.#targets + i * ROOM;
  }

  sealLater(i: number, length: number): void {
    this.#lengths[i] = length;
    const { cipher, key } = this;
    cipher.sealLater(key, i, this.sourceAt(i), length, this.targetAt(i));
  }

  /** Puts packet `i` into its target as a peer would have sent it. */
  receive(i: number, length: number, isForged: boolean): void {
    this.#lengths[i] = length;
    const target = this.targetAt(i);
    this.#oracle.seal(this.key, i, this.sourceAt(i), length, target);
    if (isForged) this.arena.bytes[target + length]! ^= 1;
  }

  openAhead(i: number, length: number): boolean {
    const at = this.targetAt(i);
    return this.cipher.openAhead(this.key, i, at, length + TAG);
  }

  open(i: number, length: number): boolean {
    const at = this.targetAt(i);
    return this.cipher.open(this.key, i, at, length + TAG, this.#opened);
  }

  opened(length: number): Uint8Array {
    return this.arena.bytes.slice(this.#opened, this.#opened + length);
  }

  plain(i: number): Uint8Array {
    const at = this.sourceAt(i);
    return this.arena.bytes.slice(at, at + (this.#lengths[i] ?? 0));
  }

  target(i: number, length: number): Uint8Array {
    return this.arena.bytes.slice(this.targetAt(i), this.targetAt(i) + length);
  }

  /** What packet `i` has to be sealed to. */
  sealed(i: number): Uint8Array {
    const length = this.#lengths[i] ?? 0;
    const at = this.#expected;
    this.#oracle.seal(this.key, i, this.sourceAt(i), length, at);
    return this.arena.bytes.slice(at, at + length + TAG);
  }
}

function help(helper: HandOffRunner, times: number): void {
  for (let i = 0; i < times; i++) helper.runNext();
}

async function* messagesOf(worker: Worker): AsyncGenerator<unknown> {
  const waiting: unknown[] = [];
  let wake = () => {};
  worker.onmessage = ({ data }) => {
    waiting.push(data);
    wake();
  };
  for (;;) {
    if (waiting.length > 0) yield waiting.shift();
    else await new Promise<void>((resolve) => wake = resolve);
  }
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  const first = wanted[0] ?? 0;
  for (let at = bytes.indexOf(first); at >= 0;) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
    at = bytes.indexOf(first, at + 1);
  }
  return -1;
}
