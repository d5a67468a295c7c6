import assert from "node:assert/strict";
import { LineQueue, streamQueue } from "../../lib/io/line_queue.ts";

Deno.test("lines leave in order, in batches, one batch at a time", async () => {
  const stream = new SlowStream();
  const queue = streamQueue(stream, () => {});

  for (const line of ["a", "b", "c"]) assert.ok(queue.push(line));
  await stream.release();
  await queue.flush(1_000);

  assert.deepEqual(stream.texts, ["a\n", "b\nc\n"]);
});

Deno.test("a stream that takes nothing costs a bounded number of lines, and nobody waits for it", async () => {
  const stream = new SlowStream();
  const queue = streamQueue(stream, () => {});

  const taken = Array.from({ length: 20_000 }, () => queue.push("x"))
    .filter(Boolean).length;

  assert.ok(taken >= 10_000 && taken <= 10_001, String(taken));
  queue.clear();
  await stream.release();
  await queue.flush(1_000);
});

Deno.test("what a stream that is gone does not take is counted, and the next lines are tried", async () => {
  const failures: number[] = [];
  const written: string[] = [];
  let isGone = true;
  const queue = new LineQueue((bytes) => {
    if (isGone) return Promise.reject(new Error("Broken pipe"));
    written.push(new TextDecoder().decode(bytes));
    return Promise.resolve();
  }, (_error, lines) => failures.push(lines));

  queue.push("lost");
  await queue.flush(1_000);
  isGone = false;
  queue.push("kept");
  await queue.flush(1_000);

  assert.deepEqual(failures, [1]);
  assert.deepEqual(written, ["kept\n"]);
});

Deno.test("a stream that takes a few bytes at a time gets all of them", async () => {
  let text = "";
  const stream = {
    write(bytes: Uint8Array) {
      text += String.fromCharCode(bytes[0] ?? 0);
      return Promise.resolve(1);
    },
  };
  const queue = streamQueue(stream, () => {});

  queue.push("abc");
  await queue.flush(1_000);

  assert.equal(text, "abc\n");
});

/** A stream whose first write takes until it is released. */
class SlowStream {
  readonly texts: string[] = [];
  readonly #released = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    this.texts.push(new TextDecoder().decode(bytes));
    await this.#released.promise;
    return bytes.length;
  }

  async release(): Promise<void> {
    this.#released.resolve();
    await Promise.resolve();
  }
}
