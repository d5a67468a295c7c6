/** How much one label of a pattern leaves open. */
const LITERAL = 0;
const ONE_CHARACTER = 1;
const ONE_LABEL = 2;
const ANY_LABELS = 3;

/**
 * Orders two domain patterns that match the same name, the more specific one first.
 *
 * Labels are compared from the right: one that is written out comes before
 * `?` and `[…]`, those before `*`, and `**` comes last. A pattern that has
 * no label left says nothing more, so it comes before one that leaves
 * something open: `example.com` before `*.example.com`.
 */
export function compareSpecificity(a: string, b: string): number {
  const left = a.split(".").reverse();
  const right = b.split(".").reverse();
  const length = Math.max(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const difference = openness(left[i]) - openness(right[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function openness(label: string | undefined): number {
  if (label === undefined) return LITERAL;
  if (label.includes("**")) return ANY_LABELS;
  if (label.includes("*")) return ONE_LABEL;
  return /[?[]/.test(label) ? ONE_CHARACTER : LITERAL;
}
