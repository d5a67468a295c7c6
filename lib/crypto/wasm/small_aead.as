/**
 * ChaCha20-Poly1305 (RFC 8439) and XChaCha20-Poly1305 of the few bytes that
 * handshakes and cookies hold, with associated data.
 *
 * The host writes `KEY` and `NONCE`, the associated data to `DATA` and the
 * message behind it, at the next multiple of 16, where it is sealed or opened
 * in place. What depends on a key is erased at the end of a call; no branch
 * and no address depends on it.
 */
import { permute } from "./chacha";

/** 32 bytes. */
export const KEY: usize = 64;
/** 12 or 24 bytes. */
export const NONCE: usize = 96;
/** The tag that was made, or the one that is expected. */
export const TAG: usize = 128;
/** The tag that was computed. */
const COMPUTED: usize = 144;
/** What a block of key stream is made from, and the block. */
const STATE: usize = 192;
const BLOCK: usize = 256;
/** Poly1305: r, then s, which is added last. */
const R: usize = 320;
const S: usize = 336;
/** What is authenticated. */
export const DATA: usize = 1024;

const BLOCK_BYTES: u32 = 64;
const LIMB: u64 = 0x3ff_ffff;

/** Encrypts `length` bytes in place and leaves the tag at `TAG`. */
export function seal(aadLength: u32, length: u32, nonceLength: u32): void {
  begin(nonceLength);
  const at = messageAt(aadLength);
  xorKeyStream(at, length);
  authenticate(aadLength, length);
  memory.copy(TAG, COMPUTED, 16);
  erase();
}

/** Decrypts `length` bytes in place if the tag at `TAG` is theirs. Returns 1, or 0 with the bytes as they were. */
export function open(aadLength: u32, length: u32, nonceLength: u32): u32 {
  begin(nonceLength);
  authenticate(aadLength, length);
  const difference = (load<u64>(TAG) ^ load<u64>(COMPUTED)) |
    (load<u64>(TAG, 8) ^ load<u64>(COMPUTED, 8));
  if (difference === 0) xorKeyStream(messageAt(aadLength), length);
  erase();
  return difference === 0 ? 1 : 0;
}

function messageAt(aadLength: u32): usize {
  return DATA + padded(aadLength);
}

function padded(length: u32): u32 {
  return (length + 15) & ~15;
}

/** Sets the state up and makes the one-time key from block 0. */
function begin(nonceLength: u32): void {
  store<u32>(STATE, 0x61707865, 0);
  store<u32>(STATE, 0x3320646e, 4);
  store<u32>(STATE, 0x79622d32, 8);
  store<u32>(STATE, 0x6b206574, 12);
  memory.copy(STATE + 16, KEY, 32);
  if (nonceLength === 24) {
    // HChaCha20: another key from the first 16 bytes of the nonce.
    memory.copy(STATE + 48, NONCE, 16);
    permute(STATE, BLOCK);
    memory.copy(STATE + 16, BLOCK, 16);
    memory.copy(STATE + 32, BLOCK + 48, 16);
    store<u32>(STATE, 0, 52);
    memory.copy(STATE + 56, NONCE + 16, 8);
  } else {
    memory.copy(STATE + 52, NONCE, 12);
  }
  makeBlock(0);
  memory.copy(R, BLOCK, 32);
}

function makeBlock(counter: u32): void {
  store<u32>(STATE, counter, 48);
  permute(STATE, BLOCK);
  for (let i: u32 = 0; i < BLOCK_BYTES; i += 4) {
    store<u32>(BLOCK + i, load<u32>(BLOCK + i) + load<u32>(STATE + i));
  }
}

function xorKeyStream(at: usize, length: u32): void {
  for (let done: u32 = 0; done < length; done += BLOCK_BYTES) {
    makeBlock(1 + done / BLOCK_BYTES);
    const count = min(BLOCK_BYTES, length - done);
    for (let i: u32 = 0; i < count; i++) {
      const byte = load<u8>(at + done + i) ^ load<u8>(BLOCK + i);
      store<u8>(at + done + i, byte);
    }
  }
}

/** Pads both parts with zeros, appends their lengths, and leaves the tag at `COMPUTED`. RFC 8439 §2.8. */
function authenticate(aadLength: u32, length: u32): void {
  const at = messageAt(aadLength);
  memory.fill(DATA + aadLength, 0, padded(aadLength) - aadLength);
  memory.fill(at + length, 0, padded(length) - length);
  const end = at + padded(length);
  store<u64>(end, aadLength);
  store<u64>(end, length, 8);
  poly1305(<u32> (end + 16 - DATA) >> 4);
}

/** Poly1305 of whole blocks at `DATA`, in limbs of 26 bits, RFC 8439 §2.5. */
function poly1305(blocks: u32): void {
  const r0: u64 = load<u32>(R, 0) & 0x3ff_ffff;
  const r1: u64 = (load<u32>(R, 3) >> 2) & 0x3ff_ff03;
  const r2: u64 = (load<u32>(R, 6) >> 4) & 0x3ff_c0ff;
  const r3: u64 = (load<u32>(R, 9) >> 6) & 0x3f0_3fff;
  const r4: u64 = (load<u32>(R, 12) >> 8) & 0x00f_ffff;
  const s1 = r1 * 5;
  const s2 = r2 * 5;
  const s3 = r3 * 5;
  const s4 = r4 * 5;
  let h0: u64 = 0, h1: u64 = 0, h2: u64 = 0, h3: u64 = 0, h4: u64 = 0;
  for (let at = DATA; blocks > 0; blocks--, at += 16) {
    h0 += load<u32>(at, 0) & 0x3ff_ffff;
    h1 += (load<u32>(at, 3) >> 2) & 0x3ff_ffff;
    h2 += (load<u32>(at, 6) >> 4) & 0x3ff_ffff;
    h3 += load<u32>(at, 9) >> 6;
    h4 += (load<u32>(at, 12) >> 8) | 0x100_0000;
    const d0 = h0 * r0 + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1;
    let d1 = h0 * r1 + h1 * r0 + h2 * s4 + h3 * s3 + h4 * s2;
    let d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s4 + h4 * s3;
    let d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s4;
    let d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0;
    d1 += d0 >> 26;
    d2 += d1 >> 26;
    d3 += d2 >> 26;
    d4 += d3 >> 26;
    h0 = (d0 & LIMB) + (d4 >> 26) * 5;
    h1 = (d1 & LIMB) + (h0 >> 26);
    h0 &= LIMB;
    h2 = d2 & LIMB;
    h3 = d3 & LIMB;
    h4 = d4 & LIMB;
  }
  h2 += h1 >> 26;
  h1 &= LIMB;
  h3 += h2 >> 26;
  h2 &= LIMB;
  h4 += h3 >> 26;
  h3 &= LIMB;
  h0 += (h4 >> 26) * 5;
  h4 &= LIMB;
  h1 += h0 >> 26;
  h0 &= LIMB;
  reduceAndAdd(h0, h1, h2, h3, h4);
}

/** Takes 2^130 - 5 away if it can, adds s, and stores the tag. */
function reduceAndAdd(h0: u64, h1: u64, h2: u64, h3: u64, h4: u64): void {
  let g0 = h0 + 5;
  let g1 = h1 + (g0 >> 26);
  let g2 = h2 + (g1 >> 26);
  let g3 = h3 + (g2 >> 26);
  const g4 = h4 + (g3 >> 26);
  // All ones if there is a bit 2^130, so that the difference counts.
  const mask: u64 = 0 - (g4 >> 26);
  g0 &= LIMB;
  g1 &= LIMB;
  g2 &= LIMB;
  g3 &= LIMB;
  h0 = (h0 & ~mask) | (g0 & mask);
  h1 = (h1 & ~mask) | (g1 & mask);
  h2 = (h2 & ~mask) | (g2 & mask);
  h3 = (h3 & ~mask) | (g3 & mask);
  h4 = (h4 & ~mask) | (g4 & LIMB & mask);

  const low = h0 | (h1 << 26) | (h2 << 52);
  const high = (h2 >> 12) | (h3 << 14) | (h4 << 40);
  const sumLow = low + load<u64>(S);
  const carry: u64 = sumLow < low ? 1 : 0;
  store<u64>(COMPUTED, sumLow);
  store<u64>(COMPUTED, high + load<u64>(S, 8) + carry, 8);
}

/** Overwrites what depends on the key, but not the message. */
function erase(): void {
  memory.fill(KEY, 0, 32);
  memory.fill(COMPUTED, 0, S + 16 - COMPUTED);
}
