import assert from "node:assert/strict";
import { PacketRing } from "../../lib/connection/packet_ring.ts";

Deno.test("a full ring forgets its oldest packet", () => {
  const ring = new PacketRing(2);

  for (const byte of [1, 2, 3]) ring.push(Uint8Array.of(byte));

  assert.deepEqual(ring.takeAll(), [Uint8Array.of(2), Uint8Array.of(3)]);
  assert.equal(ring.length, 0);
});

Deno.test("a ring of unique packets keeps each only once", () => {
  const ring = new PacketRing(2);

  for (const byte of [1, 1, 2, 1]) ring.pushUnique(Uint8Array.of(byte));

  assert.deepEqual(ring.takeAll(), [Uint8Array.of(1), Uint8Array.of(2)]);
});
