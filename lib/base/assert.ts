/** Thrown when one of our own invariants is broken. Never caught: the worker ends and the supervisor restarts it. */
export class AssertionError extends Error {
  /** Always `AssertionError`. */
  override readonly name = "AssertionError";
}

/** Ends the program part it runs in when `condition`, an invariant of our own, does not hold. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks a place that the type checker has proved can never be reached. */
export function unreachable(value: never): never {
  throw new AssertionError(
    `Reached a case that the types exclude: ${String(value)}`,
  );
}
