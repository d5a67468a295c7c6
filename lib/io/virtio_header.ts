import { readU16LE, writeU16LE } from "../base/mod.ts";

/** Length of the header before every packet of the TUN device (data-plane spec §3.5). */
export const VIRTIO_HEADER_BYTES = 10;

/** Layout; fields are little-endian. The header length at 2 is never read: it is not to be trusted. */
const FLAGS = 0;
const SEGMENTATION = 1;
const HEADER_LENGTH = 2;
const SEGMENT_SIZE = 4;
const CHECKSUM_START = 6;
const CHECKSUM_OFFSET = 8;

const NEEDS_CHECKSUM = 1;

/** One packet. */
export const SEGMENTS_NONE = 0;
/** Segments of TCP over IPv4. */
export const SEGMENTS_TCP4 = 1;
/** Segments of TCP over IPv6. */
export const SEGMENTS_TCP6 = 4;
/** Segments of UDP, each a datagram. */
export const SEGMENTS_UDP = 5;

/** Reads what kind of segments the packet stands for. */
export function segmentation(bytes: Uint8Array, at: number): number {
  return bytes[at + SEGMENTATION]!;
}

/** Reads the payload bytes of each segment. */
export function segmentSize(bytes: Uint8Array, at: number): number {
  return readU16LE(bytes, at + SEGMENT_SIZE);
}

/** Tells whether the kernel left the checksum to us. */
export function needsChecksum(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + FLAGS]! & NEEDS_CHECKSUM) !== 0;
}

/** Reads where the bytes begin that the checksum covers, counted from the packet's start. */
export function checksumStart(bytes: Uint8Array, at: number): number {
  return readU16LE(bytes, at + CHECKSUM_START);
}

/** Reads where the checksum is, counted from where the covered bytes begin. */
export function checksumOffset(bytes: Uint8Array, at: number): number {
  return readU16LE(bytes, at + CHECKSUM_OFFSET);
}

/** Writes the header of a packet that stands for segments, its checksum left to the kernel. */
export function writeSegmentsHeader(
  bytes: Uint8Array,
  at: number,
  kind: number,
  headerLength: number,
  size: number,
  checksumStart: number,
  checksumOffset: number,
): void {
  bytes[at + FLAGS] = NEEDS_CHECKSUM;
  bytes[at + SEGMENTATION] = kind;
  writeU16LE(bytes, at + HEADER_LENGTH, headerLength);
  writeU16LE(bytes, at + SEGMENT_SIZE, size);
  writeU16LE(bytes, at + CHECKSUM_START, checksumStart);
  writeU16LE(bytes, at + CHECKSUM_OFFSET, checksumOffset);
}

/** Makes the header that of a complete packet again. */
export function clearHeader(bytes: Uint8Array, at: number): void {
  bytes.fill(0, at, at + VIRTIO_HEADER_BYTES);
}
