/** A byte array of length zero, for views that point nowhere yet. */
export const EMPTY: Uint8Array = new Uint8Array(0);

/** Reads a big-endian 16-bit integer. The caller has checked the bounds. */
export function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** Reads a big-endian 32-bit integer. The caller has checked the bounds. */
export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) |
    bytes[at + 3]!) >>>
    0;
}

/** Reads a little-endian 16-bit integer. The caller has checked the bounds. */
export function readU16LE(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

/** Reads a little-endian 32-bit integer. The caller has checked the bounds. */
export function readU32LE(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) |
    (bytes[at + 3]! << 24)) >>>
    0;
}

/**
 * Reads a little-endian 64-bit integer as a number.
 *
 * Values above 2^53 lose their low bits; they stay above 2^53, so a check
 * against `Number.MAX_SAFE_INTEGER` still refuses them.
 */
export function readU64LE(bytes: Uint8Array, at: number): number {
  return readU32LE(bytes, at) + readU32LE(bytes, at + 4) * 2 ** 32;
}

/** Writes a big-endian 16-bit integer. */
export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Writes a big-endian 32-bit integer. */
export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Writes a little-endian 16-bit integer. */
export function writeU16LE(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

/** Writes a little-endian 32-bit integer. */
export function writeU32LE(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Writes a non-negative safe integer as 64 bits, little-endian. */
export function writeU64LE(bytes: Uint8Array, at: number, value: number): void {
  writeU32LE(bytes, at, value >>> 0);
  writeU32LE(bytes, at + 4, Math.floor(value / 2 ** 32));
}

/** Compares two byte arrays. Not constant-time: secrets go to `crypto/equal.ts`. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

/**
 * Copies `[start, end)` to `to[at…]` without allocating a view.
 *
 * In one array, such as the arena where packets live, it is a single move;
 * two views of one buffer must not overlap.
 */
export function copyBytes(
  from: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  at: number,
): void {
  if (from === to) {
    to.copyWithin(at, start, end);
    return;
  }
  const shift = at - start;
  for (let i = start; i < end; i++) to[shift + i] = from[i]!;
}

/** Size of the blocks that `shortLivedBytes` cuts up. Our own choice. */
const BLOCK_BYTES = 8_192;

let block = new ArrayBuffer(BLOCK_BYTES);
let blockUsed = 0;

/**
 * Returns `length` zero bytes for what is dropped within seconds, such as a message to send.
 *
 * They are a piece of a larger block, which costs an eighth of memory of
 * their own, but lives as long as any piece of it.
 */
export function shortLivedBytes(length: number): Uint8Array<ArrayBuffer> {
  if (length > BLOCK_BYTES) return new Uint8Array(length);
  if (blockUsed + length > BLOCK_BYTES) {
    block = new ArrayBuffer(BLOCK_BYTES);
    blockUsed = 0;
  }
  const bytes = new Uint8Array(block, blockUsed, length);
  blockUsed += length;
  return bytes;
}

/** Joins byte arrays into a fresh one. */
export function concatBytes(
  ...parts: readonly Uint8Array[]
): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

const TEXT = new TextEncoder();

/** Encodes text as UTF-8. */
export function utf8(text: string): Uint8Array {
  return TEXT.encode(text);
}

/** Returns the bytes as lower-case hexadecimal text. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** Reads hexadecimal text of even length, or returns `undefined`. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

/** Returns the bytes as standard base64 text with padding, RFC 4648 §4. */
export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Reads canonical standard base64 text with padding, RFC 4648 §4, or returns `undefined`. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (
    !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(
      text,
    )
  ) {
    return undefined;
  }
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return toBase64(bytes) === text ? bytes : undefined;
}
