import { writeU16 } from "../base/mod.ts";
import {
  internetChecksum,
  type SegmentKernel,
  TransportView,
} from "../wire/mod.ts";
import {
  checksumOffset,
  checksumStart,
  needsChecksum,
  segmentation,
  SEGMENTS_NONE,
  SEGMENTS_TCP4,
  SEGMENTS_TCP6,
  SEGMENTS_UDP,
  segmentSize,
  VIRTIO_HEADER_BYTES,
} from "./virtio_header.ts";

/** Why what was read from the TUN device is dropped before the core sees it. */
export type TunDefect =
  | "tun-read-runt"
  | "tun-read-bad-checksum-range"
  | "tun-read-unknown-segmentation"
  | "tun-read-wrong-protocol"
  | "tun-read-without-segment-size"
  | "tun-read-without-payload"
  | "tun-read-too-many-segments";

/** Most segments of one read (data-plane spec §3.5). */
const SEGMENT_LIMIT = 256;

/** IP protocol numbers. */
const TCP = 6;
const UDP = 17;

/**
 * What one read from the TUN device gave: a packet, or a large one that stands for many.
 *
 * After `attach` returned "ok", each `next` makes one packet at
 * `[packetAt, packetEnd)`, with a complete checksum, and ends the life of the
 * one before.
 */
export class TunFrame {
  /** Index of the packet's first byte. */
  packetAt = 0;
  /** Index behind its last byte. */
  packetEnd = 0;
  /** How many packets there are. */
  count = 0;
  readonly #bytes: Uint8Array;
  readonly #kernel: SegmentKernel | undefined;
  readonly #transport = new TransportView();
  #packet = 0;
  #end = 0;
  #segmentSize = 0;
  #index = 0;

  /** `kernel` works on the memory of `bytes`; without one, large packets are refused. */
  constructor(bytes: Uint8Array, kernel: SegmentKernel | undefined) {
    this.#bytes = bytes;
    this.#kernel = kernel;
  }

  /** Index of the first byte of what was read, behind its header. */
  get at(): number {
    return this.#packet;
  }

  /** Length of what was read, without its header. */
  get byteLength(): number {
    return this.#end - this.#packet;
  }

  /** Checks what was read into `[start, end)`, header first. */
  attach(start: number, end: number): "ok" | TunDefect {
    const bytes = this.#bytes;
    this.#packet = start + VIRTIO_HEADER_BYTES;
    this.#end = end;
    this.#index = 0;
    this.#segmentSize = 0;
    this.count = 1;
    if (this.#packet >= end) return "tun-read-runt";
    const kind = segmentation(bytes, start);
    if (kind !== SEGMENTS_NONE) return this.#beginSplit(start, kind);
    return needsChecksum(bytes, start) ? this.#completeChecksum(start) : "ok";
  }

  /** Makes the next packet. Returns `false` when there is none. */
  next(): boolean {
    if (this.#index >= this.count) return false;
    const index = this.#index++;
    this.packetAt = this.#packet + index * this.#segmentSize;
    this.packetEnd = this.#segmentSize === 0 || this.#kernel === undefined
      ? this.#end
      : this.packetAt + this.#kernel.writeSegment(index);
    return true;
  }

  /** The length of the headers that the kernel gives is not to be trusted: the packet tells (data-plane spec §3.5). */
  #beginSplit(start: number, kind: number): "ok" | TunDefect {
    const protocol = protocolOf(kind);
    if (protocol === 0 || this.#kernel === undefined) {
      return "tun-read-unknown-segmentation";
    }
    const size = segmentSize(this.#bytes, start);
    if (size === 0) return "tun-read-without-segment-size";
    const transport = this.#transport;
    const found = transport.attach(this.#bytes, this.#packet, this.#end);
    const isAsTold = kind === SEGMENTS_UDP
      ? found === "udp"
      : found === "tcp" &&
        (transport.version === 4) === (kind === SEGMENTS_TCP4);
    if (!isAsTold) return "tun-read-wrong-protocol";
    if (transport.payloadLength === 0) return "tun-read-without-payload";
    const count = Math.ceil(transport.payloadLength / size);
    if (count > SEGMENT_LIMIT) return "tun-read-too-many-segments";

    this.count = count;
    this.#segmentSize = size;
    this.#kernel.beginSplit(
      this.#packet,
      transport.length,
      transport.ipHeaderLength,
      transport.transportHeaderLength,
      protocol,
      size,
    );
    return "ok";
  }

  /** The field holds the folded sum of the pseudo-header, so summing over it adds just that. A sum of 0 is sent as 0xffff. */
  #completeChecksum(start: number): "ok" | TunDefect {
    const bytes = this.#bytes;
    const from = this.#packet + checksumStart(bytes, start);
    const field = from + checksumOffset(bytes, start);
    if (field + 2 > this.#end) return "tun-read-bad-checksum-range";
    const length = this.#end - from;
    const checksum = this.#kernel
      ? ~this.#kernel.sum(from, length) & 0xffff
      : internetChecksum(bytes, from, this.#end);
    writeU16(bytes, field, checksum || 0xffff);
    return "ok";
  }
}

function protocolOf(kind: number): number {
  switch (kind) {
    case SEGMENTS_TCP4:
    case SEGMENTS_TCP6:
      return TCP;
    case SEGMENTS_UDP:
      return UDP;
    default:
      return 0;
  }
}
