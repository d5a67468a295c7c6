/**
 * Compares two secrets in a time that depends on their lengths only.
 *
 * For tags, MACs and keys. What is no secret goes to `equalBytes` of `base`.
 */
export function equalSecrets(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}
