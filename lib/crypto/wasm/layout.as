/**
 * Where the kernel keeps what is not in registers.
 *
 * All of it lies in the part of the arena that belongs to the kernels (the
 * first 16 KiB) and above the first KiB. Addresses are constants, so the
 * engine needs no bounds check, and aligned, so no access crosses a cache line.
 */

/** The key, 32 bytes. The host writes it before each call. */
export const KEY: usize = 1024;
/** The swizzle mask that rotates each 32-bit lane left by 8, twice. */
export const ROTATE_8: usize = 1072;
/** The third and fourth row of the ChaCha20 state while they are not in registers, four vectors each. */
export const ROW_C: usize = 1104;
export const ROW_D: usize = 1168;
/** Poly1305: r0..r3, then s1..s3, which are r1..r3 * 5/4; limbs of 32 bits in 8 bytes each. */
export const R: usize = 1232;
export const S: usize = 1264;
/** Poly1305: the accumulator, limbs h0..h4 in 8 bytes each. */
export const H: usize = 1288;
/** Poly1305: the second half of the one-time key, which is added last. 16 bytes. */
export const PAD: usize = 1328;
/** The last piece of a message, padded to 16 bytes, and behind it the block of lengths. */
export const LAST_BLOCKS: usize = 1344;
/** The tag that was computed, 16 bytes. */
export const TAG: usize = 1376;
/** Four blocks of key stream. */
export const KEY_STREAM: usize = 1408;
/** The swizzle mask that rotates each 32-bit lane left by 16, twice. */
export const ROTATE_16: usize = 1664;
/** What makes the four blocks of a pass, a vector each: their numbers, and the lower and the upper word of their packet counters. */
export const BLOCK_NUMBERS: usize = 1696;
export const COUNTERS_LOW: usize = 1712;
export const COUNTERS_HIGH: usize = 1728;
/** The first blocks of the packet that is expected next, for either direction. */
export const SEAL_AHEAD: usize = 1792;
export const OPEN_AHEAD: usize = 2048;
/** Layout of either: the key and the counter that the blocks belong to, how many there are, and the blocks, at most three. */
export const AHEAD_KEY: usize = 0;
export const AHEAD_COUNTER: usize = 32;
export const AHEAD_COUNT: usize = 40;
export const AHEAD_BLOCKS: usize = 64;
