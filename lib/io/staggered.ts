/** Makes one attempt. `undefined`: it failed. Never rejects. */
export type Attempt<T> = (signal: AbortSignal) => Promise<T | undefined>;

/**
 * Returns what the first attempt to succeed gives, or `undefined` when all failed.
 *
 * One attempt begins at once; the next when the latest failed, or has taken
 * `staggerMs`. Those begun before go on beside it. Once there is a winner, or
 * `signal` fires, all others are abandoned.
 */
export function staggered<T>(
  attempts: readonly Attempt<T>[],
  staggerMs: number,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  const race = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let begun = 0;
  let running = 0;

  const finish = (value: T | undefined) => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abandon);
    begun = attempts.length;
    resolve(value);
    race.abort();
  };
  const abandon = () => finish(undefined);
  const beginNext = () => {
    clearTimeout(timer);
    const attempt = attempts[begun];
    if (!attempt) return running === 0 ? abandon() : undefined;
    const own = ++begun;
    running++;
    timer = setTimeout(beginNext, staggerMs);
    void attempt(race.signal).then((value) => {
      running--;
      if (value !== undefined) finish(value);
      else if (own === begun || running === 0) beginNext();
    });
  };

  signal.addEventListener("abort", abandon);
  if (signal.aborted) abandon();
  else beginNext();
  return promise;
}
