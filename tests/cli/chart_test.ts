import assert from "node:assert/strict";
import fc from "fast-check";
import { axisLimit, linePath } from "../../lib/cli/status_page/chart.ts";

const FRAME = { from: 0, to: 10_000, limit: 10, width: 100, height: 50 };

Deno.test("the axis of a chart ends at a round number that no value exceeds", () => {
  assert.equal(axisLimit(0, 1_000), 1_000);
  assert.equal(axisLimit(1_001, 1_000), 2_000);
  assert.equal(axisLimit(4.9e9, 1_000), 5e9);

  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (greatest) => {
    const limit = axisLimit(greatest, 1);
    assert.ok(limit >= greatest && limit <= Math.max(10 * greatest, 1));
  }));
});

Deno.test("a line goes from left to right, and high values are up", () => {
  const points = [{ at: 0, value: 0 }, { at: 2_000, value: 5 }, {
    at: 4_000,
    value: 10,
  }];

  assert.equal(linePath(points, FRAME), "M0.0 50.0L20.0 25.0L40.0 0.0");
});

Deno.test("a line breaks where more than three seconds have no value", () => {
  const points = [{ at: 0, value: 0 }, { at: 3_000, value: 0 }, {
    at: 6_001,
    value: 0,
  }];

  assert.equal(linePath(points, FRAME), "M0.0 50.0L30.0 50.0M60.0 50.0");
});

Deno.test("a line stays within its frame", () => {
  const points = [{ at: -1, value: 0 }, { at: 5_000, value: 99 }, {
    at: 10_001,
    value: 0,
  }];

  assert.equal(linePath(points, FRAME), "M50.0 0.0");
});
