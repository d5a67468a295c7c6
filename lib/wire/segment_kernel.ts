import { type Arena, assert, fromBase64 } from "../base/mod.ts";
import { MODULE_BASE64 } from "./wasm/module.ts";

/** What `wasm/kernel.as` exports. */
interface KernelExports {
  sum(at: number, length: number): number;
  /** Returns 1 or 0. */
  isIntact(
    at: number,
    length: number,
    ipHeaderLength: number,
    protocol: number,
  ): number;
  /** Returns the TCP flags or 0. */
  continuesTcp(
    first: number,
    at: number,
    length: number,
    ipHeaderLength: number,
    headerLength: number,
    sequence: number,
  ): number;
  beginSplit(
    at: number,
    length: number,
    ipHeaderLength: number,
    transportHeaderLength: number,
    protocol: number,
    segmentSize: number,
  ): void;
  writeSegment(index: number): number;
}

/**
 * Checksums and segments of the packets of an arena, in WebAssembly with SIMD.
 *
 * Addresses are those of the arena. Nothing here checks them or what lies
 * there: that is for the caller, who has parsed the packet.
 */
export class SegmentKernel {
  /** The arena. */
  readonly bytes: Uint8Array;
  readonly #exports: KernelExports;

  private constructor(bytes: Uint8Array, exports: KernelExports) {
    this.bytes = bytes;
    this.#exports = exports;
  }

  /** Makes the kernel on the memory of `arena`; `undefined` on an engine without SIMD. */
  static create(arena: Arena): SegmentKernel | undefined {
    const binary = fromBase64(MODULE_BASE64);
    assert(binary !== undefined, "The segment kernel is not base64");
    const code = new Uint8Array(binary);
    if (!WebAssembly.validate(code)) return undefined;

    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(code),
      { env: { memory: arena.memory } },
    );
    return new SegmentKernel(arena.bytes, exports as unknown as KernelExports);
  }

  /** Returns the one's complement sum of the 16-bit words at `at`, folded; an odd last byte is padded with zero. */
  sum(at: number, length: number): number {
    return this.#exports.sum(at, length);
  }

  /** Tells whether the checksums of the TCP or UDP packet of `length` bytes at `at` are right, that of an IPv4 header included. */
  isIntact(
    at: number,
    length: number,
    ipHeaderLength: number,
    protocol: number,
  ): boolean {
    return this.#exports.isIntact(at, length, ipHeaderLength, protocol) === 1;
  }

  /**
   * Tells whether the `length` bytes at `at` are a TCP packet that goes on at `sequence` where the one at `first` and those after it end.
   *
   * It differs from that one only in its IP identification or flow label, its
   * window and PSH, and its checksums are right. Returns its flags, ACK or ACK
   * and PSH, or 0. `length` exceeds `headerLength`, that of the headers of the
   * packet at `first`, which has no IP options or extension headers.
   */
  continuesTcp(
    first: number,
    at: number,
    length: number,
    ipHeaderLength: number,
    headerLength: number,
    sequence: number,
  ): number {
    return this.#exports.continuesTcp(
      first,
      at,
      length,
      ipHeaderLength,
      headerLength,
      sequence,
    );
  }

  /** Begins to split the TCP or UDP packet of `length` bytes at `at` into segments of `segmentSize` bytes of payload. */
  beginSplit(
    at: number,
    length: number,
    ipHeaderLength: number,
    transportHeaderLength: number,
    protocol: number,
    segmentSize: number,
  ): void {
    this.#exports.beginSplit(
      at,
      length,
      ipHeaderLength,
      transportHeaderLength,
      protocol,
      segmentSize,
    );
  }

  /**
   * Makes segment `index` a packet of its own and returns its length.
   *
   * It starts at the packet's address + `index` * `segmentSize`: its headers
   * overwrite the end of the segment before, so segments are taken in order,
   * each when the last one has served.
   */
  writeSegment(index: number): number {
    return this.#exports.writeSegment(index);
  }
}
