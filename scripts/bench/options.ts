import { parseArgs } from "node:util";

/** Who can be measured. */
export const CONTENDERS = [
  "veth",
  "debian",
  "current",
  "direct",
  "relayed",
  "dns",
] as const;

/** One of `CONTENDERS`. */
export type ContenderId = typeof CONTENDERS[number];

/**
 * A program of ours: the source, what `deno compile` makes of it, or the bundle
 * that is compiled, run by the present Deno: a release has its runtime, which
 * one with a runtime base from an npm package lacks.
 */
export type ProgramKind = "source" | "bundled" | "compiled";

/** How much a run measures. */
export interface BenchOptions {
  /** Length of each load. */
  readonly seconds: number;
  /** How often each contender has its turn. */
  readonly rounds: number;
  /** Who takes part, in the order of the result. */
  readonly contenders: readonly ContenderId[];
  /** At which rates full-size UDP packets are sent, in Mbit/s. */
  readonly udpRates: readonly number[];
  /** At which rates 64-byte packets are sent at most, in packets a second, rising. */
  readonly smallRates: readonly number[];
  /** What runs as ours. */
  readonly program: ProgramKind;
  /** Whether the result goes where the README shows it. */
  readonly isPublished: boolean;
}

/** What the command line says when it cannot be used. */
export const USAGE =
  `Usage: deno task bench:tunnel [--seconds N] [--rounds N] [--contenders LIST] [--quick] [--compiled|--bundled] [--publish]

  --seconds N        length of each load, 1 to 60 (2)
  --rounds N         turns of each contender, 1 to 20 (3)
  --contenders LIST  of ${CONTENDERS.join()} (all)
  --quick            one round of 1 s, fewer UDP rates
  --compiled         builds our program and measures that instead of the source
  --bundled          measures what is compiled, run by this Deno
  --publish          writes to docs/bench/ instead of dist/bench/`;

/** Each twice the one before the last. */
const SMALL_RATES = [
  ...[25_000, 35_000, 50_000, 70_000, 100_000, 140_000],
  ...[200_000, 280_000, 400_000, 560_000, 800_000],
];

/** Reads the command line; a sentence when it is wrong. */
export function parseOptions(args: readonly string[]): BenchOptions | string {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        seconds: { type: "string" },
        rounds: { type: "string" },
        contenders: { type: "string", default: CONTENDERS.join() },
        quick: { type: "boolean", default: false },
        bundled: { type: "boolean", default: false },
        compiled: { type: "boolean", default: false },
        publish: { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { bundled, compiled, quick } = values;
  if (bundled && compiled) return "Cannot measure two programs of ours at once";
  const seconds = Number(values.seconds ?? (quick ? 1 : 2));
  const rounds = Number(values.rounds ?? (quick ? 1 : 3));
  if (!isWithin(seconds, 60)) return `Cannot load for seconds: ${seconds}`;
  if (!isWithin(rounds, 20)) return `Cannot run rounds: ${rounds}`;
  const wanted = values.contenders.split(",");
  const unknown = wanted.filter((it) => !CONTENDERS.some((id) => id === it));
  if (unknown.length > 0) return `Cannot measure contender: ${unknown.join()}`;
  return {
    seconds,
    rounds,
    contenders: CONTENDERS.filter((id) => wanted.includes(id)),
    udpRates: quick ? [1_000, 3_000] : [1_000, 2_000, 3_000],
    smallRates: quick ? SMALL_RATES.filter((_, i) => i % 2 === 0) : SMALL_RATES,
    program: compiled ? "compiled" : bundled ? "bundled" : "source",
    isPublished: values.publish,
  };
}

function isWithin(value: number, highest: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= highest;
}
