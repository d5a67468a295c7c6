import { assert, fromBase64 } from "../base/mod.ts";
import { MODULE_BASE64 } from "./wasm/small_aead_module.ts";

/** Bytes that sealing adds behind the ciphertext. */
export const AEAD_TAG_BYTES = 16;

/** What `wasm/small_aead.as` exports. Addresses are constants. */
interface KernelExports {
  readonly KEY: { readonly value: number };
  readonly NONCE: { readonly value: number };
  readonly TAG: { readonly value: number };
  readonly DATA: { readonly value: number };
  seal(aadLength: number, length: number, nonceLength: number): void;
  /** Returns 1 when the tag is right, else 0. */
  open(aadLength: number, length: number, nonceLength: number): number;
}

const PAGE_BYTES = 65_536;
const BLOCK_BYTES = 16;

/**
 * ChaCha20-Poly1305 and XChaCha20-Poly1305 with associated data in
 * WebAssembly, on a memory of its own, for messages of a few bytes. Which of
 * both it is follows from the length of the nonce, 12 or 24 bytes.
 */
class SmallAead {
  readonly #bytes: Uint8Array;
  readonly #exports: KernelExports;

  constructor() {
    const binary = fromBase64(MODULE_BASE64);
    assert(binary !== undefined, "The AEAD for small messages is not base64");
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(new Uint8Array(binary)),
      { env: { memory } },
    );
    this.#bytes = new Uint8Array(memory.buffer);
    this.#exports = exports as unknown as KernelExports;
  }

  seal(
    key: Uint8Array,
    nonce: Uint8Array,
    plaintext: Uint8Array,
    aad: Uint8Array,
  ): Uint8Array {
    const { length } = plaintext;
    const at = this.#write(key, nonce, aad, length);
    this.#bytes.set(plaintext, at);
    this.#exports.seal(aad.length, length, nonce.length);
    const tag = this.#exports.TAG.value;
    this.#bytes.copyWithin(at + length, tag, tag + AEAD_TAG_BYTES);
    return this.#take(at, length + AEAD_TAG_BYTES);
  }

  open(
    key: Uint8Array,
    nonce: Uint8Array,
    ciphertext: Uint8Array,
    aad: Uint8Array,
  ): Uint8Array | undefined {
    const length = ciphertext.length - AEAD_TAG_BYTES;
    if (length < 0) return undefined;
    const at = this.#write(key, nonce, aad, length);
    this.#bytes.set(ciphertext, at);
    const tag = this.#exports.TAG.value;
    const end = at + length;
    this.#bytes.copyWithin(tag, end, end + AEAD_TAG_BYTES);
    const isRight = this.#exports.open(aad.length, length, nonce.length) === 1;
    const plaintext = this.#take(at, length);
    return isRight ? plaintext : undefined;
  }

  /** Writes all but the message, and returns where that goes. */
  #write(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    length: number,
  ): number {
    const { KEY, NONCE, DATA } = this.#exports;
    const paddedAad = Math.ceil(aad.length / BLOCK_BYTES) * BLOCK_BYTES;
    const at = DATA.value + paddedAad;
    const end = at + length + 2 * BLOCK_BYTES + AEAD_TAG_BYTES;
    assert(end <= PAGE_BYTES, "A message is too long for the small AEAD");
    this.#bytes.set(key, KEY.value);
    this.#bytes.set(nonce, NONCE.value);
    this.#bytes.set(aad, DATA.value);
    return at;
  }

  /** Copies a result and leaves nothing of it behind. */
  #take(at: number, length: number): Uint8Array {
    const result = this.#bytes.slice(at, at + length);
    this.#bytes.fill(0, at, at + length);
    return result;
  }
}

/** One for all: it keeps nothing from call to call. */
export const SMALL_AEAD: SmallAead = new SmallAead();
