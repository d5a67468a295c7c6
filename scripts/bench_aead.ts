/**
 * Compares our packet cipher with OpenSSL's called from C, packet by packet,
 * with noble and with node:crypto: all on one core, turn by turn in one run.
 * Prints a table and the goals, and writes dist/bench/aead.json.
 *
 * Needs gcc, the headers of OpenSSL (libssl-dev) and taskset.
 */
import { AEAD_NAMES, AEAD_SIZES } from "./bench/aead_contenders.ts";
import {
  aeadGoals,
  type AeadLine,
  disagreements,
  formatAead,
  parseAeadLines,
} from "./bench/aead_results.ts";
import { formatGoals } from "./bench/goals.ts";
import { turnsOf } from "./bench/turns.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const OUTPUT = `${ROOT}dist/bench`;
const EVP = `${OUTPUT}/evp`;
const ROUNDS = 5;
const STEP_MS = 50;

await Deno.mkdir(OUTPUT, { recursive: true });
await run("gcc", "-O2", "-o", EVP, `${ROOT}scripts/bench/evp.c`, "-lcrypto");

const lines = new Map<string, AeadLine[]>();
for (const { contender } of turnsOf(["evp", ...AEAD_NAMES], ROUNDS)) {
  const program = contender === "evp"
    ? [EVP]
    : [Deno.execPath(), "run", `${ROOT}scripts/bench/run_aead.ts`, contender];
  const task = [STEP_MS, ...AEAD_SIZES].map(String);
  const output = await run("taskset", "-c", lastCore(), ...program, ...task);
  const known = lines.get(contender) ?? [];
  lines.set(contender, [...known, ...parseAeadLines(output)]);
  const disagreed = disagreements(lines);
  if (disagreed.length > 0) {
    throw new Error(`Sealed otherwise than others at size: ${disagreed}`);
  }
}
console.log(`${formatAead(lines, AEAD_SIZES, "evp")}\n`);
console.log(formatGoals(aeadGoals(lines)));
const rounds = Object.fromEntries(lines);
await Deno.writeTextFile(`${OUTPUT}/aead.json`, JSON.stringify(rounds));

/** Interrupts favour the first core. */
function lastCore(): string {
  return String(navigator.hardwareConcurrency - 1);
}

async function run(...command: readonly string[]): Promise<string> {
  const [program = "", ...args] = command;
  const decoder = new TextDecoder();
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args,
      cwd: ROOT,
    }).output();
    if (success) return decoder.decode(stdout);
    throw new Error(decoder.decode(stderr));
  } catch (cause) {
    const needed = "gcc, libssl-dev and util-linux (taskset) are needed";
    const { message } = cause as Error;
    throw new Error(`Cannot run ${program}: ${message}\n${needed}`, { cause });
  }
}
