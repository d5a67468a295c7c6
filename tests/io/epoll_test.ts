import assert from "node:assert/strict";
import { instant, NEVER } from "../../lib/base/mod.ts";
import { waitMs } from "../../lib/io/epoll.ts";

Deno.test("the loop sleeps until the deadline, rounded up to whole milliseconds", () => {
  assert.equal(waitMs(instant(1_100), instant(1_000)), 100);
  assert.equal(waitMs(instant(1_000.2), instant(1_000)), 1);
});

Deno.test("the loop does not sleep when the deadline has passed", () => {
  assert.equal(waitMs(instant(1_000), instant(1_000)), 0);
  assert.equal(waitMs(instant(1), instant(1_000)), 0);
});

Deno.test("the loop never sleeps longer than half a second", () => {
  assert.equal(waitMs(instant(9_000), instant(1_000)), 500);
  assert.equal(waitMs(NEVER, instant(1_000)), 500);
});
