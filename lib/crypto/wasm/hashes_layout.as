/** Where the hash kernel keeps what it works on. The memory is its own. */

/** A key as the host gives it, at most one block. */
export const KEY: usize = 64;
/** The result, at most 32 bytes. */
export const DIGEST: usize = 128;
/** The chaining value: eight words of BLAKE2s, five of SHA-1. */
export const STATE: usize = 160;
/** The last piece of a message, padded to one or two blocks. */
export const LAST_BLOCKS: usize = 192;
/** The outer message of an HMAC: a block of key, then the inner digest. */
export const OUTER: usize = 320;
/** The last 16 words of SHA-1's message schedule. */
export const SHA1_SCHEDULE: usize = 448;
/** A block that stands before the message: the key of a MAC in one form or another. */
export const KEY_BLOCK: usize = 960;
/** The message. */
export const MESSAGE: usize = 1024;
