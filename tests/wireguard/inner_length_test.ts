import assert from "node:assert/strict";
import fc from "fast-check";
import { innerLength } from "../../lib/wireguard/inner_length.ts";

Deno.test("[p2p 122] [dp 2] padding behind an IPv4 or IPv6 packet does not count", () => {
  const ipv4 = plaintext(64, [0x45, 0, 0, 50]);
  const ipv6 = plaintext(64, [0x60, 0, 0, 0, 0, 13]);

  assert.equal(innerLength(ipv4, 0, 64), 50);
  assert.equal(innerLength(ipv6, 0, 64), 53);
});

Deno.test("[p2p 122] a packet without padding counts whole", () => {
  assert.equal(innerLength(plaintext(50, [0x45, 0, 0, 50]), 0, 50), 50);
});

Deno.test("[p2p 129] a packet longer than its plaintext is malformed", () => {
  assert.equal(innerLength(plaintext(49, [0x45, 0, 0, 50]), 0, 49), 0);
  assert.equal(innerLength(plaintext(52, [0x60, 0, 0, 0, 0, 13]), 0, 52), 0);
});

Deno.test("[p2p 129] a packet shorter than its own header is malformed", () => {
  assert.equal(innerLength(plaintext(19, [0x45, 0, 0, 19]), 0, 19), 0);
  assert.equal(innerLength(plaintext(20, [0x45, 0, 0, 19]), 0, 20), 0);
  assert.equal(innerLength(plaintext(39, [0x60]), 0, 39), 0);
});

Deno.test("[p2p 129] a plaintext of another IP version is malformed", () => {
  for (const version of [0, 1, 5, 7, 15]) {
    assert.equal(
      innerLength(plaintext(64, [version << 4, 0, 0, 64]), 0, 64),
      0,
    );
  }
});

Deno.test("innerLength never exceeds the plaintext and never throws", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), (bytes) => {
      const length = innerLength(bytes, 0, bytes.length);

      assert.ok(length === 0 || (length >= 20 && length <= bytes.length));
    }),
  );
});

function plaintext(length: number, start: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(start);
  return bytes;
}
