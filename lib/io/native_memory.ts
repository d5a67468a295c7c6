import type { Arena } from "../base/mod.ts";
import { assert } from "../base/mod.ts";

/**
 * Keeps every arena that the kernel may write to.
 *
 * V8 does not see a native address as a reference: a loop that holds nothing
 * but pointers would lose its memory to the collector (data-path spec §7).
 */
const keptAlive = new Set<Arena>();

/** The native addresses of an arena, for system calls and the structs they take. */
export class NativeMemory {
  /** The memory itself. */
  readonly arena: Arena;
  readonly #base: Deno.PointerObject;
  /** Exact as a number: user space ends at 2^47, or 2^56 where a process asks for more. */
  readonly #baseAddress: number;

  /** Pins `arena` for the life of the thread. */
  constructor(arena: Arena) {
    keptAlive.add(arena);
    this.arena = arena;
    const base = Deno.UnsafePointer.of(arena.bytes as Uint8Array<ArrayBuffer>);
    assert(base !== null, "The arena has no native address");
    this.#base = base;
    this.#baseAddress = Number(Deno.UnsafePointer.value(base));
  }

  /** Makes the pointer to an address of the arena. Slow: make it once. */
  pointer(address: number): Deno.PointerObject {
    const pointer = Deno.UnsafePointer.offset(this.#base, address);
    assert(pointer !== null, "An address of the arena is null");
    return pointer;
  }

  /** Writes the native form of `address` into a pointer field of a struct at `at`. Allocates nothing. */
  writePointer(at: number, address: number): void {
    const value = this.#baseAddress + address;
    this.arena.view.setUint32(at, value, true);
    this.arena.view.setUint32(at + 4, value / 2 ** 32, true);
  }
}
