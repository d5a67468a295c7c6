/** More mistakes than this make another word. Our own choice. */
const MISTAKE_LIMIT = 2;

/** Returns which of `names` somebody meant who wrote `word`, if one is near enough to tell. */
export function nearest(
  word: string,
  names: readonly string[],
): string | undefined {
  let best: string | undefined;
  let fewest = MISTAKE_LIMIT + 1;
  for (const name of names) {
    const mistakes = editDistance(word, name);
    if (mistakes >= fewest) continue;
    fewest = mistakes;
    best = name;
  }
  return best;
}

/** How many letters have to be inserted, left out or replaced to make `b` of `a`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
