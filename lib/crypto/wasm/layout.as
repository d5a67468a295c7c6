/**
 * Where the kernel keeps what is not in registers.
 *
 * All of it lies in the part of the arena that belongs to the kernels (the
 * first 16 KiB), between the first KiB and the fifth. Addresses are constants, so the
 * engine needs no bounds check, and aligned, so no access crosses a cache line.
 */

/** The swizzle masks that rotate each 32-bit lane left by 8 and by 16, twice. */
export const ROTATE_8: usize = 1024;
export const ROTATE_16: usize = 1056;

/** From here on all depends on keys or packets, and `wipe` clears it. */
export const SECRETS: usize = 1088;
/** The key, 32 bytes. The host writes it before each call. */
export const KEY: usize = 1088;
/** Poly1305: r0..r3, then s1..s3, which are r1..r3 * 5/4; limbs of 32 bits in 8 bytes each. */
export const R: usize = 1120;
export const S: usize = 1152;
/** Poly1305: the accumulator, limbs h0..h4 in 8 bytes each. */
export const H: usize = 1176;
/** Poly1305: the second half of the one-time key, which is added last. 16 bytes. */
export const PAD: usize = 1216;
/** The last piece of a message, padded to 16 bytes, and behind it the block of lengths. */
export const LAST_BLOCKS: usize = 1232;
/** The tag that was computed, 16 bytes. */
export const TAG: usize = 1264;
/** What makes the blocks of a pass, two vectors each: their numbers, and the lower and the upper word of their packet counters. */
export const BLOCK_NUMBERS: usize = 1280;
export const COUNTERS_LOW: usize = 1312;
export const COUNTERS_HIGH: usize = 1344;
/** The ChaCha20 state while it is not in registers: two of four rows of four vectors. A single pass has only the first. */
export const STATES: usize = 1408;
/** Eight blocks of key stream; a single pass makes four. */
export const KEY_STREAM: usize = 1920;
/** The first blocks of the packet that is expected next, for either direction. */
export const SEAL_AHEAD: usize = 2432;
export const OPEN_AHEAD: usize = 3456;
/** Layout of either: the key and the counter that the blocks belong to, how many there are, and the blocks: at most 15 to seal with, 7 to open with. */
export const AHEAD_KEY: usize = 0;
export const AHEAD_COUNTER: usize = 32;
export const AHEAD_COUNT: usize = 40;
export const AHEAD_BLOCKS: usize = 64;
export const SECRETS_END: usize = 3968;
