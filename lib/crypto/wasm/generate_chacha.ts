/**
 * Writes the AssemblyScript of `permute`: the 20 rounds of ChaCha20 (RFC 8439
 * §2.3) over the state in memory, whose words are local variables meanwhile.
 */

const DOUBLE_ROUNDS = 10;

/** Columns, then diagonals. */
const QUARTER_ROUNDS: readonly (readonly number[])[] = [
  ...[[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]],
  ...[[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]],
];

const WORDS: readonly number[] = Array.from({ length: 16 }, (_, i) => i);

/** Returns the AssemblyScript module "chacha". */
export function chachaSource(): string {
  return `
export function permute(from: usize, to: usize): void {
${lines(WORDS.map((i) => `let v${i}: u32 = load<u32>(from, ${4 * i});`))}
  for (let round: u32 = 0; round < ${DOUBLE_ROUNDS}; round++) {
${lines(QUARTER_ROUNDS.flatMap(quarterRound))}
  }
${lines(WORDS.map((i) => `store<u32>(to, v${i}, ${4 * i});`))}
}
`;
}

/** RFC 8439 §2.1. */
function quarterRound([a, b, c, d]: readonly number[]): string[] {
  const half = (first: number, second: number) => [
    `v${a} = v${a} + v${b};`,
    `v${d} = rotl<u32>(v${d} ^ v${a}, ${first});`,
    `v${c} = v${c} + v${d};`,
    `v${b} = rotl<u32>(v${b} ^ v${c}, ${second});`,
  ];
  return [...half(16, 12), ...half(8, 7)];
}

function lines(statements: readonly string[]): string {
  return statements.map((statement) => `  ${statement}`).join("\n");
}
