import assert from "node:assert/strict";
import { returnFreedMemory } from "../../lib/io/mod.ts";
import { until } from "../support/until.ts";

/** Too small for a mapping of its own, so that it comes from the heap. */
const BLOCK_BYTES = 16_384n;

const BLOCKS = 2_048n;

/** Loaded for all tests: a library is never closed, which a single test would be blamed for. */
const { symbols: heap } = Deno.dlopen("libc.so.6", {
  calloc: { parameters: ["usize", "usize"], result: "pointer" },
  free: { parameters: ["pointer"], result: "void" },
  memset: { parameters: ["pointer", "i32", "usize"], result: "pointer" },
});

Deno.test("memory that native code freed below a block in use goes back to the kernel", async () => {
  const blocks = Array.from({ length: Number(BLOCKS) }, touchedBlock);
  const last = blocks.pop();
  blocks.forEach((block) => heap.free(block!));
  const before = Deno.memoryUsage().rss;

  const stop = returnFreedMemory();

  await until(() =>
    before - Deno.memoryUsage().rss > BLOCKS * BLOCK_BYTES / 2n
  );
  stop();
  heap.free(last!);
});

function touchedBlock(): Deno.PointerValue {
  const block = heap.calloc(1n, BLOCK_BYTES);
  assert.ok(block);
  heap.memset(block, 1, BLOCK_BYTES);
  return block;
}
