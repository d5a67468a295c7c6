import assert from "node:assert/strict";
import {
  Arena,
  AssertionError,
  KERNEL_RESERVED_BYTES,
} from "../../lib/base/mod.ts";

Deno.test("Arena hands out aligned room that never overlaps and never grows the memory", () => {
  const arena = new Arena(1_000);
  const { buffer } = arena.memory;

  const a = arena.allocate(10);
  const b = arena.allocate(100, 64);

  assert.ok(a >= KERNEL_RESERVED_BYTES);
  assert.ok(b >= a + 10);
  assert.equal(b % 64, 0);
  assert.equal(arena.memory.buffer, buffer);
});

Deno.test("Arena refuses to hand out more than it has", () => {
  const arena = new Arena(1_000);

  assert.throws(() => arena.allocate(arena.bytes.length), AssertionError);
});
