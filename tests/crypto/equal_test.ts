import assert from "node:assert/strict";
import fc from "fast-check";
import { equalSecrets } from "../../lib/crypto/mod.ts";

Deno.test("equalSecrets accepts equal bytes", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assert.equal(equalSecrets(bytes, bytes.slice()), true);
  }));
});

Deno.test("equalSecrets notices one changed bit anywhere", () => {
  const secret = Uint8Array.from({ length: 32 }, (_, i) => i);

  for (let bit = 0; bit < 256; bit++) {
    const other = secret.slice();
    other[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(equalSecrets(secret, other), false, `bit ${bit}`);
  }
});

Deno.test("equalSecrets refuses another length, also a prefix", () => {
  const secret = new Uint8Array(16);

  assert.equal(equalSecrets(secret, secret.subarray(1)), false);
  assert.equal(equalSecrets(secret, new Uint8Array(17)), false);
  assert.equal(equalSecrets(secret, new Uint8Array(0)), false);
});
