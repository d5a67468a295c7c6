import assert from "node:assert/strict";
import { SendPatience } from "../../lib/io/send_patience.ts";

const FD = 7;

Deno.test("[dp 14.4] a batch waits for a socket that takes a little now and then for 0.8 s in all, and no longer", () => {
  const kernel = new SlowKernel(90, true);
  const patience = new SendPatience(kernel);
  patience.begin();

  let waits = 0;
  while (patience.awaitRoom(FD)) waits++;

  assert.equal(kernel.elapsedMs, 800);
  assert.equal(waits, 9);
  assert.equal(patience.awaitRoom(FD), false);
  assert.equal(kernel.elapsedMs, 800);
});

Deno.test("a socket that takes nothing is given up after 0.1 s", () => {
  const kernel = new SlowKernel(5_000, false);
  const patience = new SendPatience(kernel);
  patience.begin();

  assert.equal(patience.awaitRoom(FD), false);
  assert.equal(kernel.elapsedMs, 100);
});

Deno.test("the next batch may wait again", () => {
  const kernel = new SlowKernel(100, true);
  const patience = new SendPatience(kernel);
  patience.begin();
  while (patience.awaitRoom(FD));

  patience.begin();

  assert.equal(patience.awaitRoom(FD), true);
  assert.equal(kernel.elapsedMs, 900);
});

/** A kernel whose sockets take something after a while, or nothing. */
class SlowKernel {
  elapsedMs = 0;
  readonly #afterMs: number;
  readonly #takes: boolean;

  constructor(afterMs: number, takes: boolean) {
    this.#afterMs = afterMs;
    this.#takes = takes;
  }

  now = (): number => this.elapsedMs;

  untilWritable = (fd: number, limitMs: number): boolean => {
    assert.equal(fd, FD);
    this.elapsedMs += Math.min(this.#afterMs, limitMs);
    return this.#takes;
  };
}
