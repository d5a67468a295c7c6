import { type Arena, assert } from "../base/mod.ts";
import { AEAD_TAG_BYTES } from "./aead.ts";
import { JavaScriptKernel } from "./javascript_kernel.ts";
import type { Kernel } from "./kernel.ts";
import { WebAssemblyKernel, webAssemblyModule } from "./webassembly_kernel.ts";

const KEY_BYTES = 32;

/** How a `PacketCipher` computes: SIMD code, or plain JavaScript that runs anywhere. */
export type CipherImplementation = "webassembly" | "javascript";

/**
 * Seals and opens the packets of an arena: ChaCha20-Poly1305 with WireGuard's
 * nonce and no associated data, whitepaper §5.4.6.
 *
 * One serves all tunnels: what it keeps of a key between calls saves time and
 * changes no result. `wipe` it when a key has served its time.
 * Regions of one call must not overlap, and none may touch the kernels' part
 * of the arena. Nothing is written outside the target.
 */
export class PacketCipher {
  /** The arena that all addresses refer to. */
  readonly arena: Arena;
  /** How this cipher computes; worth a line in the log, since the difference is tenfold. */
  readonly implementation: CipherImplementation;
  readonly #kernel: Kernel;

  /** Creates a cipher for `arena`, in WebAssembly where the engine can. */
  constructor(arena: Arena, preferred: CipherImplementation = "webassembly") {
    const module = preferred === "webassembly"
      ? webAssemblyModule()
      : undefined;
    this.arena = arena;
    this.implementation = module ? "webassembly" : "javascript";
    this.#kernel = module
      ? new WebAssemblyKernel(arena, module)
      : new JavaScriptKernel(arena);
  }

  /** Whether `openAhead` is of any use. */
  get readsAhead(): boolean {
    return false;
  }

  /** Encrypts `length` bytes at `source` to `target`, which takes `length` + 16 bytes. */
  seal(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    target: number,
  ): void {
    assert(key.length === KEY_BYTES, "A packet key has 32 bytes");
    this.#kernel.seal(key, counter, source, length, target);
  }

  /**
   * Decrypts `length` bytes, tag included, at `source` to `target`, which takes
   * `length` - 16 bytes. Returns `false`, with garbage in the target, when the
   * packet is forged or shorter than a tag.
   */
  open(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    target: number,
  ): boolean {
    assert(key.length === KEY_BYTES, "A packet key has 32 bytes");
    if (length < AEAD_TAG_BYTES) return false;
    return this.#kernel.open(key, counter, source, length, target);
  }

  /** Overwrites what is left of keys, key stream and packets from all calls before. */
  wipe(): void {
    this.#kernel.wipe();
  }

  /** `seal`, but the target need not be complete before `finish`. The source is free at once. */
  sealLater(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    target: number,
  ): void {
    this.seal(key, counter, source, length, target);
  }

  /** Completes what was to be sealed later. */
  finish(): void {}

  /**
   * Begins to open a packet that `open` will ask for, with the same key and
   * source, before `endAhead`. Returns `false` when there is no room for more.
   */
  openAhead(
    _key: Uint8Array,
    _counter: number,
    _source: number,
    _length: number,
  ): boolean {
    return false;
  }

  /** Ends what `openAhead` has begun, whether or not it was asked for. */
  endAhead(): void {}
}
