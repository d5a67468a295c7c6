import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatSocketAddress,
  type SocketAddress,
  SocketTable,
} from "../../lib/base/mod.ts";
import { addressOf } from "../support/datagram.ts";
import { heapBytesPerCall } from "../support/heap.ts";

Deno.test("SocketTable agrees with a Map keyed by text", () => {
  const steps = fc.array(fc.tuple(addresses(), fc.boolean(), fc.nat()), {
    maxLength: 200,
  });
  fc.assert(fc.property(steps, fc.nat(), (list, seed) => {
    const table = new SocketTable<number>(seed);
    const model = new Map<string, number>();

    for (const [address, isSet, value] of list) {
      const key = formatSocketAddress(address);
      if (isSet) {
        table.set(address, value);
        model.set(key, value);
      } else assert.equal(table.delete(address), model.delete(key));
      assert.equal(table.size, model.size);
    }
    for (const [address] of list) {
      const { ip, port } = address;
      assert.equal(table.get(address), model.get(formatSocketAddress(address)));
      assert.equal(table.find(ip.bytes, ip.family, port), table.get(address));
    }
  }));
});

Deno.test("SocketTable tells family, address and port apart", () => {
  const table = new SocketTable<string>(7);
  table.set(addressOf("0.0.0.1:5"), "short");
  table.set(addressOf("[0:1::]:5"), "long");

  assert.equal(table.get(addressOf("0.0.0.1:5")), "short");
  assert.equal(table.get(addressOf("[0:1::]:5")), "long");
  assert.equal(table.get(addressOf("0.0.0.1:6")), undefined);
  assert.equal(table.get(addressOf("0.0.0.2:5")), undefined);
});

Deno.test("addresses that share a hash do not disturb each other", () => {
  // Among so many, about ten pairs do: the hash has 30 bits.
  const all = Array.from(
    { length: 150_000 },
    (_, i) => addressOf(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:52625`),
  );
  const table = new SocketTable<number>(1);
  all.forEach((address, i) => table.set(address, i));

  const hasOwn = all.every((address, i) => table.get(address) === i);
  const isGone = all.every((address, i) =>
    i % 2 === 0 || table.delete(address)
  );
  const hasRest = all.every((address, i) =>
    table.get(address) === (i % 2 === 0 ? i : undefined)
  );

  assert.deepEqual([hasOwn, isGone, hasRest], [true, true, true]);
  assert.equal(table.size, 75_000);
});

Deno.test("looking up a socket address allocates nothing", () => {
  const table = new SocketTable<object>(123_456_789);
  const known = addressOf("[2001:db8::1]:52625");
  const unknown = addressOf("203.0.113.9:52625");
  table.set(known, {});

  const bytes = heapBytesPerCall(() => {
    table.get(known);
    table.find(unknown.ip.bytes, 4, 52_625);
  });

  assert.ok(bytes < 1, `${bytes} bytes per call`);
});

/** Few enough that they meet each other. */
function addresses(): fc.Arbitrary<SocketAddress> {
  return fc.constantFrom(...[
    "10.0.0.1",
    "10.0.0.2",
    "[2001:db8::1]",
    "[a00::]",
  ]).chain((host) =>
    fc.integer({ min: 0, max: 3 }).map((port) => addressOf(`${host}:${port}`))
  );
}
