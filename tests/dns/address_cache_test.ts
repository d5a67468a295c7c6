import assert from "node:assert/strict";
import { instant, parseIp } from "../../lib/base/mod.ts";
import { AddressCache } from "../../lib/dns/mod.ts";

const ADDRESS = parseIp("192.0.2.1")!;

Deno.test("an answer is kept for as long as its records may be", () => {
  const cache = new AddressCache();

  cache.put("4 a", [ADDRESS], 60, instant(1_000));

  assert.deepEqual(cache.get("4 a", instant(60_999)), [ADDRESS]);
  assert.equal(cache.get("4 a", instant(61_000)), undefined);
  assert.equal(cache.get("6 a", instant(1_000)), undefined);
});

Deno.test("that there is nothing is kept for five seconds, a life of zero not at all", () => {
  const cache = new AddressCache();

  cache.put("4 a", [], 3_600, instant(0));
  cache.put("4 b", [ADDRESS], 0, instant(0));

  assert.deepEqual(cache.get("4 a", instant(4_999)), []);
  assert.equal(cache.get("4 a", instant(5_000)), undefined);
  assert.equal(cache.get("4 b", instant(0)), undefined);
});

Deno.test("nothing is kept for more than a day", () => {
  const cache = new AddressCache();

  cache.put("4 a", [ADDRESS], 0x7fffffff, instant(0));

  assert.deepEqual(cache.get("4 a", instant(86_399_999)), [ADDRESS]);
  assert.equal(cache.get("4 a", instant(86_400_000)), undefined);
});

Deno.test("of more than 512 answers the one unused for longest goes", () => {
  const cache = new AddressCache();
  for (let i = 0; i < 512; i++) cache.put(`4 n${i}`, [ADDRESS], 60, instant(0));
  cache.get("4 n0", instant(1));

  cache.put("4 more", [ADDRESS], 60, instant(2));

  assert.equal(cache.size, 512);
  assert.equal(cache.get("4 n1", instant(3)), undefined);
  assert.deepEqual(cache.get("4 n0", instant(3)), [ADDRESS]);
  assert.deepEqual(cache.get("4 more", instant(3)), [ADDRESS]);
});

Deno.test("a cleared cache knows nothing", () => {
  const cache = new AddressCache();
  cache.put("4 a", [ADDRESS], 60, instant(0));

  cache.clear();

  assert.equal(cache.get("4 a", instant(0)), undefined);
});
