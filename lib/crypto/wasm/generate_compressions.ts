/**
 * Writes the AssemblyScript of `compressBlake2s` and `compressSha1`: one block
 * into the state of BLAKE2s (RFC 7693 §3.2) or of SHA-1 (RFC 3174 §6.1),
 * unrolled, so that every word of the state stays a local variable and every
 * word of the message is loaded from a constant offset.
 */

/** Which message words each of the ten rounds takes, RFC 7693 §2.7. */
const SIGMA: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/** Which words of the state are mixed: columns, then diagonals. */
const MIXES: readonly (readonly number[])[] = [
  ...[[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]],
  ...[[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]],
];

/** The initial state of BLAKE2s, RFC 7693 §2.6. */
export const BLAKE2S_IV: readonly string[] = [
  ...["0x6a09e667", "0xbb67ae85", "0x3c6ef372", "0xa54ff53a"],
  ...["0x510e527f", "0x9b05688c", "0x1f83d9ab", "0x5be0cd19"],
];

const SHA1_ROUNDS = 80;

/** Returns the AssemblyScript module "compressions". */
export function compressionsSource(): string {
  return `
import { SHA1_SCHEDULE, STATE } from "./hashes_layout";

export function compressBlake2s(block: usize, counter: u32, flag: u32): void {
${lines(blake2s())}
}

export function compressSha1(block: usize): void {
${lines(sha1())}
}
`;
}

function blake2s(): string[] {
  const start = range(8).flatMap((i) => {
    const iv = BLAKE2S_IV[i] ?? "";
    const mask = i === 4 ? " ^ counter" : i === 6 ? " ^ flag" : "";
    return [
      `let v${i}: u32 = load<u32>(STATE, ${4 * i});`,
      `let v${i + 8}: u32 = ${iv}${mask};`,
    ];
  });
  const rounds = SIGMA.flatMap((words) =>
    MIXES.flatMap((mix, i) => mixed(mix, words[2 * i], words[2 * i + 1]))
  );
  const end = range(8).map((i) =>
    `store<u32>(STATE, load<u32>(STATE, ${4 * i}) ^ v${i} ^ v${i + 8}, ${
      4 * i
    });`
  );
  return [...start, ...rounds, ...end];
}

/** The function G, RFC 7693 §3.1. */
function mixed(
  [a, b, c, d]: readonly number[],
  x: number | undefined,
  y: number | undefined,
): string[] {
  const half = (word: number | undefined, first: number, second: number) => [
    `v${a} = v${a} + v${b} + load<u32>(block, ${4 * (word ?? 0)});`,
    `v${d} = rotr<u32>(v${d} ^ v${a}, ${first});`,
    `v${c} = v${c} + v${d};`,
    `v${b} = rotr<u32>(v${b} ^ v${c}, ${second});`,
  ];
  return [...half(x, 16, 12), ...half(y, 8, 7)];
}

/** Five variables change roles from round to round, which saves moving their values. */
function sha1(): string[] {
  const names = ["a", "b", "c", "d", "e"];
  const start = names.map((name, i) =>
    `let ${name}: u32 = load<u32>(STATE, ${4 * i});`
  );
  const rounds = range(SHA1_ROUNDS).flatMap((t) => {
    const [a, b, c, d, e] = range(5).map((i) => names[(i + 4 * t) % 5]);
    return [
      ...scheduled(t),
      `${e} = ${e} + rotl<u32>(${a}, 5) + ${
        sha1Function(t, `${b}`, `${c}`, `${d}`)
      } + w;`,
      `${b} = rotl<u32>(${b}, 30);`,
    ];
  });
  const end = names.map((name, i) =>
    `store<u32>(STATE, load<u32>(STATE, ${4 * i}) + ${name}, ${4 * i});`
  );
  return [...start, "let w: u32 = 0;", ...rounds, ...end];
}

/** Makes `w` the word of round `t`. The schedule is a ring of 16 words. */
function scheduled(t: number): string[] {
  const at = (i: number) => 4 * (i % 16);
  const word = t < 16
    ? `bswap<u32>(load<u32>(block, ${at(t)}))`
    : `rotl<u32>(${
      [t - 3, t - 8, t - 14, t - 16]
        .map((i) => `load<u32>(SHA1_SCHEDULE, ${at(i)})`).join(" ^ ")
    }, 1)`;
  return [`w = ${word};`, `store<u32>(SHA1_SCHEDULE, w, ${at(t)});`];
}

/** RFC 3174 §5: function and constant of round `t`. */
function sha1Function(t: number, b: string, c: string, d: string): string {
  if (t < 20) return `(${d} ^ (${b} & (${c} ^ ${d}))) + 0x5a827999`;
  if (t < 40) return `(${b} ^ ${c} ^ ${d}) + 0x6ed9eba1`;
  if (t < 60) return `((${b} & ${c}) | (${d} & (${b} | ${c}))) + 0x8f1bbcdc`;
  return `(${b} ^ ${c} ^ ${d}) + 0xca62c1d6`;
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

function lines(statements: readonly string[]): string {
  return statements.map((statement) => `  ${statement}`).join("\n");
}
