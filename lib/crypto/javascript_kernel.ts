import { type Arena, EMPTY } from "../base/mod.ts";
import { aeadOpen, aeadSeal } from "./aead.ts";
import type { Kernel } from "./kernel.ts";

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
    this.#bytes.set(aeadSeal(key, counter, plaintext, EMPTY), target);
  }

  open(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    target: number,
  ): boolean {
    const sealed = this.#bytes.subarray(source, source + length);
    const plaintext = aeadOpen(key, counter, sealed, EMPTY);
    if (!plaintext) return false;
    this.#bytes.set(plaintext, target);
    return true;
  }

  /** Has nothing to overwrite: noble clears what it works on. */
  wipe(): void {}
}
