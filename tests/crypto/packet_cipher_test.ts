import assert from "node:assert/strict";
import { chacha20, chacha20poly1305 } from "@noble/ciphers/chacha.js";
import fc from "fast-check";
import { Arena, readU64LE, toHex, writeU64LE } from "../../lib/base/mod.ts";
import { PacketCipher } from "../../lib/crypto/mod.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { SeededRandom } from "../support/random.ts";
import { hex, readVectors } from "./vector_file.ts";
import { Workbench } from "./workbench.ts";

interface Rfc8439 {
  readonly chacha20_block: readonly {
    readonly id: string;
    readonly key: string;
    readonly nonce: string;
    readonly counter: number;
    readonly keystream: string;
  }[];
  readonly chacha20_encrypt: readonly {
    readonly id: string;
    readonly key: string;
    readonly nonce: string;
    readonly counter: number;
    readonly plaintext: string;
    readonly ciphertext: string;
  }[];
}

const MAX_LENGTH = 1_500;
const TAG = 16;
const CANARY = 0xa5;
const IMPLEMENTATIONS = ["webassembly", "javascript"] as const;
const RFC_8439 = readVectors<Rfc8439>("rfc8439");

for (const implementation of IMPLEMENTATIONS) {
  const name = `PacketCipher in ${implementation}`;

  Deno.test(`${name} is what it was asked to be`, () => {
    const cipher = new PacketCipher(new Arena(0), implementation);

    assert.equal(cipher.implementation, implementation);
  });

  Deno.test(`${name} makes the key stream of RFC 8439 A.1`, () => {
    const bench = new Workbench(implementation);
    let checked = 0;
    for (
      const { id, key, nonce, counter, keystream } of RFC_8439.chacha20_block
    ) {
      // Block 0 keys Poly1305 and never shows; nonces here start with zeros.
      if (counter === 0 || !nonce.startsWith("00000000")) continue;
      const zeros = new Uint8Array(64 * counter);
      const sealed = bench.seal(hex(key), counterOf(nonce), zeros);
      const block = sealed.subarray(64 * (counter - 1), 64 * counter);
      assert.equal(toHex(block), keystream, id);
      checked++;
    }
    assert.equal(checked, 3);
  });

  Deno.test(`${name} encrypts the texts of RFC 8439 A.2`, () => {
    const bench = new Workbench(implementation, 4_096);
    let checked = 0;
    for (const { id, key, nonce, counter, ...v } of RFC_8439.chacha20_encrypt) {
      if (counter === 0 || !nonce.startsWith("00000000")) continue;
      const skipped = 64 * (counter - 1);
      const text = hex(v.plaintext);
      const message = new Uint8Array(skipped + text.length);
      message.set(text, skipped);
      const sealed = bench.seal(hex(key), counterOf(nonce), message);
      assert.equal(toHex(sealed.subarray(skipped, -TAG)), v.ciphertext, id);
      checked++;
    }
    assert.equal(checked, 3);
  });

  Deno.test(`${name} agrees with noble at every length up to ${MAX_LENGTH}`, () => {
    const bench = new Workbench(implementation);
    const random = new SeededRandom(8439);
    const key = new Uint8Array(32);
    for (let length = 0; length <= MAX_LENGTH; length++) {
      random.fill(key);
      const message = new Uint8Array(length);
      random.fill(message);

      const sealed = bench.seal(key, length, message);

      assert.deepEqual(sealed, reference(key, length, message), `${length}`);
      assert.deepEqual(bench.open(key, length, sealed), message, `${length}`);
    }
  });

  Deno.test(`${name} agrees with noble on any key, counter and message`, () => {
    const bench = new Workbench(implementation);
    fc.assert(
      fc.property(keys(), counters(), messages(), (key, counter, message) => {
        const sealed = bench.seal(key, counter, message);

        assert.deepEqual(sealed, reference(key, counter, message));
        assert.deepEqual(bench.open(key, counter, sealed), message);
      }),
    );
  });

  Deno.test(`${name} agrees with noble on packets in a row, whatever comes between them`, () => {
    const bench = new Workbench(implementation);
    const keys = [3, 4].map((byte) => new Uint8Array(32).fill(byte));
    const steps = fc.array(packetSteps(), { minLength: 1, maxLength: 30 });
    fc.assert(fc.property(firstCounters(), steps, (first, steps) => {
      let counter = first;
      for (const { isOther, advance, length, opens } of steps) {
        counter += advance;
        const key = keys[Number(isOther)] as Uint8Array;
        const message = new Uint8Array(length).fill(counter);
        const sealed = reference(key, counter, message);

        if (opens) assert.deepEqual(bench.open(key, counter, sealed), message);
        else assert.deepEqual(bench.seal(key, counter, message), sealed);
      }
    }));
  });

  Deno.test(`${name} agrees with noble on rows of packets of every length`, () => {
    const bench = new Workbench(implementation);
    const key = new Uint8Array(32).fill(5);
    let counter = 0;
    for (let length = 0; length <= MAX_LENGTH; length += 13) {
      const message = new Uint8Array(length).fill(length);
      for (let packet = 0; packet < 5; packet++) {
        const sealed = reference(key, counter, message);

        assert.deepEqual(bench.seal(key, counter, message), sealed);
        assert.deepEqual(bench.open(key, counter, sealed), message);
        counter++;
      }
    }
  });

  Deno.test(`${name} leaves nothing of keys and packets behind once it is wiped`, () => {
    const bench = new Workbench(implementation);
    const key = new Uint8Array(32).fill(5);
    const message = new Uint8Array(1_280).fill(6);
    const fresh = bench.scratch();
    for (let counter = 0; counter < 3; counter++) {
      bench.open(key, counter, bench.seal(key, counter, message));
    }

    bench.wipe();

    assert.deepEqual(bench.scratch(), fresh);
    assert.deepEqual(bench.seal(key, 3, message), reference(key, 3, message));
  });

  Deno.test(`${name} rejects a forged packet that continues a row, and goes on with the row`, () => {
    const bench = new Workbench(implementation);
    const key = new Uint8Array(32).fill(9);
    const message = new Uint8Array(1_280).fill(7);
    for (let counter = 0; counter < 8; counter++) {
      const sealed = reference(key, counter, message);
      const forged = sealed.slice();
      forged[counter * 100]! ^= 1;

      assert.equal(bench.open(key, counter, forged), undefined);
      assert.deepEqual(bench.open(key, counter, sealed), message);
    }
  });

  Deno.test(`${name} authenticates extreme ciphertexts as noble does`, () => {
    const bench = new Workbench(implementation);
    fc.assert(fc.property(
      keys(),
      counters(),
      fc.constantFrom(0x00, 0xff),
      fc.nat(MAX_LENGTH),
      (key, counter, byte, length) => {
        const ciphertext = new Uint8Array(length).fill(byte);
        const message = chacha20(
          key,
          nonceOf(counter),
          ciphertext,
          undefined,
          1,
        );

        const sealed = bench.seal(key, counter, message);

        assert.deepEqual(sealed.subarray(0, length), ciphertext);
        assert.deepEqual(sealed, reference(key, counter, message));
      },
    ));
  });

  Deno.test(`${name} counts packets beyond 2^32`, () => {
    const bench = new Workbench(implementation);
    const key = new Uint8Array(32).fill(1);
    const message = new Uint8Array(300).fill(2);
    for (
      const counter of [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, 2 ** 53 - 1]
    ) {
      const sealed = bench.seal(key, counter, message);

      assert.deepEqual(sealed, reference(key, counter, message), `${counter}`);
      assert.equal(bench.open(key, counter % 2 ** 32 + 1, sealed), undefined);
    }
  });

  Deno.test(`${name} rejects a packet with any bit changed`, () => {
    const bench = new Workbench(implementation);
    fc.assert(fc.property(
      keys(),
      counters(),
      messages(),
      fc.nat(),
      fc.nat(7),
      (key, counter, message, at, bit) => {
        const sealed = bench.seal(key, counter, message);
        sealed[at % sealed.length]! ^= 1 << bit;

        assert.equal(bench.open(key, counter, sealed), undefined);
      },
    ));
  });

  Deno.test(`${name} rejects every change to the tag`, () => {
    const bench = new Workbench(implementation);
    const key = new Uint8Array(32).fill(3);
    const sealed = bench.seal(key, 9, new Uint8Array(20));
    for (let bit = 0; bit < 8 * TAG; bit++) {
      const forged = sealed.slice();
      forged[20 + (bit >> 3)]! ^= 1 << (bit & 7);
      assert.equal(bench.open(key, 9, forged), undefined, `bit ${bit}`);
    }
  });

  Deno.test(`${name} rejects a cut packet, also one shorter than a tag`, () => {
    const bench = new Workbench(implementation);
    const key = new Uint8Array(32).fill(4);
    const sealed = bench.seal(key, 0, new Uint8Array(40));
    for (let length = 0; length < sealed.length; length++) {
      const cut = sealed.slice(0, length);
      assert.equal(bench.open(key, 0, cut), undefined, `length ${length}`);
    }
  });

  Deno.test(`${name} writes nothing outside the target, at any alignment`, () => {
    const arena = new Arena(8_192);
    const cipher = new PacketCipher(arena, implementation);
    const key = new Uint8Array(32).fill(5);
    const source = arena.allocate(1_024);
    const sealed = arena.allocate(2_048) + 512;
    const opened = arena.allocate(2_048) + 512;
    for (let length = 0; length <= 300; length++) {
      const at = length % 17;
      arena.bytes.fill(CANARY, sealed - 512, opened + 1_536);

      cipher.seal(key, length, source + at, length, sealed + at);
      const accepted = cipher.open(
        key,
        length,
        sealed + at,
        length + TAG,
        opened + at,
      );

      assert(accepted, `length ${length}`);
      const untouched = [
        arena.bytes.subarray(sealed - 512, sealed + at),
        arena.bytes.subarray(sealed + at + length + TAG, opened + at),
        arena.bytes.subarray(opened + at + length, opened + 1_536),
      ];
      for (const region of untouched) {
        assert(region.every((byte) => byte === CANARY), `length ${length}`);
      }
    }
  });

  Deno.test(`${name} works up to the last byte of the arena`, () => {
    const arena = new Arena(4_096);
    const cipher = new PacketCipher(arena, implementation);
    const key = new Uint8Array(32).fill(6);
    const low = arena.allocate(512);
    const end = arena.bytes.length;
    for (let length = 0; length <= 300; length++) {
      cipher.seal(key, length, end - length, length, low);
      assert(cipher.open(key, length, low, length + TAG, end - length));

      cipher.seal(key, length, low, length, end - length - TAG);
      assert(
        cipher.open(key, length, end - length - TAG, length + TAG, low),
        `length ${length}`,
      );
    }
  });

  Deno.test(`${name} refuses a key that does not have 32 bytes`, () => {
    const cipher = new PacketCipher(new Arena(4_096), implementation);

    assert.throws(
      () => cipher.seal(new Uint8Array(31), 0, 17_000, 10, 18_000),
      /32 bytes/,
    );
    assert.throws(
      () => cipher.open(new Uint8Array(33), 0, 17_000, 26, 18_000),
      /32 bytes/,
    );
  });
}

Deno.test("PacketCipher runs in WebAssembly unless asked otherwise", () => {
  assert.equal(new PacketCipher(new Arena(0)).implementation, "webassembly");
});

Deno.test("ciphers on one arena do not disturb each other", () => {
  const arena = new Arena(8_192);
  const [first, second] = [new PacketCipher(arena), new PacketCipher(arena)];
  const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const [source, sealed, opened] = [
    arena.allocate(600),
    arena.allocate(616),
    arena.allocate(600),
  ];

  first.seal(one, 1, source, 600, sealed);

  assert.equal(second.open(two, 1, sealed, 616, opened), false);
  assert.equal(second.open(one, 1, sealed, 616, opened), true);
});

Deno.test("sealing and opening a packet allocates nothing", () => {
  const arena = new Arena(8_192);
  const cipher = new PacketCipher(arena);
  const key = new Uint8Array(32).fill(8);
  const source = arena.allocate(1_280);
  const sealed = arena.allocate(1_296);
  let counter = 0;

  const bytes = heapBytesPerCall(() => {
    cipher.seal(key, counter, source, 1_280, sealed);
    cipher.open(key, counter, sealed, 1_296, source);
    counter++;
  });

  assert(bytes < 1, `${bytes} bytes per call`);
});

function reference(
  key: Uint8Array,
  counter: number,
  message: Uint8Array,
): Uint8Array {
  return chacha20poly1305(key, nonceOf(counter)).encrypt(message);
}

function nonceOf(counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  writeU64LE(nonce, 4, counter);
  return nonce;
}

/** The counter in a nonce of the RFC: few bits are set, so a number holds it exactly. */
function counterOf(nonce: string): number {
  return readU64LE(hex(nonce), 4);
}

function keys(): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: 32, maxLength: 32 });
}

function counters(): fc.Arbitrary<number> {
  return fc.oneof(fc.nat(1_000), fc.maxSafeNat());
}

/** Where rows of packets begin: also shortly before the lower word of the counter overflows. */
function firstCounters(): fc.Arbitrary<number> {
  return fc.constantFrom(0, 2 ** 32 - 3, 2 ** 40 - 3);
}

/** A packet, most often the one that follows in its row, of a length that takes few blocks, or any. */
function packetSteps(): fc.Arbitrary<{
  isOther: boolean;
  advance: number;
  length: number;
  opens: boolean;
}> {
  return fc.record({
    isOther: fc.constantFrom(false, false, false, true),
    advance: fc.constantFrom(1, 1, 1, 1, 0, 2),
    length: fc.oneof(
      fc.nat(400),
      fc.nat(MAX_LENGTH),
      fc.constantFrom(0, 52, 1_280),
    ),
    opens: fc.boolean(),
  });
}

function messages(): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength: MAX_LENGTH, size: "max" });
}
