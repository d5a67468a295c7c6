/** One contender's turn. */
export interface Turn<T> {
  /** From 1 on. */
  readonly round: number;
  /** Its place in the round, from 1 on. */
  readonly place: number;
  /** Whose turn it is. */
  readonly contender: T;
}

/** Returns who is measured when: all in each round, each round beginning with the next, so that nobody always follows the same load at the same time. */
export function turnsOf<T>(
  contenders: readonly T[],
  rounds: number,
): Turn<T>[] {
  return Array.from({ length: rounds }, (_, i) => {
    const first = i % contenders.length;
    const order = [...contenders.slice(first), ...contenders.slice(0, first)];
    return order.map((contender, place) => ({
      ...{ round: i + 1, place: place + 1, contender },
    }));
  }).flat();
}
