import assert from "node:assert/strict";
import fc from "fast-check";
import { instant } from "../../lib/base/mod.ts";
import { FairShare, fairShare } from "../../lib/io/fair_share.ts";
import { heapBytesPerCall } from "../support/heap.ts";

const PACKET_BYTES = 1_200;
const QUEUE_LIMIT = 10_000;
const HEAVY = 1;
const LIGHT = 2;

Deno.test("a share gives everyone what all can have, and no more than wanted", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 50 }),
      fc.nat({ max: 20_000 }),
      (wanted, total) => {
        const share = fairShare(Float64Array.from(wanted), total);

        const given = wanted.map((want) => Math.min(want, share));
        const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
        const possible = Math.min(sum(wanted), total);
        assert.ok(Math.abs(sum(given) - possible) < 1e-6);
      },
    ),
  );
});

Deno.test("as long as the kernel drops nothing, nothing is shared, however long its queue stands", () => {
  const world = new World(1_000);
  world.isProbeSilent = true;

  world.run(2_000, { heavy: 3_000, light: 1 });

  assert.equal(world.share.isOverloaded, false);
  assert.equal(world.refused[HEAVY], 0);
});

Deno.test("without sharing a light flow loses as much as the heavy one, and waits for a full queue", () => {
  const world = new World(1_000);
  world.isProbeSilent = true;
  world.run(1_000, { heavy: 3_000, light: 10 });
  world.forget();

  world.run(2_000, { heavy: 3_000, light: 10 });

  assert.ok(world.lost[LIGHT]! > 0.5 * 10 * 2_000);
  assert.equal(world.longestQueue, QUEUE_LIMIT);
});

Deno.test("what runs empty now and then is never asked about", () => {
  const world = new World(1_000);

  world.run(2_000, { heavy: 900, light: 1 });

  assert.equal(world.questions, 0);
});

Deno.test("under overload the light flow loses nothing and waits little, and the heavy one gets most of what there is", () => {
  const world = new World(1_000);
  world.run(1_000, { heavy: 3_000, light: 10 });
  assert.ok(world.share.isOverloaded);
  world.forget();

  world.run(2_000, { heavy: 3_000, light: 10 });

  assert.equal(world.lost[LIGHT], 0);
  assert.equal(world.refused[LIGHT], 0);
  assert.ok(world.longestQueue < QUEUE_LIMIT);
  assert.ok(world.passed[HEAVY]! > 0.6 * 1_000 * 2_000);
});

Deno.test("two heavy flows get as much as each other, whatever they send", () => {
  const world = new World(1_000);
  world.run(1_000, { heavy: 4_000, light: 1_000 });
  world.forget();

  world.run(2_000, { heavy: 4_000, light: 1_000 });

  const [heavy = 0, other = 0] = [world.passed[HEAVY], world.passed[LIGHT]];
  assert.ok(heavy / other > 0.8 && heavy / other < 1.25, `${heavy}/${other}`);
});

Deno.test("a flood that we cannot even drop takes a part of what we can do, never all", () => {
  const world = new World(1_000);

  world.run(1_000, { heavy: 50_000, light: 1 });

  assert.ok(world.passed[HEAVY]! > 0.1 * 1_000 * 1_000);
});

Deno.test("a flow that is alone has nobody to share with", () => {
  const world = new World(1_000);

  world.run(1_000, { heavy: 3_000, light: 0 });

  assert.ok(world.share.isOverloaded);
  assert.equal(world.refused[HEAVY], 0);
});

Deno.test("after an overload everything passes again", () => {
  const world = new World(1_000);
  world.run(1_000, { heavy: 3_000, light: 10 });

  world.run(3_000, { heavy: 500, light: 10 });
  world.forget();
  world.run(1_000, { heavy: 900, light: 10 });

  assert.equal(world.share.isOverloaded, false);
  assert.equal(world.refused[HEAVY], 0);
});

Deno.test("what a flow sends beyond its share is dropped evenly, not in one piece", () => {
  const world = new World(1_000);
  world.run(1_000, { heavy: 2_000, light: 10 });
  world.forget();

  world.run(500, { heavy: 2_000, light: 10 });

  assert.ok(world.longestRefusal <= 20, `${world.longestRefusal} in a row`);
});

Deno.test("another overload puts flows into other buckets", () => {
  const world = new World(1_000);
  const before = world.share.seed;

  world.run(1_000, { heavy: 3_000, light: 10 });

  assert.notEqual(world.share.seed, before);
});

Deno.test("admitting costs no heap", () => {
  const world = new World(1_000);
  world.run(1_000, { heavy: 3_000, light: 10 });
  let flow = 0;

  const bytes = heapBytesPerCall(() => {
    world.share.admit(flow++ & 0xffff, 1, PACKET_BYTES);
  });

  assert.ok(bytes < 1, `${bytes} bytes per packet`);
});

/** Packets of each flow that come in one ms. */
interface Load {
  readonly heavy: number;
  readonly light: number;
}

/**
 * A queue as the kernel's, and somebody who reads it for a ms at a time. To
 * drop a packet takes him a tenth of the time that to carry it takes.
 */
class World {
  readonly share: FairShare;
  readonly passed = [0, 0, 0];
  readonly refused = [0, 0, 0];
  readonly lost = [0, 0, 0];
  longestQueue = 0;
  longestRefusal = 0;
  questions = 0;
  isProbeSilent = false;
  readonly #capacity: number;
  readonly #queue: number[] = [];
  #hasLost = false;
  #refusalsInARow = 0;
  #ms = 0;

  /** `capacity`: packets that can be carried in a ms. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.share = new FairShare(instant(0), 7, () => {
      this.questions++;
      const hasLost = this.#hasLost && !this.isProbeSilent;
      this.#hasLost = false;
      return hasLost;
    });
  }

  run(ms: number, load: Load): void {
    for (let i = 0; i < ms; i++) {
      this.#arrive(load);
      this.#work();
    }
  }

  /** Counts from here. */
  forget(): void {
    for (const counts of [this.passed, this.refused, this.lost]) counts.fill(0);
    this.longestQueue = this.#queue.length;
    this.longestRefusal = 0;
  }

  /** Light packets come between heavy ones. */
  #arrive({ heavy, light }: Load): void {
    for (let i = 0; i < heavy; i++) {
      this.#push(HEAVY);
      const due = Math.floor((i + 1) * light / heavy) -
        Math.floor(i * light / heavy);
      for (let k = 0; k < due; k++) this.#push(LIGHT);
    }
    this.longestQueue = Math.max(this.longestQueue, this.#queue.length);
  }

  #push(flow: number): void {
    if (this.#queue.length < QUEUE_LIMIT) this.#queue.push(flow);
    else {
      this.#hasLost = true;
      this.lost[flow]!++;
    }
  }

  #work(): void {
    this.share.advance(instant(++this.#ms));
    let taken = 0;
    let time = this.#capacity;
    while (time > 0 && taken < this.#queue.length) {
      const flow = this.#queue[taken++]!;
      const passes = !this.share.isOverloaded ||
        this.share.admit(flow, 1, PACKET_BYTES);
      (passes ? this.passed : this.refused)[flow]!++;
      time -= passes ? 1 : 0.1;
      this.#refusalsInARow = passes ? 0 : this.#refusalsInARow + 1;
      this.longestRefusal = Math.max(this.longestRefusal, this.#refusalsInARow);
    }
    this.#queue.splice(0, taken);
    if (this.#queue.length > 0) return;
    this.share.noteEmpty();
    this.share.noteIdle(Math.max(time, 0) / this.#capacity);
  }
}
