/**
 * Mixes one 32-bit word into a running hash: the body of Murmur3 with 32 bits.
 *
 * Start from a secret seed, so that strangers who choose their addresses
 * cannot make all of them collide, and end with `finishHash`.
 */
export function mixWord(hash: number, word: number): number {
  let scrambled = Math.imul(word, 0xcc9e_2d51);
  scrambled = (scrambled << 15) | (scrambled >>> 17);
  const mixed = hash ^ Math.imul(scrambled, 0x1b87_3593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe654_6b64) | 0;
}

/** Mixes the address of 4 or 16 bytes at `bytes[at…]` into a running hash, in words. */
export function mixAddress(
  hash: number,
  bytes: Uint8Array,
  at: number,
  length: 4 | 16,
): number {
  let mixed = hash;
  for (let i = at; i < at + length; i += 4) {
    const word = (bytes[i]! << 24) | (bytes[i + 1]! << 16) |
      (bytes[i + 2]! << 8) | bytes[i + 3]!;
    mixed = mixWord(mixed, word);
  }
  return mixed;
}

/** Finishes a hash: 30 bits, because V8 keeps such an integer without allocating. */
export function finishHash(hash: number): number {
  let finished = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  finished = Math.imul(finished ^ (finished >>> 13), 0xc2b2_ae35);
  return (finished ^ (finished >>> 16)) & 0x3fff_ffff;
}
