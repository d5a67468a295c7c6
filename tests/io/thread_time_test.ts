import assert from "node:assert/strict";
import fc from "fast-check";
import { parseWantedMs } from "../../lib/io/thread_time.ts";

Deno.test("[ops 6] a thread wanted a processor while it ran and while it waited to", () => {
  assert.equal(parseWantedMs("514948000 29944000 2\n"), 544.892);
});

Deno.test("[ops 6] a kernel that does not count says nothing of a thread", () => {
  assert.equal(parseWantedMs("0 0 0\n"), undefined);
  assert.equal(parseWantedMs(""), undefined);
});

Deno.test("whatever the kernel writes of a thread, it is a time or nothing", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const wantedMs = parseWantedMs(text);
    assert.ok(wantedMs === undefined || wantedMs > 0);
  }));
});
