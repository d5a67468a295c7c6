/**
 * ChaCha20-Poly1305 (RFC 8439) for WireGuard packets: no associated data, and
 * the nonce is four zero bytes and a 64-bit counter.
 *
 * A pass makes four blocks of key stream, a double pass eight at a better price.
 * Block 0 holds the one-time key of Poly1305, so the first pass leaves three
 * blocks for data and a small packet costs one pass. While a pass runs on the
 * vector units, Poly1305 runs on the scalar units over ciphertext that is there
 * already: `pass` and `doublePass` take care of it.
 *
 * A packet seldom needs just what its passes make. What the last one has to
 * spare makes the first blocks of the packet with the next counter, under the
 * same key, and is kept for it ("ahead"): a packet of 64 bytes then takes half
 * a pass. If another packet comes, nothing is lost.
 *
 * Once packets have been following each other, every pass is a double one. And
 * as the last blocks of a sealed packet leave Poly1305 work that no pass of
 * that packet can hide, a large one ends with a double pass for the next.
 */
import {
  AHEAD_BLOCKS,
  AHEAD_COUNT,
  AHEAD_COUNTER,
  AHEAD_KEY,
  BLOCK_NUMBERS,
  COUNTERS_HIGH,
  COUNTERS_LOW,
  H,
  KEY,
  KEY_STREAM,
  LAST_BLOCKS,
  OPEN_AHEAD,
  PAD,
  R,
  ROTATE_16,
  ROTATE_8,
  S,
  SEAL_AHEAD,
  SECRETS,
  SECRETS_END,
  TAG,
} from "./layout";
import { authenticate, doublePass, pass } from "./rounds";

export { KEY } from "./layout";
/** Poly1305 alone, for tests: no key and counter lead to the edge cases of its arithmetic. */
export { TAG } from "./layout";
export { authenticate } from "./rounds";

const BLOCK: u32 = 64;
const BLOCK_SHIFT: u32 = 6;
const BLOCKS_PER_PASS: u32 = 4;
const BLOCKS_PER_DOUBLE_PASS: u32 = 8;
/** What Poly1305 takes in at each double round of a pass, and of a double pass. */
const PAIR_SHIFT: u32 = 5;
const QUAD_SHIFT: u32 = 6;
const DOUBLE_ROUNDS: u32 = 10;
/** Bytes left to Poly1305 that make a double pass for the next packet worth its risk. */
const MIN_BACKLOG: u32 = 256;
const TAG_BYTES: u32 = 16;
const LOW_32: u64 = 0xffff_ffff;

// deno-fmt-ignore
const ROTATE_8_MASK: v128 = i8x16(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
const ROTATE_16_MASK: v128 = i8x16(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
v128.store(ROTATE_16, ROTATE_16_MASK);
v128.store(ROTATE_16, ROTATE_16_MASK, 16);
v128.store(ROTATE_8, ROTATE_8_MASK);
v128.store(ROTATE_8, ROTATE_8_MASK, 16);

/** Where the first blocks of the packet under work are, how many blocks it has, and how many the next one has. */
let stream: usize = 0;
let blocks: u32 = 0;
let kept: u32 = 0;
/** Whether the packet was expected: then the next one may follow, too, and what is made for it is not in vain. */
let isNext: bool = false;

/** Encrypts `length` bytes at `source` to `target` and puts the tag behind them. */
export function seal(
  source: usize,
  length: u32,
  target: usize,
  counter: f64,
): void {
  const nonce = counter as u64;
  const blocksNeeded = countBlocks(length);
  begin(SEAL_AHEAD, nonce, blocksNeeded);
  let done = dataCovered(length);
  xor(source, stream + BLOCK, target, done);

  let authenticated: u32 = 0;
  while (blocks < blocksNeeded) {
    const ready = done - authenticated;
    authenticated += make(
      SEAL_AHEAD,
      nonce,
      blocksNeeded,
      target + authenticated,
      ready,
    );
    const covered = dataCovered(length);
    xor(source + done, KEY_STREAM, target + done, covered - done);
    done = covered;
  }
  const backlog = length - authenticated;
  if (
    isNext && backlog >= MIN_BACKLOG &&
    kept + BLOCKS_PER_DOUBLE_PASS <= blocksNeeded
  ) {
    authenticated += make(
      SEAL_AHEAD,
      nonce,
      blocksNeeded,
      target + authenticated,
      backlog,
    );
  }

  finish(target, authenticated, length);
  v128.store(target + length, v128.load(TAG));
}

/** Decrypts `length` bytes, tag included, from `source` to `target`. Returns whether the tag is right. */
export function open(
  source: usize,
  length: u32,
  target: usize,
  counter: f64,
): bool {
  const nonce = counter as u64;
  const textLength = length - TAG_BYTES;
  const blocksNeeded = countBlocks(textLength);
  begin(OPEN_AHEAD, nonce, blocksNeeded);
  let done = dataCovered(textLength);
  xor(source, stream + BLOCK, target, done);

  let authenticated: u32 = 0;
  while (blocks < blocksNeeded) {
    authenticated += make(
      OPEN_AHEAD,
      nonce,
      blocksNeeded,
      source + authenticated,
      textLength - authenticated,
    );
    const covered = dataCovered(textLength);
    xor(source + done, KEY_STREAM, target + done, covered - done);
    done = covered;
  }

  finish(source, authenticated, textLength);
  return !v128.any_true(
    v128.xor(v128.load(source + textLength), v128.load(TAG)),
  );
}

/** Overwrites all that is left of keys, key stream and packets. */
export function wipe(): void {
  memory.fill(SECRETS, 0, SECRETS_END - SECRETS);
}

/** Returns how many blocks of key stream `length` bytes take, that of the one-time key included. */
function countBlocks(length: u32): u32 {
  return 1 + ((length + BLOCK - 1) >> BLOCK_SHIFT);
}

/** Returns how many of `length` bytes the blocks there are suffice for. */
function dataCovered(length: u32): u32 {
  return min(length, (blocks - 1) << BLOCK_SHIFT);
}

/** Makes the first blocks, unless they were made ahead, and starts Poly1305 with the one-time key, §2.6. */
function begin(ahead: usize, nonce: u64, blocksNeeded: u32): void {
  kept = 0;
  blocks = min(takeAhead(ahead, nonce), blocksNeeded);
  isNext = blocks > 0;
  if (isNext) stream = ahead + AHEAD_BLOCKS;
  else {
    stream = KEY_STREAM;
    make(ahead, nonce, blocksNeeded, 0, 0);
  }
  setOneTimeKey(stream);
}

/** Returns how many blocks of the packet were made ahead. */
function takeAhead(ahead: usize, nonce: u64): u32 {
  if (load<u64>(ahead, AHEAD_COUNTER) !== nonce) return 0;
  const differences = v128.or(
    v128.xor(v128.load(KEY), v128.load(ahead, AHEAD_KEY)),
    v128.xor(v128.load(KEY, 16), v128.load(ahead, AHEAD_KEY + 16)),
  );
  return v128.any_true(differences) ? 0 : load<u32>(ahead, AHEAD_COUNT);
}

/**
 * Makes the blocks that the packet lacks next, and with what is to spare the
 * next ones of the packet after it. Meanwhile Poly1305 takes in what it can of
 * the `ready` bytes at `at`. Returns how many bytes that was.
 */
function make(
  ahead: usize,
  nonce: u64,
  blocksNeeded: u32,
  at: usize,
  ready: u32,
): u32 {
  const lacking = blocksNeeded - blocks;
  choose(nonce, lacking, 0);
  let made = BLOCKS_PER_PASS;
  let taken: u32;
  if (lacking > BLOCKS_PER_PASS || isNext) {
    made = BLOCKS_PER_DOUBLE_PASS;
    choose(nonce, lacking, 1);
    const quads = min(ready >> QUAD_SHIFT, DOUBLE_ROUNDS);
    doublePass(at, quads);
    taken = quads << QUAD_SHIFT;
  } else {
    const pairs = min(ready >> PAIR_SHIFT, DOUBLE_ROUNDS);
    pass(at, pairs);
    taken = pairs << PAIR_SHIFT;
  }
  blocks += min(lacking, made);
  if (lacking < made) keep(ahead, nonce + 1, lacking, made);
  return taken;
}

/** Chooses the blocks of one half of a double pass: `lacking` of the packet, then those of the packet after it. */
function choose(nonce: u64, lacking: u32, half: u32): void {
  const at = half << 4;
  const lanes = i32x4.add(
    i32x4(0, 1, 2, 3),
    i32x4.splat(half * BLOCKS_PER_PASS),
  );
  const isOwn = i32x4.lt_s(lanes, i32x4.splat(lacking));
  const next = nonce + 1;
  const ownNumbers = i32x4.add(lanes, i32x4.splat(blocks));
  const nextNumbers = i32x4.add(lanes, i32x4.splat(kept - lacking));
  v128.store(
    BLOCK_NUMBERS + at,
    v128.bitselect(ownNumbers, nextNumbers, isOwn),
  );
  v128.store(
    COUNTERS_LOW + at,
    v128.bitselect(i32x4.splat(nonce as u32), i32x4.splat(next as u32), isOwn),
  );
  v128.store(
    COUNTERS_HIGH + at,
    v128.bitselect(
      i32x4.splat((nonce >> 32) as u32),
      i32x4.splat((next >> 32) as u32),
      isOwn,
    ),
  );
}

/** Keeps what the last pass made from `first` on, which belongs to the packet `nonce`. */
function keep(ahead: usize, nonce: u64, first: u32, made: u32): void {
  let target = ahead + AHEAD_BLOCKS + (kept << BLOCK_SHIFT);
  kept += made - first;
  v128.store(ahead, v128.load(KEY), AHEAD_KEY);
  v128.store(ahead, v128.load(KEY, 16), AHEAD_KEY + 16);
  store<u64>(ahead, nonce, AHEAD_COUNTER);
  store<u32>(ahead, kept, AHEAD_COUNT);
  for (let block = first; block < made; block++) {
    const source = KEY_STREAM + (block << BLOCK_SHIFT);
    v128.store(target, v128.load(source));
    v128.store(target, v128.load(source, 16), 16);
    v128.store(target, v128.load(source, 32), 32);
    v128.store(target, v128.load(source, 48), 48);
    target += BLOCK;
  }
}

/** Starts Poly1305 with the 32-byte one-time key at `key`, §2.5.1. */
export function setOneTimeKey(key: usize): void {
  const r0: u64 = load<u32>(key) & 0x0fff_ffff;
  const r1: u64 = load<u32>(key, 4) & 0x0fff_fffc;
  const r2: u64 = load<u32>(key, 8) & 0x0fff_fffc;
  const r3: u64 = load<u32>(key, 12) & 0x0fff_fffc;
  store<u64>(R, r0);
  store<u64>(R, r1, 8);
  store<u64>(R, r2, 16);
  store<u64>(R, r3, 24);
  // Clamped limbs are multiples of 4, so 5/4 of them is exact.
  store<u64>(S, r1 + (r1 >> 2));
  store<u64>(S, r2 + (r2 >> 2), 8);
  store<u64>(S, r3 + (r3 >> 2), 16);
  v128.store(PAD, v128.load(key, 16));
  for (let i: usize = 0; i < 5; i++) store<u64>(H + 8 * i, 0);
}

/** Authenticates the rest of the message, pads it, adds the lengths, and leaves the tag at `TAG`, §2.8. */
function finish(at: usize, authenticated: u32, length: u32): void {
  authenticate(at + authenticated, (length - authenticated) >> 4);

  const rest = length & 15;
  v128.store(LAST_BLOCKS, i64x2.splat(0));
  copyShort(at + length - rest, LAST_BLOCKS, rest);
  store<u64>(LAST_BLOCKS, 0, 16);
  store<u64>(LAST_BLOCKS, length, 24);
  if (rest > 0) authenticate(LAST_BLOCKS, 2);
  else authenticate(LAST_BLOCKS + 16, 1);

  writeTag();
}

/** Reduces the accumulator h, adds the pad and leaves the tag at `TAG`. No branch depends on a value. */
export function writeTag(): void {
  // h0 carried late, so h may reach 2^130. If it does, the carry rippled through
  // all limbs: h1 is below 2 then, and the 5 that comes back cannot overflow.
  const h0 = load<u64>(H);
  const h1 = load<u64>(H, 8) + (h0 >> 32);
  const h2 = load<u64>(H, 16) + (h1 >> 32);
  const h3 = load<u64>(H, 24) + (h2 >> 32);
  const h4 = load<u64>(H, 32) + (h3 >> 32);
  const low = (h0 & LOW_32) + (h4 >> 2) * 5 + (h1 << 32);
  const high = (h2 & LOW_32) | (h3 << 32);

  // h + 5 reaches bit 130 exactly if h >= p. Then h + 5 - 2^130 is the residue.
  const residueLow = low + 5;
  const residueHigh = high + ((residueLow < low) as u64);
  const carry = (residueHigh < high) as u64;
  const isResidue = 0 - (((h4 & 3) + carry) >> 2);
  const tagLow = load<u64>(PAD) +
    ((low & ~isResidue) | (residueLow & isResidue));
  const tagHigh = load<u64>(PAD, 8) +
    ((high & ~isResidue) | (residueHigh & isResidue));

  store<u64>(TAG, tagLow);
  store<u64>(TAG, tagHigh + ((tagLow < load<u64>(PAD)) as u64), 8);
}

/** Writes the exclusive or of `length` bytes of data and key stream. */
function xor(source: usize, stream: usize, target: usize, length: u32): void {
  const end = source + length;
  while (source + 64 <= end) {
    const v0 = v128.xor(v128.load(source), v128.load(stream));
    const v1 = v128.xor(v128.load(source, 16), v128.load(stream, 16));
    const v2 = v128.xor(v128.load(source, 32), v128.load(stream, 32));
    const v3 = v128.xor(v128.load(source, 48), v128.load(stream, 48));
    v128.store(target, v0);
    v128.store(target, v1, 16);
    v128.store(target, v2, 32);
    v128.store(target, v3, 48);
    source += 64;
    stream += 64;
    target += 64;
  }
  while (source + 16 <= end) {
    v128.store(target, v128.xor(v128.load(source), v128.load(stream)));
    source += 16;
    stream += 16;
    target += 16;
  }
  xorShort(source, stream, target, length & 15);
}

/** `xor` for less than 16 bytes. Touches nothing outside. */
function xorShort(
  source: usize,
  stream: usize,
  target: usize,
  length: u32,
): void {
  if (length & 8) {
    store<u64>(target, load<u64>(source) ^ load<u64>(stream));
    source += 8;
    stream += 8;
    target += 8;
  }
  if (length & 4) {
    store<u32>(target, load<u32>(source) ^ load<u32>(stream));
    source += 4;
    stream += 4;
    target += 4;
  }
  if (length & 2) {
    store<u16>(target, load<u16>(source) ^ load<u16>(stream));
    source += 2;
    stream += 2;
    target += 2;
  }
  if (length & 1) store<u8>(target, load<u8>(source) ^ load<u8>(stream));
}

/** Copies less than 16 bytes. Touches nothing outside. */
function copyShort(source: usize, target: usize, length: u32): void {
  if (length & 8) {
    store<u64>(target, load<u64>(source));
    source += 8;
    target += 8;
  }
  if (length & 4) {
    store<u32>(target, load<u32>(source));
    source += 4;
    target += 4;
  }
  if (length & 2) {
    store<u16>(target, load<u16>(source));
    source += 2;
    target += 2;
  }
  if (length & 1) store<u8>(target, load<u8>(source));
}
