import assert from "node:assert/strict";
import { poly1305 } from "@noble/ciphers/_poly1305.js";
import { chacha20 } from "@noble/ciphers/chacha.js";
import fc from "fast-check";
import { concatBytes, toHex, writeU64LE } from "../../lib/base/mod.ts";
import { webAssemblyModule } from "../../lib/crypto/webassembly_kernel.ts";
import { hex, readVectors, type WycheproofAeadCase } from "./vector_file.ts";

interface Rfc8439 {
  readonly poly1305: readonly {
    readonly id: string;
    readonly key: string;
    readonly message: string;
    readonly tag: string;
  }[];
}

interface Wycheproof {
  readonly cases: readonly WycheproofAeadCase[];
}

/** The parts of the module that a packet reaches only through ChaCha20. */
interface KernelPoly1305 {
  readonly TAG: { readonly value: number };
  setOneTimeKey(keyAt: number): void;
  authenticate(at: number, blocks: number): void;
  writeTag(): void;
}

const KEY_AT = 20_000;
const MESSAGE_AT = 20_032;

Deno.test("the kernel gives the tags of RFC 8439 A.3 for whole blocks, h >= p among them", () => {
  const kernel = new Kernel();
  let checked = 0;
  for (const { id, key, message, tag } of rfc8439().poly1305) {
    // The AEAD pads what it authenticates, so the kernel knows whole blocks only.
    if (message.length % 32 !== 0) continue;
    assert.equal(toHex(kernel.tag(hex(key), hex(message))), tag, id);
    checked++;
  }
  assert.equal(checked, 8);
});

Deno.test("the kernel gives the tags of Wycheproof for its edge cases of Poly1305", () => {
  const kernel = new Kernel();
  const { cases } = readVectors<Wycheproof>(
    "wycheproof_chacha20_poly1305_half",
  );
  for (const { id, result, ...v } of cases) {
    if (v.nonce.length !== 24) continue;
    const oneTimeKey = chacha20(hex(v.key), hex(v.nonce), new Uint8Array(32));
    const authenticated = authenticatedData(hex(v.aad), hex(v.ct));

    const tag = toHex(kernel.tag(oneTimeKey, authenticated));

    assert.equal(tag === v.tag, result === "valid", `case ${id}`);
  }
});

Deno.test("the kernel agrees with noble on extreme keys and messages", () => {
  const kernel = new Kernel();
  const word = fc.oneof(
    fc.constantFrom(0, 1, 2, 3, 4, 5, 0xfffffffb, 0xfffffffc, 0xffffffff),
    fc.nat(0xffffffff),
  );
  const words = (minLength: number, maxLength: number) =>
    fc.array(word, { minLength, maxLength })
      .map((values) => new Uint8Array(Uint32Array.from(values).buffer));
  const message = fc.nat(24).chain((blocks) => words(4 * blocks, 4 * blocks));

  fc.assert(
    fc.property(words(8, 8), message, (key, message) => {
      assert.deepEqual(kernel.tag(key, message), poly1305(message, key));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("the kernel reduces an accumulator that passes 2^130 in its last carry", () => {
  const kernel = new Kernel();
  const r = 2n;
  const first = 2n ** 127n - 1n;
  const second = 0n;

  const tag = kernel.tag(
    concatBytes(littleEndian(r), littleEndian(0n)),
    concatBytes(littleEndian(first), littleEndian(second)),
  );

  // ((first + 2^128) * 2 + second + 2^128) * 2 = 2^131 - 4, which is 6 mod p.
  assert.deepEqual(tag, littleEndian(6n));
});

Deno.test("limbs never overflow with the largest key and message", () => {
  const kernel = new Kernel();
  const key = new Uint8Array(32).fill(0xff);
  for (let blocks = 0; blocks <= 100; blocks++) {
    const message = new Uint8Array(16 * blocks).fill(0xff);
    const tag = kernel.tag(key, message);
    assert.deepEqual(tag, poly1305(message, key), `${blocks} blocks`);
  }
});

class Kernel {
  readonly #bytes: Uint8Array;
  readonly #exports: KernelPoly1305;

  constructor() {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const module = webAssemblyModule();
    assert(module, "This engine has no WebAssembly SIMD");
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    this.#bytes = new Uint8Array(memory.buffer);
    this.#exports = exports as unknown as KernelPoly1305;
  }

  /** The Poly1305 tag of a message of whole blocks. */
  tag(oneTimeKey: Uint8Array, message: Uint8Array): Uint8Array {
    this.#bytes.set(oneTimeKey, KEY_AT);
    this.#bytes.set(message, MESSAGE_AT);
    this.#exports.setOneTimeKey(KEY_AT);
    this.#exports.authenticate(MESSAGE_AT, message.length / 16);
    this.#exports.writeTag();
    const tagAt = this.#exports.TAG.value;
    return this.#bytes.slice(tagAt, tagAt + 16);
  }
}

function rfc8439(): Rfc8439 {
  return readVectors<Rfc8439>("rfc8439");
}

/** What Poly1305 sees of an AEAD message, RFC 8439 §2.8. */
function authenticatedData(aad: Uint8Array, text: Uint8Array): Uint8Array {
  const lengths = new Uint8Array(16);
  writeU64LE(lengths, 0, aad.length);
  writeU64LE(lengths, 8, text.length);
  return concatBytes(padded(aad), padded(text), lengths);
}

/** A 16-byte integer. */
function littleEndian(value: bigint): Uint8Array {
  return hex(value.toString(16).padStart(32, "0")).reverse();
}

function padded(bytes: Uint8Array): Uint8Array {
  return concatBytes(bytes, new Uint8Array(-bytes.length & 15));
}
