/**
 * BLAKE2s (RFC 7693) and SHA-1 (RFC 3174) of messages that lie in memory as a
 * whole, keyed and by HMAC (RFC 2104). Both have blocks of 64 bytes.
 *
 * The host writes a message to `MESSAGE`, a key to `KEY`, and finds the result
 * at `DIGEST`. A MAC puts its key block right before the message, so that it
 * hashes both as one. What depends on a key is erased at the end of a call;
 * no branch and no address depends on it.
 */
import { compressBlake2s, compressSha1 } from "./compressions";
import {
  DIGEST,
  KEY,
  KEY_BLOCK,
  LAST_BLOCKS,
  MESSAGE,
  OUTER,
  SHA1_SCHEDULE,
  STATE,
} from "./hashes_layout";

export { DIGEST, KEY, MESSAGE } from "./hashes_layout";

const BLOCK: u32 = 64;
const BLAKE2S_BYTES: u32 = 32;
const SHA1_BYTES: u32 = 20;
const INNER: u64 = 0x3636_3636_3636_3636;
const OUTWARD: u64 = 0x5c5c_5c5c_5c5c_5c5c;

/** Hashes with a key of `keyLength` bytes, 0 for none, to `digestLength` bytes. */
export function blake2s(
  length: u32,
  keyLength: u32,
  digestLength: u32,
): void {
  const parameters = 0x0101_0000 ^ (keyLength << 8) ^ digestLength;
  if (keyLength === 0) {
    hashBlake2s(MESSAGE, length, parameters);
  } else {
    memory.fill(KEY_BLOCK, 0, BLOCK);
    memory.copy(KEY_BLOCK, KEY, keyLength);
    hashBlake2s(KEY_BLOCK, BLOCK + length, parameters);
  }
  erase(length);
}

export function hmacBlake2s(length: u32, keyLength: u32): void {
  const parameters = 0x0101_0000 ^ BLAKE2S_BYTES;
  expandKey(keyLength);
  hashBlake2s(KEY_BLOCK, BLOCK + length, parameters);
  memory.copy(OUTER + BLOCK, DIGEST, BLAKE2S_BYTES);
  hashBlake2s(OUTER, BLOCK + BLAKE2S_BYTES, parameters);
  erase(length);
}

export function sha1(length: u32): void {
  hashSha1(MESSAGE, length);
  erase(length);
}

export function hmacSha1(length: u32, keyLength: u32): void {
  expandKey(keyLength);
  hashSha1(KEY_BLOCK, BLOCK + length);
  memory.copy(OUTER + BLOCK, DIGEST, SHA1_BYTES);
  hashSha1(OUTER, BLOCK + SHA1_BYTES);
  erase(length);
}

/** Tells whether the digest begins with the `length` bytes behind the message's first `at`. Of each pair of bytes all are looked at. */
export function matches(at: usize, length: u32): u32 {
  let difference: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    difference |= load<u8>(DIGEST + i) ^ load<u8>(at + i);
  }
  return difference === 0 ? 1 : 0;
}

/** Makes the two blocks that an HMAC begins with. */
function expandKey(keyLength: u32): void {
  memory.fill(KEY_BLOCK, 0, BLOCK);
  memory.copy(KEY_BLOCK, KEY, keyLength);
  for (let i: u32 = 0; i < BLOCK; i += 8) {
    const word = load<u64>(KEY_BLOCK + i);
    store<u64>(OUTER + i, word ^ OUTWARD);
    store<u64>(KEY_BLOCK + i, word ^ INNER);
  }
}

function hashBlake2s(at: usize, length: u32, parameters: u32): void {
  store<u32>(STATE, 0x6a09e667 ^ parameters, 0);
  store<u32>(STATE, 0xbb67ae85, 4);
  store<u32>(STATE, 0x3c6ef372, 8);
  store<u32>(STATE, 0xa54ff53a, 12);
  store<u32>(STATE, 0x510e527f, 16);
  store<u32>(STATE, 0x9b05688c, 20);
  store<u32>(STATE, 0x1f83d9ab, 24);
  store<u32>(STATE, 0x5be0cd19, 28);
  let done: u32 = 0;
  for (; length - done > BLOCK; done += BLOCK) {
    compressBlake2s(at + done, done + BLOCK, 0);
  }
  memory.fill(LAST_BLOCKS, 0, BLOCK);
  memory.copy(LAST_BLOCKS, at + done, length - done);
  compressBlake2s(LAST_BLOCKS, length, 0xffff_ffff);
  memory.copy(DIGEST, STATE, BLAKE2S_BYTES);
}

function hashSha1(at: usize, length: u32): void {
  store<u32>(STATE, 0x67452301, 0);
  store<u32>(STATE, 0xefcdab89, 4);
  store<u32>(STATE, 0x98badcfe, 8);
  store<u32>(STATE, 0x10325476, 12);
  store<u32>(STATE, 0xc3d2e1f0, 16);
  let done: u32 = 0;
  for (; length - done >= BLOCK; done += BLOCK) compressSha1(at + done);

  const rest = length - done;
  // One bit behind the message, and the number of its bits at the very end.
  const padded: u32 = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;
  memory.fill(LAST_BLOCKS, 0, padded);
  memory.copy(LAST_BLOCKS, at + done, rest);
  store<u8>(LAST_BLOCKS + rest, 0x80);
  store<u64>(LAST_BLOCKS + padded - 8, bswap<u64>((<u64> length) << 3));
  compressSha1(LAST_BLOCKS);
  if (padded > BLOCK) compressSha1(LAST_BLOCKS + BLOCK);
  for (let i: u32 = 0; i < SHA1_BYTES; i += 4) {
    store<u32>(DIGEST + i, bswap<u32>(load<u32>(STATE + i)));
  }
}

/** Overwrites everything but the digest. */
function erase(length: u32): void {
  memory.fill(STATE, 0, SHA1_SCHEDULE + BLOCK - STATE);
  memory.fill(KEY, 0, BLOCK);
  memory.fill(KEY_BLOCK, 0, BLOCK + length);
}
