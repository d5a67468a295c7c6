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
}

/** What the command line says when it cannot be used. */
export const USAGE =
  `Usage: deno task bench:tunnel [--seconds N] [--rounds N] [--contenders LIST] [--quick]

  --seconds N        length of each load, 1 to 60 (2)
  --rounds N         turns of each contender, 1 to 20 (3)
  --contenders LIST  of ${CONTENDERS.join()} (all)
  --quick            one round of 1 s, one UDP rate`;

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
      },
    }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { quick } = values;
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
    udpRates: quick ? [1_000] : [300, 1_000, 3_000],
  };
}

function isWithin(value: number, highest: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= highest;
}
