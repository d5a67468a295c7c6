import assert from "node:assert/strict";
import fc from "fast-check";
import { readU16, writeU16 } from "../../lib/base/mod.ts";
import {
  adjustChecksum,
  foldSum,
  internetChecksum,
  pseudoHeaderSum,
  sumWords,
  wordChange,
} from "../../lib/wire/mod.ts";
import { naiveChecksum } from "../support/ip_packet.ts";

Deno.test("internetChecksum sums the example of RFC 1071 §3", () => {
  const bytes = Uint8Array.from([
    ...[0x00, 0x01, 0xf2, 0x03],
    ...[0xf4, 0xf5, 0xf6, 0xf7],
  ]);

  assert.equal(foldSum(sumWords(bytes, 0, 8)), 0xddf2);
  assert.equal(internetChecksum(bytes, 0, 8), 0x220d);
});

Deno.test("internetChecksum agrees with arithmetic modulo 65535", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 1_500 }),
    fc.nat({ max: 9 }),
    (bytes, skipped) => {
      const start = Math.min(skipped, bytes.length);

      assert.equal(
        internetChecksum(bytes, start, bytes.length),
        naiveChecksum(bytes.slice(start)),
      );
    },
  ));
});

Deno.test("internetChecksum does not overflow on the largest packet of ones", () => {
  const bytes = new Uint8Array(65_535).fill(0xff);

  assert.equal(internetChecksum(bytes, 0, bytes.length), naiveChecksum(bytes));
});

Deno.test("pseudoHeaderSum covers addresses, protocol and length", () => {
  fc.assert(fc.property(
    fc.constantFrom<4 | 16>(4, 16),
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
    fc.nat({ max: 1_280 }),
    (addressLength, addresses, length) => {
      const pseudoHeader = Uint8Array.from([
        ...addresses.slice(0, 2 * addressLength),
        ...[0, 17, length >> 8, length & 0xff],
      ]);

      const sum = pseudoHeaderSum(addresses, 0, addressLength, 17, length);

      assert.equal(~foldSum(sum) & 0xffff, naiveChecksum(pseudoHeader));
    },
  ));
});

Deno.test("adjustChecksum keeps a right checksum right", () => {
  fc.assert(fc.property(
    fc.uint8Array({ minLength: 8, maxLength: 64 }),
    fc.nat({ max: 0xffff }),
    fc.nat({ max: 2 }),
    (bytes, word, index) => {
      writeU16(bytes, 0, 0);
      writeU16(bytes, 0, naiveChecksum(bytes));
      const at = 2 + 2 * index;

      adjustChecksum(bytes, 0, wordChange(readU16(bytes, at), word));
      writeU16(bytes, at, word);

      assert.equal(internetChecksum(bytes, 0, bytes.length), 0);
    },
  ));
});

Deno.test("adjustChecksum keeps a wrong checksum wrong by the same amount", () => {
  const error = (bytes: Uint8Array): number =>
    internetChecksum(bytes, 0, bytes.length);

  fc.assert(fc.property(
    fc.uint8Array({ minLength: 8, maxLength: 8 }),
    fc.nat({ max: 0xffff }),
    (bytes, word) => {
      const before = error(bytes);

      adjustChecksum(bytes, 0, wordChange(readU16(bytes, 4), word));
      writeU16(bytes, 4, word);

      assert.equal(error(bytes) % 0xffff, before % 0xffff);
    },
  ));
});

Deno.test("adjustChecksum never writes 0x0000", () => {
  const bytes = Uint8Array.from([0x00, 0x01]);

  adjustChecksum(bytes, 0, wordChange(0x0000, 0x0001));

  assert.equal(readU16(bytes, 0), 0xffff);
});
