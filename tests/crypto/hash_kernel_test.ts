import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { blake2s as oracle } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";
import fc from "fast-check";
import { writeU16 } from "../../lib/base/mod.ts";
import {
  blake2s,
  blake2sMac,
  hmacBlake2s,
  isBlake2sMac,
  isStunMac,
  writeHmacSha1,
} from "../../lib/crypto/mod.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { hmacSha1 } from "./hmac_sha1.ts";

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

Deno.test("writeHmacSha1 writes the MAC wherever it is wanted, and nothing else", () => {
  const lengths = fc.integer({ min: 0, max: 200 });
  fc.assert(
    fc.property(message(), key(150), lengths, (data, key, start) => {
      const bytes = new Uint8Array(start + data.length + 22);
      bytes.set(data, start);
      const end = start + data.length;

      writeHmacSha1(key, bytes, start, end, end + 1);

      const expected = new Uint8Array(bytes.length);
      expected.set(data, start);
      expected.set(hmacSha1(key, data), end + 1);
      assert.deepEqual(bytes, expected);
    }),
  );
});

Deno.test("isStunMac takes another length for the message's, and refuses what differs by a bit", () => {
  const lengths = fc.integer({ min: 0, max: 65_535 });
  const body = fc.uint8Array({ minLength: 20, maxLength: 200 });
  fc.assert(
    fc.property(body, key(150), lengths, fc.nat(), (data, key, length, bit) => {
      const bytes = new Uint8Array(7 + data.length + 20);
      const end = 7 + data.length;
      bytes.set(data, 7);
      writeU16(bytes, 9, length);
      bytes.set(hmacSha1(key, bytes.slice(7, end)), end);
      const isMac = () => isStunMac(key, bytes, 7, end, length, end);

      writeU16(bytes, 9, 1234);
      assert.equal(isMac(), true);
      const flipped = 11 + Math.floor(bit / 8) % (bytes.length - 11);
      bytes[flipped]! ^= 1 << (bit % 8);
      assert.equal(isMac(), false);
    }),
  );
});

Deno.test("writeHmacSha1 and isStunMac allocate less than a byte", () => {
  const key = new Uint8Array(22);
  const bytes = new Uint8Array(88);

  const heap = heapBytesPerCall(() => {
    writeHmacSha1(key, bytes, 0, 56, 60);
    isStunMac(key, bytes, 0, 56, 60, 60);
  });

  assert.ok(heap < 1, `${heap} bytes`);
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
