import assert from "node:assert/strict";
import { after, instant, TokenBucket } from "../../lib/base/mod.ts";

Deno.test("TokenBucket lets pass at once what passes in a second, and then its rate", () => {
  const bucket = new TokenBucket(10);
  const now = instant(5_000);
  const taken = (ms: number) => {
    let count = 0;
    while (bucket.take(after(now, ms))) count++;
    return count;
  };

  assert.equal(taken(0), 10);
  assert.equal(taken(0), 0);
  assert.equal(taken(500), 5);
  assert.equal(taken(800), 3);
  assert.equal(taken(60_000), 10);
});
