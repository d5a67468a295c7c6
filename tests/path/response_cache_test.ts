import assert from "node:assert/strict";
import { instant } from "../../lib/base/mod.ts";
import { ResponseCache } from "../../lib/path/mod.ts";

const RESPONSE = { message: new Uint8Array(92).fill(2), owner: "peer" };

Deno.test("[p2p 60] an initiation finds its response for 10 s and not longer", () => {
  const cache = new ResponseCache<string>();
  const message = initiation(1);
  cache.add(message, 0, 148, RESPONSE, instant(1_000));

  assert.equal(cache.find(message, 0, 148, instant(1_000))?.owner, "peer");
  assert.equal(
    cache.find(message, 0, 148, instant(10_999))?.message,
    RESPONSE.message,
  );
  assert.equal(cache.find(message, 0, 148, instant(11_000)), undefined);
});

Deno.test("[p2p 60] an initiation that differs in any byte finds nothing", () => {
  const cache = new ResponseCache<string>();
  const message = initiation(1);
  cache.add(message, 0, 148, RESPONSE, instant(0));

  for (let at = 0; at < 148; at++) {
    const other = message.slice();
    other[at]! ^= 1;
    assert.equal(cache.find(other, 0, 148, instant(0)), undefined, `${at}`);
  }
  assert.equal(cache.find(message, 0, 147, instant(0)), undefined);
});

Deno.test("an initiation is found wherever it lies in a buffer", () => {
  const cache = new ResponseCache<string>();
  const buffer = new Uint8Array(200);
  buffer.set(initiation(1), 7);
  cache.add(buffer, 7, 155, RESPONSE, instant(0));
  buffer.fill(0);

  const copy = initiation(1);
  assert.ok(cache.find(copy, 0, 148, instant(0)));
});

Deno.test("the cache holds a thousand responses and forgets the oldest", () => {
  const cache = new ResponseCache<string>();
  for (let seed = 0; seed <= 1_000; seed++) {
    cache.add(initiation(seed), 0, 148, RESPONSE, instant(seed));
  }

  const now = instant(1_001);
  assert.equal(cache.find(initiation(0), 0, 148, now), undefined);
  assert.ok(cache.find(initiation(1), 0, 148, now));
  assert.ok(cache.find(initiation(1_000), 0, 148, now));
});

/** Messages of different seeds differ in their ephemeral key. */
function initiation(seed: number): Uint8Array {
  const message = new Uint8Array(148).fill(9);
  message.set([1, 0, 0, 0]);
  new DataView(message.buffer).setUint32(8, seed);
  return message;
}
