import assert from "node:assert/strict";
import {
  type LogThresholds,
  rankOf,
  thresholdOf,
} from "../../lib/io/log_thresholds.ts";

const THRESHOLDS: LogThresholds = {
  fallback: "info",
  targets: [["connection", "debug"], ["connection.ice", "off"]],
};

Deno.test("a target without a level of its own has the common one", () => {
  const threshold = thresholdOf(THRESHOLDS, "gateway");

  assert.ok(rankOf("info") >= threshold);
  assert.ok(rankOf("debug") < threshold);
});

Deno.test("the longest matching prefix decides", () => {
  assert.ok(rankOf("debug") >= thresholdOf(THRESHOLDS, "connection.tunnel"));
  assert.ok(rankOf("trace") < thresholdOf(THRESHOLDS, "connection.tunnel"));
  assert.ok(rankOf("error") < thresholdOf(THRESHOLDS, "connection.ice"));
});
