import { type Arena, assert, fromBase64 } from "../base/mod.ts";
import type { Kernel } from "./kernel.ts";
import { MODULE_BASE64 } from "./wasm/module.ts";

/** What `wasm/kernel.as` exports for packets. */
interface KernelExports {
  /** Address that the key is expected at. */
  readonly KEY: { readonly value: number };
  seal(source: number, length: number, target: number, counter: number): void;
  /** Returns 1 when the tag is right, else 0. */
  open(source: number, length: number, target: number, counter: number): number;
  wipe(): void;
}

let probed = false;
let module: WebAssembly.Module | undefined;

/** Returns the compiled kernel, or `undefined` on an engine that cannot run it. Asks the engine once. */
export function webAssemblyModule(): WebAssembly.Module | undefined {
  if (probed) return module;
  probed = true;
  const binary = fromBase64(MODULE_BASE64);
  assert(binary !== undefined, "The kernel is not base64");
  const bytes = new Uint8Array(binary);
  if (WebAssembly.validate(bytes)) module = new WebAssembly.Module(bytes);
  return module;
}

/** The kernel as WebAssembly on the arena's own memory: SIMD, and no allocation. */
export class WebAssemblyKernel implements Kernel {
  readonly #bytes: Uint8Array;
  readonly #exports: KernelExports;
  readonly #keyAt: number;

  constructor(arena: Arena, module: WebAssembly.Module) {
    const { exports } = new WebAssembly.Instance(module, {
      env: { memory: arena.memory },
    });
    this.#exports = exports as unknown as KernelExports;
    this.#keyAt = this.#exports.KEY.value;
    this.#bytes = arena.bytes;
  }

  seal(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    target: number,
  ): void {
    this.#bytes.set(key, this.#keyAt);
    this.#exports.seal(source, length, target, counter);
  }

  open(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    target: number,
  ): boolean {
    this.#bytes.set(key, this.#keyAt);
    return this.#exports.open(source, length, target, counter) === 1;
  }

  wipe(): void {
    this.#exports.wipe();
  }
}
