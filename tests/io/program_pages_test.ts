import assert from "node:assert/strict";
import { cleanRanges } from "../../lib/io/program_pages.ts";

const PROGRAM = "/usr/bin/firezone-gateway";

Deno.test("pages of the program are given up where they are as in the file and cannot be written", () => {
  const smaps = mapping({ at: 0x1000, access: "r--p" }) +
    mapping({ at: 0x2000, access: "r-xp" });

  assert.deepEqual(cleanRanges(smaps, PROGRAM), [
    { start: 0x1000n, end: 0x2000n },
    { start: 0x2000n, end: 0x3000n },
  ]);
});

Deno.test("what the linker has relocated is kept, resident or swapped out", () => {
  const smaps = mapping({ at: 0x1000, access: "r--p", anonymousKb: 4 }) +
    mapping({ at: 0x2000, access: "r--p", swapKb: 4 });

  assert.deepEqual(cleanRanges(smaps, PROGRAM), []);
});

Deno.test("what can be written or is shared is kept", () => {
  const smaps = ["rw-p", "rwxp", "r--s", "---p"].map((access, i) =>
    mapping({ at: 0x1000 * (i + 1), access })
  ).join("");

  assert.deepEqual(cleanRanges(smaps, PROGRAM), []);
});

Deno.test("pages of other files and of none are kept", () => {
  const smaps = mapping({ at: 0x1000, access: "r-xp", file: "/usr/lib/x.so" }) +
    mapping({ at: 0x2000, access: "r-xp", file: "" }) +
    mapping({ at: 0x3000, access: "r-xp", file: `${PROGRAM} (deleted)` });

  assert.deepEqual(cleanRanges(smaps, PROGRAM), []);
});

Deno.test("a mapping of which the kernel does not tell all is kept", () => {
  const whole = mapping({ at: 0x1000, access: "r-xp" });
  for (const line of ["Anonymous", "Swap"]) {
    const smaps = whole.replace(new RegExp(`^${line}:.*\n`, "m"), "");
    const next = mapping({ at: 0x2000, access: "rw-p" });

    assert.deepEqual(cleanRanges(smaps + next, PROGRAM), []);
  }
});

Deno.test("an empty reading has no mappings", () => {
  assert.deepEqual(cleanRanges("", PROGRAM), []);
});

interface Mapping {
  readonly at: number;
  readonly access: string;
  readonly file?: string;
  readonly anonymousKb?: number;
  readonly swapKb?: number;
}

/** One page, as the kernel describes it. */
function mapping(
  { at, access, file = PROGRAM, anonymousKb = 0, swapKb = 0 }: Mapping,
): string {
  const range = `${at.toString(16)}-${(at + 0x1000).toString(16)}`;
  return `${range} ${access} 00000000 fe:00 42                    ${file}
Size:                  4 kB
Rss:                   4 kB
Anonymous:      ${anonymousKb} kB
AnonHugePages:         0 kB
Swap:           ${swapKb} kB
SwapPss:               0 kB
VmFlags: rd ex mr mw me sd
`;
}
