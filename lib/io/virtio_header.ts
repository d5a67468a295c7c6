import { readU16, writeU16 } from "../base/mod.ts";

/** Length of the header before each packet that a TUN device reads or takes, in bytes (data-plane spec §3.5). */
export const VIRTIO_HEADER_BYTES = 10;

/** Layout; fields are little-endian. */
const FLAGS = 0;
const GSO_TYPE = 1;
const CHECKSUM_START = 6;
const CHECKSUM_OFFSET = 8;

const NEEDS_CHECKSUM = 1;
const GSO_NONE = 0;

/** Why a packet read from the TUN device is dropped before the core sees it. */
export type TunDefect =
  | "tun-read-runt"
  | "tun-read-segmented"
  | "tun-read-bad-checksum-range";

/**
 * Checks what was read into `[start, end)`, header first, and completes the checksum where the kernel left it partial.
 *
 * A packet that stands for several segments is refused: we do not ask for such.
 */
export function finishTunRead(
  bytes: Uint8Array,
  start: number,
  end: number,
): "ok" | TunDefect {
  const packet = start + VIRTIO_HEADER_BYTES;
  if (packet >= end) return "tun-read-runt";
  if (bytes[start + GSO_TYPE] !== GSO_NONE) return "tun-read-segmented";
  if ((bytes[start + FLAGS]! & NEEDS_CHECKSUM) === 0) return "ok";

  const from = packet + readU16LE(bytes, start + CHECKSUM_START);
  const field = from + readU16LE(bytes, start + CHECKSUM_OFFSET);
  if (field + 2 > end) return "tun-read-bad-checksum-range";
  completeChecksum(bytes, from, end, field);
  return "ok";
}

/** The field holds the folded sum of the pseudo header, so summing over it adds just that. A sum of 0 is sent as 0xffff. */
function completeChecksum(
  bytes: Uint8Array,
  from: number,
  end: number,
  field: number,
): void {
  let sum = 0;
  for (let at = from; at + 1 < end; at += 2) sum += readU16(bytes, at);
  if ((end - from) % 2 === 1) sum += bytes[end - 1]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  writeU16(bytes, field, (~sum & 0xffff) || 0xffff);
}

function readU16LE(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}
