/** A source of unpredictable bytes. Real in `io/`, seeded in tests. */
export interface RandomSource {
  /** Fills all of `bytes`. */
  fill(bytes: Uint8Array): void;
}

/** Returns `length` fresh random bytes. */
export function randomBytes(random: RandomSource, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return bytes;
}

/** Returns a uniform integer in [0, 2^32). */
export function randomU32(random: RandomSource): number {
  const b = randomBytes(random, 4);
  return new DataView(b.buffer).getUint32(0);
}

/** Returns a uniform number in [0, 1). */
export function randomUnit(random: RandomSource): number {
  return randomU32(random) / 2 ** 32;
}

/** Returns a uniform integer in [0, limit), `limit` at most 2^32. */
export function randomBelow(random: RandomSource, limit: number): number {
  return Math.floor(randomUnit(random) * limit);
}
