import { readU16, writeU16 } from "../base/mod.ts";

/**
 * Returns the Internet checksum of `[start, end)`, RFC 1071 §1.
 *
 * `initial` is a sum to begin with, such as that of a pseudo-header. The
 * checksum field itself must be zero, or the result 0 means "correct".
 */
export function internetChecksum(
  bytes: Uint8Array,
  start: number,
  end: number,
  initial = 0,
): number {
  return ~foldSum(initial + sumWords(bytes, start, end)) & 0xffff;
}

/**
 * Returns the sum of the pseudo-header that TCP, UDP and ICMPv6 checksums include, RFC 9293 §3.1 and RFC 8200 §8.1.
 *
 * The addresses are the `2 × addressLength` bytes at `addressesAt`, source
 * first, as they stand in the IP header.
 */
export function pseudoHeaderSum(
  bytes: Uint8Array,
  addressesAt: number,
  addressLength: 4 | 16,
  protocol: number,
  length: number,
): number {
  return sumWords(bytes, addressesAt, addressesAt + 2 * addressLength) +
    protocol + length;
}

/** Returns the sum of the 16-bit words in `[start, end)`, an odd last byte padded with zero. Not folded. */
export function sumWords(
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let sum = 0;
  let at = start;
  for (; at + 1 < end; at += 2) sum += readU16(bytes, at);
  if (at < end) sum += bytes[at]! << 8;
  return sum;
}

/** Folds the carries of a sum below 2^32 into 16 bits, RFC 1071 §2. */
export function foldSum(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return ((once & 0xffff) + (once >>> 16)) & 0xffff;
}

/**
 * Updates the checksum at `at` by `change`, RFC 1624 equation 3.
 *
 * `change` is the sum of what `wordChange` returned for each changed word. A
 * result of 0x0000 is written as 0xFFFF: both verify, and UDP would read the
 * first as "absent" (data-plane spec §13.2).
 */
export function adjustChecksum(
  bytes: Uint8Array,
  at: number,
  change: number,
): void {
  const sum = foldSum((~readU16(bytes, at) & 0xffff) + change);
  writeU16(bytes, at, sum === 0xffff ? 0xffff : ~sum & 0xffff);
}

/** Returns what replacing the word `before` by `after` adds to a sum, RFC 1624 equation 3: ~m + m'. */
export function wordChange(before: number, after: number): number {
  return (~before & 0xffff) + after;
}
