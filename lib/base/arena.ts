import { assert } from "./assert.ts";

/** Size of a WebAssembly memory page, in bytes. */
const PAGE_BYTES = 65_536;

/** Start of the arena that belongs to the WebAssembly kernels: their constants and scratch space. */
export const KERNEL_RESERVED_BYTES = 16_384;

/**
 * The memory that packets live in from socket to TUN: one WebAssembly memory that never grows.
 *
 * An address in the arena is at once an index into `bytes`, a pointer for the
 * kernels, and an offset from one native address for the system calls
 * (data-path spec §0.2). Room is handed out at start and never taken back.
 */
export class Arena {
  /** The memory to instantiate kernels with. */
  readonly memory: WebAssembly.Memory;
  /** All of the memory. */
  readonly bytes: Uint8Array;
  /** The same memory for multi-byte fields in native byte order. */
  readonly view: DataView;
  #next = KERNEL_RESERVED_BYTES;

  /** Creates an arena of at least `byteLength` bytes beside the kernels' part. */
  constructor(byteLength: number) {
    const pages = Math.ceil((byteLength + KERNEL_RESERVED_BYTES) / PAGE_BYTES);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
  }

  /** Hands out `byteLength` bytes and returns their address, a multiple of `alignment`. */
  allocate(byteLength: number, alignment = 16): number {
    const address = Math.ceil(this.#next / alignment) * alignment;
    assert(
      address + byteLength <= this.bytes.length,
      "The arena is too small for what is asked of it",
    );
    this.#next = address + byteLength;
    return address;
  }
}
