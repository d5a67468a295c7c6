/** Waits for a promise at most `limitMs`. Returns whether it was fulfilled; throws when it is rejected. */
export async function settlesWithin(
  promise: Promise<unknown>,
  limitMs: number,
): Promise<boolean> {
  const limit = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => limit.resolve(false), limitMs);
  try {
    return await Promise.race([promise.then(() => true), limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}
