/**
 * Prints which tests name which line of the conformance checklists.
 *
 * A test names lines in its title: `[p2p 59]`. Prints lines that no test
 * names; with `--all` every line and its tests. Arguments choose checklists.
 *
 *     deno task conformance
 *     deno task conformance --all p2p
 */

/** The checklists: how many lines each has. Lines count from 1. */
const LINES: Readonly<Record<string, number>> = {
  p2p: 154,
  portal: 92,
  dp: 136,
};

/** Where tests are, and the files that hold some. */
const TESTS = "tests";
const TEST_FILE = /_test\.ts$/;

/** A line as a title names it, for example `[p2p 59]`. */
const NAMED_LINE = /\[([a-z][a-z0-9]*) (\d+)\]/g;

/** The first line of a test: `Deno.test(` with its title, or a title alone. */
const TITLE = /["'`](.*)["'`],?/;

/** A test that names lines of a checklist. */
interface NamedTest {
  /** File and line. */
  readonly place: string;
  /** What it says beyond the lines that it names. */
  readonly title: string;
}

/** Tests by checklist and line, such as `p2p 59`. */
type Index = Map<string, NamedTest[]>;

function indexTests(folder: string): Index {
  const index: Index = new Map();
  for (const path of filesIn(folder)) {
    const lines = Deno.readTextFileSync(path).split("\n");
    for (const [i, line] of lines.entries()) {
      for (const [, list, number] of line.matchAll(NAMED_LINE)) {
        const key = `${list} ${number}`;
        const named = index.get(key) ?? [];
        named.push({ place: `${path}:${i + 1}`, title: titleIn(line) });
        index.set(key, named);
      }
    }
  }
  return index;
}

function* filesIn(folder: string): Generator<string> {
  const entries = [...Deno.readDirSync(folder)]
    .sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* filesIn(path);
    else if (TEST_FILE.test(name)) yield path;
  }
}

function titleIn(line: string): string {
  const title = TITLE.exec(line)?.[1] ?? line;
  return title.replaceAll(NAMED_LINE, "").trim();
}

/** Returns 59–61 for 59, 60 and 61. */
function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([first, last]) =>
    first === last ? `${first}` : `${first}–${last}`
  ).join(", ");
}

function report(list: string, index: Index, isAll: boolean): void {
  const count = LINES[list] ?? 0;
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  const unnamed = numbers.filter((number) => !index.has(`${list} ${number}`));
  console.log(`${list}: ${count - unnamed.length} of ${count} lines`);
  if (unnamed.length > 0) console.log(`  without a test: ${ranges(unnamed)}`);
  if (!isAll) return;
  for (const number of numbers) {
    const tests = index.get(`${list} ${number}`) ?? [];
    console.log(`  ${number}${tests.length === 0 ? " -" : ""}`);
    for (const { place, title } of tests) {
      console.log(`    ${title} (${place})`);
    }
  }
}

/** Rows of the table of upstream's integration tests, which are no checklist. */
const ROWS_OF_TESTS = "ops";

/** Lines that tests name and no checklist has: slips of the pen. */
function strays(index: Index): string[] {
  return [...index].flatMap(([key, tests]) => {
    const [list = "", number = ""] = key.split(" ");
    if (list === ROWS_OF_TESTS) return [];
    const isLine = list in LINES && Number(number) >= 1 &&
      Number(number) <= (LINES[list] ?? 0);
    return isLine ? [] : tests.map(({ place }) => `[${key}] (${place})`);
  });
}

const isAll = Deno.args.includes("--all");
const chosen = Deno.args.filter((argument) => argument !== "--all");
const unknown = chosen.filter((list) => !(list in LINES));
if (unknown.length > 0) {
  console.error(`Cannot report on unknown checklists: ${unknown.join(", ")}`);
  Deno.exit(2);
}
const index = indexTests(TESTS);
for (const list of chosen.length > 0 ? chosen : Object.keys(LINES)) {
  report(list, index, isAll);
}
const astray = strays(index);
if (astray.length > 0) {
  console.error(`Tests name lines that do not exist: ${astray.join(", ")}`);
  Deno.exit(1);
}
