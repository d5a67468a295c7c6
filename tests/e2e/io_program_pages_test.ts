import assert from "node:assert/strict";
import { returnFreedMemory } from "../../lib/io/mod.ts";
import { until } from "../support/until.ts";

/** What the runtime has of its own file after the start is some 30 MB; a quarter of that needs no luck. */
const ENOUGH_BYTES = 8 * 1024 * 1024;

Deno.test("pages of the program that only its start has used are not resident any more", async () => {
  const before = fileBytes();
  const stop = returnFreedMemory();

  await until(() => before - fileBytes() > ENOUGH_BYTES);
  stop();
});

/** Returns what is resident of the mapped files. */
function fileBytes(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  const kilobytes = /^RssFile:\s*(\d+) kB$/m.exec(status)?.[1];
  assert.ok(kilobytes, status);
  return Number(kilobytes) * 1024;
}
