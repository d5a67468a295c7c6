import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { type Arena, writeU64LE } from "../base/mod.ts";
import type { Kernel } from "./kernel.ts";

const NONCE_BYTES = 12;
const COUNTER_AT = 4;

/**
 * The kernel for engines without WebAssembly SIMD.
 *
 * Several times slower, and it allocates: it keeps a gateway working, not fast.
 */
export class JavaScriptKernel implements Kernel {
  readonly #bytes: Uint8Array;

  constructor(arena: Arena) {
    this.#bytes = arena.bytes;
  }

  seal(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    target: number,
  ): void {
    const plaintext = this.#bytes.subarray(source, source + length);
    this.#bytes.set(cipherOf(key, counter).encrypt(plaintext), target);
  }

  open(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    target: number,
  ): boolean {
    const sealed = this.#bytes.subarray(source, source + length);
    try {
      this.#bytes.set(cipherOf(key, counter).decrypt(sealed), target);
      return true;
    } catch {
      return false; // Forged: the library throws.
    }
  }

  /** Has nothing to overwrite: noble clears what it works on. */
  wipe(): void {}
}

function cipherOf(key: Uint8Array, counter: number) {
  const nonce = new Uint8Array(NONCE_BYTES);
  writeU64LE(nonce, COUNTER_AT, counter);
  return chacha20poly1305(key, nonce);
}
