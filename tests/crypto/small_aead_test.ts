import assert from "node:assert/strict";
import { chacha20poly1305, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import fc from "fast-check";
import {
  openWithNonce,
  sealWithNonce,
  xaeadOpen,
  xaeadSeal,
} from "../../lib/crypto/aead.ts";

/** Random, or all ones: these bring the sums of Poly1305 to their limits. */
const bytes = (minLength: number, maxLength: number) =>
  fc.oneof(
    fc.uint8Array({ minLength, maxLength }),
    fc.integer({ min: minLength, max: maxLength })
      .map((length) => new Uint8Array(length).fill(0xff)),
  );
const key = () => bytes(32, 32);

Deno.test("sealing small messages agrees with another implementation for any key, nonce and data", () => {
  fc.assert(
    fc.property(
      ...[key(), bytes(12, 12), bytes(0, 300), bytes(0, 80)] as const,
      (key, nonce, plaintext, aad) => {
        const sealed = sealWithNonce(key, nonce, plaintext, aad);

        const oracle = chacha20poly1305(key, nonce, aad);
        assert.deepEqual(sealed, oracle.encrypt(plaintext));
        assert.deepEqual(openWithNonce(key, nonce, sealed, aad), plaintext);
      },
    ),
  );
});

Deno.test("sealing with a long nonce agrees with another implementation for any key, nonce and data", () => {
  fc.assert(
    fc.property(
      ...[key(), bytes(24, 24), bytes(0, 300), bytes(0, 80)] as const,
      (key, nonce, plaintext, aad) => {
        const sealed = xaeadSeal(key, nonce, plaintext, aad);

        const oracle = xchacha20poly1305(key, nonce, aad);
        assert.deepEqual(sealed, oracle.encrypt(plaintext));
        assert.deepEqual(xaeadOpen(key, nonce, sealed, aad), plaintext);
      },
    ),
  );
});

Deno.test("what differs from a sealed message by one bit, or is cut, does not open", () => {
  const nonce = new Uint8Array(12);
  fc.assert(
    fc.property(
      ...[key(), bytes(0, 80), bytes(1, 80), fc.nat()] as const,
      (key, plaintext, aad, bit) => {
        const sealed = sealWithNonce(key, nonce, plaintext, aad);
        const forged = sealed.slice();
        forged[Math.floor(bit / 8) % forged.length]! ^= 1 << (bit % 8);
        const otherAad = aad.slice();
        otherAad[bit % aad.length]! ^= 1;

        assert.equal(openWithNonce(key, nonce, forged, aad), undefined);
        assert.equal(openWithNonce(key, nonce, sealed, otherAad), undefined);
        const cut = sealed.subarray(0, bit % sealed.length);
        assert.equal(openWithNonce(key, nonce, cut, aad), undefined);
      },
    ),
  );
});
