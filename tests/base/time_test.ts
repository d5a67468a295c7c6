import assert from "node:assert/strict";
import {
  after,
  earlier,
  elapsedMs,
  instant,
  instantAt,
  NEVER,
  unixAt,
  unixMs,
} from "../../lib/base/mod.ts";

Deno.test("an unarmed timer is later than any deadline", () => {
  assert.equal(earlier(NEVER, instant(5)), 5);
  assert.equal(after(NEVER, 1_000), NEVER);
});

Deno.test("elapsed time is never negative", () => {
  assert.equal(elapsedMs(instant(10), instant(4)), 0);
  assert.equal(elapsedMs(instant(4), instant(10)), 6);
});

Deno.test("an epoch converts between the two clocks without loss", () => {
  const epoch = { instant: instant(500), unix: unixMs(1_700_000_000_000) };

  assert.equal(unixAt(epoch, instant(1_500)), 1_700_000_001_000);
  assert.equal(instantAt(epoch, unixMs(1_700_000_001_000)), 1_500);
});
