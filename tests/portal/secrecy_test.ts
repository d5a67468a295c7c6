import assert from "node:assert/strict";
import { hear, tapeOf } from "../fuzz/channel_target.ts";

Deno.test("[dp 133] tokens, keys and passwords are in no log line, however messages are mangled", () => {
  const lines: string[] = [];

  // `hear` itself looks at each line.
  for (let seed = 0; seed < 40; seed++) lines.push(...hear(tapeOf(seed)));

  const seen = (text: string) => lines.some((line) => line.includes(text));
  assert.ok(seen("Authorization granted"));
  assert.ok(seen("Dropped a message"));
  assert.ok(seen("Dropped a frame"));
});
