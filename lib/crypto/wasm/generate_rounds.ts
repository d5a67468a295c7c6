/**
 * Writes the AssemblyScript of `pass`, `doublePass` and `authenticate`:
 * ChaCha20 and Poly1305 unrolled and woven into each other, which no inlining
 * gives.
 *
 * ChaCha20 is 4-way vertical: vector `a0` holds word 0 of four consecutive
 * blocks, `b0` word 4, `c0` word 8, `d0` word 12. Engines for x86-64 have 15
 * vector registers; if they spill by themselves the slots are not aligned, and
 * the speed then depends on the depth of the call. So two quarter rounds run
 * at a time, and the two vectors of row c that they do not need wait in memory
 * at constant addresses: 12 + 2 vectors and one temporary. An engine also keeps
 * what it loads twice in a register if nothing is stored in between. Hence the
 * two copies of the mask, and hence the compiler must not reorder statements.
 *
 * A quarter round is a chain of 14 instructions, so where each takes two cycles
 * four side by side leave the vector units idle for a part of the time.
 * `doublePass` works on two states of four blocks in turn. Their rows a stay in
 * registers, the others wait in memory but for the two quarter rounds at work,
 * 8 + 6 vectors and one temporary: more chains outweigh the moves.
 *
 * Poly1305 has four limbs of 32 bits and `h4`. r is clamped below 2^28 a limb,
 * so a sum of products fits 64 bits although limbs carry late: before the
 * multiplication h1..h3 are below 2^33 and h0 below 1.52 * 2^33, hence
 * p0 < (1.52 + 3 * 1.25) * 2^61 < 2^64, and the others are smaller.
 */
const STITCHED_BLOCKS = 2;
const DOUBLY_STITCHED_BLOCKS = 4;
const DOUBLE_ROUNDS = 10;

/** Offsets of the two states of a double pass, and of their rows, see layout.as. */
const FIRST = 0;
const SECOND = 256;
const ROWS = { a: 0, b: 64, c: 128, d: 192 } as const;
const ROW_NAMES = ["a", "b", "c", "d"] as const;
/** The rows of a double pass that have no registers of their own. */
const WAITING_ROWS = ["b", "c", "d"] as const;

/** Where the two copies of each mask of a rotation are, see layout.as. */
const COPY_1 = 0;
const COPY_2 = 16;

type Statements = readonly string[];

/** Returns the AssemblyScript module "rounds". */
export function roundsSource(): string {
  return `
import { BLOCK_NUMBERS, COUNTERS_HIGH, COUNTERS_LOW, H, KEY, KEY_STREAM, R, ROTATE_16, ROTATE_8, S, STATES } from "./layout";

export function pass(at: usize, pairs: u32): void {
${lines(loadState())}
  let round: u32 = 0;
  if (pairs > 0) {
${lines(loadAccumulator())}
    for (; round < pairs; round++) {
${lines(weave(doubleRound(), polyBlocks(STITCHED_BLOCKS)))}
      at += ${16 * STITCHED_BLOCKS};
    }
${lines(storeAccumulator())}
  }
  for (; round < ${DOUBLE_ROUNDS}; round++) {
${lines(doubleRound())}
  }
${lines(storeKeyStream())}
}

export function doublePass(at: usize, quads: u32): void {
${lines(storeStates())}
  let b0: v128, c0: v128, d0: v128;
  let b1: v128, c1: v128, d1: v128;
  let round: u32 = 0;
  if (quads > 0) {
${lines(loadAccumulator())}
    for (; round < quads; round++) {
${lines(weave(twoDoubleRounds(), polyBlocks(DOUBLY_STITCHED_BLOCKS)))}
      at += ${16 * DOUBLY_STITCHED_BLOCKS};
    }
${lines(storeAccumulator())}
  }
  for (; round < ${DOUBLE_ROUNDS}; round++) {
${lines(twoDoubleRounds())}
  }
  let t0: v128, t1: v128, t2: v128, t3: v128;
${lines(storeRowsA())}
${lines(storeStream(FIRST))}
${lines(storeStream(SECOND))}
}

export function authenticate(at: usize, blocks: u32): void {
${lines(loadAccumulator())}
  for (; blocks > 0; blocks--) {
${lines(polyBlocks(1))}
    at += 16;
  }
${lines(storeAccumulator())}
}
`;
}

/** The first row of the state in each block, "expand 32-byte k", RFC 8439 §2.3. */
const CONSTANTS = ["0x61707865", "0x3320646e", "0x79622d32", "0x6b206574"];

type Row = keyof typeof ROWS;

/** The vectors of one row of a state as they are before the first round. */
function initialRow(row: Row, state: number): Statements {
  const lanes = state / 16;
  switch (row) {
    case "a":
      return CONSTANTS.map((word) => `i32x4.splat(${word})`);
    case "b":
      return [0, 4, 8, 12].map((at) => `v128.load32_splat(KEY, ${at})`);
    case "c":
      return [16, 20, 24, 28].map((at) => `v128.load32_splat(KEY, ${at})`);
    case "d":
      return [
        `v128.load(BLOCK_NUMBERS, ${lanes})`,
        "i32x4.splat(0)",
        `v128.load(COUNTERS_LOW, ${lanes})`,
        `v128.load(COUNTERS_HIGH, ${lanes})`,
      ];
  }
}

/** Row c has two vectors in `c0` and `c1`, and the other two in memory. */
function loadState(): Statements {
  const [c0, c1, c2, c3] = initialRow("c", FIRST);
  return [
    ...(["a", "b", "d"] as const).flatMap((row) =>
      initialRow(row, FIRST).map((vector, i) => `let ${row}${i} = ${vector};`)
    ),
    `let c0 = ${c0};`,
    `let c1 = ${c1};`,
    storeVector("c", 2, c2),
    storeVector("c", 3, c3),
  ];
}

/** Four column and four diagonal quarter rounds, §2.3; words 8 and 9 are in registers before and after. */
function doubleRound(): Statements {
  // deno-fmt-ignore
  return [
    ...quarterRounds(COPY_1, ["a0", "b0", "c0", "d0"], ["a1", "b1", "c1", "d1"]),
    ...swapRowC(0, 2),
    ...quarterRounds(COPY_1, ["a2", "b2", "c0", "d2"], ["a3", "b3", "c1", "d3"]),
    ...quarterRounds(COPY_2, ["a0", "b1", "c0", "d3"], ["a1", "b2", "c1", "d0"]),
    ...swapRowC(2, 0),
    ...quarterRounds(COPY_2, ["a2", "b3", "c0", "d1"], ["a3", "b0", "c1", "d2"]),
  ];
}

function swapRowC(leaving: number, entering: number): Statements {
  return [
    storeVector("c", leaving, "c0"),
    storeVector("c", leaving + 1, "c1"),
    `c0 = ${loadVector("c", entering)};`,
    `c1 = ${loadVector("c", entering + 1)};`,
  ];
}

/** Statement and expression that move vector `i` of a row that waits in memory. */
function storeVector(row: Row, i: number, value = "", state = FIRST): string {
  return `v128.store(STATES, ${value}, ${state + ROWS[row] + 16 * i});`;
}

function loadVector(row: Row, i: number, state = FIRST): string {
  return `v128.load(STATES, ${state + ROWS[row] + 16 * i})`;
}

/** Rows a begin in registers, `a0` to `a3` for the first state and `a4` to `a7` for the second, the others in memory. */
function storeStates(): Statements {
  return [FIRST, SECOND].flatMap((state) => [
    ...initialRow("a", state).map((value, i) =>
      `let ${residentName(i, state)} = ${value};`
    ),
    ...WAITING_ROWS.flatMap((row) =>
      initialRow(row, state).map((value, i) =>
        storeVector(row, i, value, state)
      )
    ),
  ]);
}

function storeRowsA(): Statements {
  return [FIRST, SECOND].flatMap((state) =>
    [0, 1, 2, 3].map((i) => storeVector("a", i, residentName(i, state), state))
  );
}

function residentName(i: number, state: number): string {
  return `a${state === FIRST ? i : 4 + i}`;
}

/** A double round of both states, one row of quarter rounds of either in turn. */
function twoDoubleRounds(): Statements {
  return [
    ...quarterRoundsOf(COPY_1, FIRST, 0),
    ...quarterRoundsOf(COPY_2, SECOND, 0),
    ...quarterRoundsOf(COPY_1, FIRST, 1),
    ...quarterRoundsOf(COPY_2, SECOND, 1),
  ];
}

/** Four quarter rounds of one state: of columns if `diagonal` is 0, of diagonals if 1. */
function quarterRoundsOf(
  copy: number,
  state: number,
  diagonal: 0 | 1,
): Statements {
  return [0, 2].flatMap((first) => {
    const moved = [0, 1].flatMap((k) =>
      WAITING_ROWS.map((row, above) => ({
        row,
        i: (first + k + diagonal * (above + 1)) % 4,
        name: `${row}${k}`,
      }))
    );
    return [
      ...moved.map(({ row, i, name }) =>
        `${name} = ${loadVector(row, i, state)};`
      ),
      ...quarterRounds(
        copy,
        [residentName(first, state), "b0", "c0", "d0"],
        [residentName(first + 1, state), "b1", "c1", "d1"],
      ),
      ...moved.map(({ row, i, name }) => storeVector(row, i, name, state)),
    ];
  });
}

type QuarterRound = readonly [string, string, string, string];

/** Two independent quarter rounds, §2.1, step by step in turn. */
function quarterRounds(
  copy: number,
  ...pair: readonly QuarterRound[]
): Statements {
  const half = (rotateD: Rotation, rotateB: Rotation) => [
    ...pair.map(([a, b]) => `${a} = i32x4.add(${a}, ${b});`),
    ...pair.map(([a, , , d]) => `${d} = v128.xor(${d}, ${a});`),
    ...pair.map(([, , , d]) => `${d} = ${rotateD(d)};`),
    ...pair.map(([, , c, d]) => `${c} = i32x4.add(${c}, ${d});`),
    ...pair.map(([, b, c]) => `${b} = v128.xor(${b}, ${c});`),
    ...pair.map(([, b]) => `${b} = ${rotateB(b)};`),
  ];
  return [
    ...half(rotate16(copy), rotateBits(12)),
    ...half(rotate8(copy), rotateBits(7)),
  ];
}

type Rotation = (vector: string) => string;

function rotate16(copy: number): Rotation {
  return swizzle("ROTATE_16", copy);
}

function rotate8(copy: number): Rotation {
  return swizzle("ROTATE_8", copy);
}

/** A relaxed swizzle is one instruction where a shuffle is several; the mask is in range, so the result is defined. */
function swizzle(mask: string, copy: number): Rotation {
  return (v) => `i8x16.relaxed_swizzle(${v}, v128.load(${mask}, ${copy}))`;
}

function rotateBits(count: number): Rotation {
  return (v) =>
    `v128.or(i32x4.shl(${v}, ${count}), i32x4.shr_u(${v}, ${32 - count}))`;
}

/** Adds the initial state and turns words of four blocks into four blocks of words. */
function storeKeyStream(): Statements {
  return [
    // What is not needed yet makes room for the temporaries.
    storeVector("c", 0, "c0"),
    storeVector("c", 1, "c1"),
    ...[0, 1, 2, 3].map((i) => storeVector("d", i, `d${i}`)),
    "let t0: v128, t1: v128, t2: v128, t3: v128;",
    ...addAndTranspose("a", FIRST, (i) => `a${i}`),
    ...addAndTranspose("b", FIRST, (i) => `b${i}`),
    ...addAndTranspose("c", FIRST, (i) => loadVector("c", i)),
    ...addAndTranspose("d", FIRST, (i) => loadVector("d", i)),
  ];
}

/** `storeKeyStream` for a state that is wholly in memory. */
function storeStream(state: number): Statements {
  return ROW_NAMES.flatMap((row) =>
    addAndTranspose(row, state, (i) => loadVector(row, i, state))
  );
}

function addAndTranspose(
  row: Row,
  state: number,
  current: (i: number) => string,
): Statements {
  const at = state + ROWS[row] / 4;
  return [
    ...initialRow(row, state).map((initial, i) =>
      `t${i} = i32x4.add(${current(i)}, ${initial});`
    ),
    "a0 = v128.shuffle<i32>(t0, t1, 0, 4, 1, 5);",
    "a1 = v128.shuffle<i32>(t2, t3, 0, 4, 1, 5);",
    "a2 = v128.shuffle<i32>(t0, t1, 2, 6, 3, 7);",
    "a3 = v128.shuffle<i32>(t2, t3, 2, 6, 3, 7);",
    `v128.store(KEY_STREAM, v128.shuffle<i64>(a0, a1, 0, 2), ${at});`,
    `v128.store(KEY_STREAM, v128.shuffle<i64>(a0, a1, 1, 3), ${at + 64});`,
    `v128.store(KEY_STREAM, v128.shuffle<i64>(a2, a3, 0, 2), ${at + 128});`,
    `v128.store(KEY_STREAM, v128.shuffle<i64>(a2, a3, 1, 3), ${at + 192});`,
  ];
}

function loadAccumulator(): Statements {
  return [
    ...[0, 1, 2, 3, 4].map((i) => `let h${i} = load<u64>(H, ${8 * i});`),
    "let m: u64, p0: u64, p1: u64, p2: u64, p3: u64;",
  ];
}

function storeAccumulator(): Statements {
  return [0, 1, 2, 3, 4].map((i) => `store<u64>(H, h${i}, ${8 * i});`);
}

/** h = (h + block) * r mod 2^130 - 5, RFC 8439 §2.5, for consecutive blocks at `at`. */
function polyBlocks(count: number): Statements {
  return Array.from({ length: count }, (_, i) => polyBlock(16 * i)).flat();
}

function polyBlock(offset: number): Statements {
  const r = (i: number) => `load<u64>(R, ${8 * i})`;
  const s = (i: number) => `load<u64>(S, ${8 * (i - 1)})`;
  return [
    `m = load<u64>(at, ${offset});`,
    "h0 += m & 0xffff_ffff;",
    "h1 += m >> 32;",
    `m = load<u64>(at, ${offset + 8});`,
    "h2 += m & 0xffff_ffff;",
    "h3 += m >> 32;",
    "h4 += 1;",
    `p0 = h0 * ${r(0)};`,
    `p1 = h0 * ${r(1)};`,
    `p2 = h0 * ${r(2)};`,
    `p3 = h0 * ${r(3)};`,
    `p0 += h1 * ${s(3)};`,
    `p1 += h1 * ${r(0)};`,
    `p2 += h1 * ${r(1)};`,
    `p3 += h1 * ${r(2)};`,
    `p0 += h2 * ${s(2)};`,
    `p1 += h2 * ${s(3)};`,
    `p2 += h2 * ${r(0)};`,
    `p3 += h2 * ${r(1)};`,
    `p0 += h3 * ${s(1)};`,
    `p1 += h3 * ${s(2)};`,
    `p2 += h3 * ${s(3)};`,
    `p3 += h3 * ${r(0)};`,
    `p1 += h4 * ${s(1)};`,
    `p2 += h4 * ${s(2)};`,
    `p3 += h4 * ${s(3)};`,
    `h4 *= ${r(0)};`,
    "p1 += p0 >> 32;",
    "p2 += p1 >> 32;",
    "p3 += p2 >> 32;",
    "h4 += p3 >> 32;",
    "h0 = (p0 & 0xffff_ffff) + (h4 >> 2) * 5;",
    "h1 = p1 & 0xffff_ffff;",
    "h2 = p2 & 0xffff_ffff;",
    "h3 = p3 & 0xffff_ffff;",
    "h4 &= 3;",
  ];
}

/** Spreads the statements of `guest` evenly between those of `host`. */
function weave(host: Statements, guest: Statements): Statements {
  let taken = 0;
  return host.flatMap((statement, i) => {
    const due = Math.round((i + 1) * guest.length / host.length);
    const guests = guest.slice(taken, due);
    taken = due;
    return [statement, ...guests];
  });
}

function lines(statements: Statements): string {
  return statements.join("\n");
}
