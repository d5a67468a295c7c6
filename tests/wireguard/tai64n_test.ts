import assert from "node:assert/strict";
import { toHex, unixMs } from "../../lib/base/mod.ts";
import {
  isLaterTai64n,
  tai64n,
  TimestampSource,
} from "../../lib/wireguard/tai64n.ts";

Deno.test("tai64n counts seconds from 2^62 + 37 and adds nanoseconds", () => {
  assert.equal(toHex(tai64n(unixMs(0))), "400000000000002500000000");
  assert.equal(
    toHex(tai64n(unixMs(1_700_000_000_125))),
    "400000006553f12507735940",
  );
});

Deno.test("tai64n carries into the upper half after 2106", () => {
  assert.equal(
    toHex(tai64n(unixMs((2 ** 32 - 37) * 1_000))),
    "400000010000000000000000",
  );
});

Deno.test("isLaterTai64n compares the labels as numbers, nanoseconds last", () => {
  const early = tai64n(unixMs(1_700_000_000_000));
  const late = tai64n(unixMs(1_700_000_000_001));

  assert.equal(isLaterTai64n(late, early), true);
  assert.equal(isLaterTai64n(early, late), false);
  assert.equal(isLaterTai64n(early, early), false);
});

Deno.test("TimestampSource makes later labels even while the clock stands or steps back", () => {
  const source = new TimestampSource();
  const times = [1_700_000_000_000, 1_700_000_000_000, 1_699_999_999_000];

  const labels = times.map((time) => source.next(unixMs(time)));

  assert.ok(isLaterTai64n(labels[1]!, labels[0]!));
  assert.ok(isLaterTai64n(labels[2]!, labels[1]!));
});
