import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { blake2s as oracle } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";
import fc from "fast-check";
import {
  blake2s,
  blake2sMac,
  hmacBlake2s,
  hmacSha1,
  isBlake2sMac,
} from "../../lib/crypto/mod.ts";
import { heapBytesPerCall } from "../support/heap.ts";

/** Up to and beyond several blocks, and what lies at their borders. */
const message = () =>
  fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.constantFrom(0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129)
      .chain((length) =>
        fc.uint8Array({ minLength: length, maxLength: length })
      ),
  );

Deno.test("BLAKE2s agrees with another implementation on any message and key", () => {
  fc.assert(
    fc.property(message(), key(32), (data, key) => {
      assert.deepEqual(blake2s(data), oracle(data));
      assert.deepEqual(
        blake2sMac(key, 32, data),
        oracle(data, { key, dkLen: 32 }),
      );
      assert.deepEqual(
        blake2sMac(key, 16, data),
        oracle(data, { key, dkLen: 16 }),
      );
    }),
  );
});

Deno.test("HMACs agree with other implementations on any message and key", () => {
  fc.assert(
    fc.property(message(), key(150), (data, key) => {
      assert.deepEqual(hmacBlake2s(key, data), hmac(oracle, key, data));
      const expected = createHmac("sha1", key).update(data).digest();
      assert.deepEqual(hmacSha1(key, data), new Uint8Array(expected));
    }),
  );
});

Deno.test("a message as long as a datagram can be is hashed like any other", () => {
  const data = Uint8Array.from({ length: 65_535 }, (_, i) => i * 7);
  const key = data.slice(0, 20);

  assert.deepEqual(blake2s(data), oracle(data));
  const expected = createHmac("sha1", key).update(data).digest();
  assert.deepEqual(hmacSha1(key, data), new Uint8Array(expected));
});

Deno.test("isBlake2sMac accepts the MAC wherever it lies, and nothing that differs by a bit", () => {
  const lengths = fc.integer({ min: 0, max: 200 });
  fc.assert(
    fc.property(message(), key(32), lengths, fc.nat(), (data, key, at, bit) => {
      const bytes = new Uint8Array(at + data.length + 16);
      bytes.set(data, at);
      const end = at + data.length;
      bytes.set(blake2sMac(key, 16, data), end);

      assert.equal(isBlake2sMac(key, bytes, at, end, end), true);
      const flipped = at + Math.floor(bit / 8) % (data.length + 16);
      bytes[flipped]! ^= 1 << (bit % 8);
      assert.equal(isBlake2sMac(key, bytes, at, end, end), false);
    }),
  );
});

Deno.test("isBlake2sMac allocates less than a byte", () => {
  const key = new Uint8Array(32);
  const bytes = new Uint8Array(148);

  const heap = heapBytesPerCall(() => isBlake2sMac(key, bytes, 0, 116, 116));

  assert.ok(heap < 1, `${heap} bytes`);
});

function key(maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: 1, maxLength });
}
