import { writeU16 } from "../base/mod.ts";
import { foldSum, type SegmentKernel } from "../wire/mod.ts";
import type { MergedPacket } from "./packet_merger.ts";
import {
  SEGMENTS_TCP4,
  SEGMENTS_TCP6,
  SEGMENTS_UDP,
  VIRTIO_HEADER_BYTES,
  writeSegmentsHeader,
} from "./virtio_header.ts";

const TCP = 6;

/** Offsets in the headers. */
const IPV4_LENGTH = 2;
const IPV4_CHECKSUM = 10;
const IPV4_SOURCE = 12;
const IPV6_LENGTH = 4;
const IPV6_SOURCE = 8;
const IPV6_HEADER_LENGTH = 40;
const TCP_FLAGS = 13;
const TCP_CHECKSUM = 16;
const UDP_LENGTH = 4;
const UDP_CHECKSUM = 6;

const TCP_PSH = 0x08;

/**
 * Turns the headers of the packet at `at`, the first of several, into those of all, the virtio header before it included.
 *
 * The transport checksum becomes the sum of the pseudo-header; the kernel does
 * the rest (data-plane spec §14.2).
 */
export function writeMergedHeaders(
  kernel: SegmentKernel,
  at: number,
  merged: MergedPacket,
): void {
  const { headerLength, ipHeaderLength, length, protocol } = merged;
  const { bytes } = kernel;
  const isIpv4 = merged.version === 4;
  if (isIpv4) writeIpv4Lengths(kernel, at, merged);
  else writeU16(bytes, at + IPV6_LENGTH, length - IPV6_HEADER_LENGTH);

  const isTcp = protocol === TCP;
  const transport = at + ipHeaderLength;
  const transportLength = length - ipHeaderLength;
  if (!isTcp) writeU16(bytes, transport + UDP_LENGTH, transportLength);
  else if (merged.pushes) bytes[transport + TCP_FLAGS]! |= TCP_PSH;

  const addresses = isIpv4
    ? kernel.sum(at + IPV4_SOURCE, 8)
    : kernel.sum(at + IPV6_SOURCE, 32);
  const checksum = isTcp ? TCP_CHECKSUM : UDP_CHECKSUM;
  const partial = foldSum(addresses + protocol + transportLength);
  writeU16(bytes, transport + checksum, partial);

  const tcpKind = isIpv4 ? SEGMENTS_TCP4 : SEGMENTS_TCP6;
  writeSegmentsHeader(
    bytes,
    at - VIRTIO_HEADER_BYTES,
    isTcp ? tcpKind : SEGMENTS_UDP,
    headerLength,
    merged.segmentSize,
    ipHeaderLength,
    checksum,
  );
}

function writeIpv4Lengths(
  kernel: SegmentKernel,
  at: number,
  { ipHeaderLength, length }: MergedPacket,
): void {
  const { bytes } = kernel;
  writeU16(bytes, at + IPV4_LENGTH, length);
  writeU16(bytes, at + IPV4_CHECKSUM, 0);
  const sum = kernel.sum(at, ipHeaderLength);
  writeU16(bytes, at + IPV4_CHECKSUM, ~sum & 0xffff);
}
