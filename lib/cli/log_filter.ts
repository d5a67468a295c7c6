import type { LogLevel } from "../base/mod.ts";

const LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error"];
const OFF = LEVELS.length;

/**
 * Which log lines are kept: a level, and other levels for some targets.
 *
 * Reads the directives of `RUST_LOG` (operations spec §1.1): `info`,
 * `portal=debug`, separated by commas; a target matches as a prefix, the
 * longest match wins.
 */
export class LogFilter {
  readonly #fallback: number;
  readonly #targets: readonly (readonly [target: string, rank: number])[];

  private constructor(
    fallback: number,
    targets: readonly (readonly [string, number])[],
  ) {
    this.#fallback = fallback;
    this.#targets = targets;
  }

  /** Reads directives, or returns the one that cannot be read. */
  static parse(directives: string): LogFilter | { readonly malformed: string } {
    let fallback = rankOf("info") ?? OFF;
    const targets: [string, number][] = [];
    for (
      const directive of directives.split(",").map((it) => it.trim()).filter(
        Boolean,
      )
    ) {
      const [first = "", second, ...more] = directive.split("=");
      const rank = rankOf(second ?? first);
      if (rank === undefined || more.length > 0 || first === "") {
        return { malformed: directive };
      }
      if (second === undefined) fallback = rank;
      else targets.push([first, rank]);
    }
    targets.sort(([a], [b]) => b.length - a.length);
    return new LogFilter(fallback, targets);
  }

  /** Tells whether a line of `target` and `level` is kept. */
  keeps(target: string, level: LogLevel): boolean {
    const match = this.#targets.find(([prefix]) => target.startsWith(prefix));
    return LEVELS.indexOf(level) >= (match ? match[1] : this.#fallback);
  }
}

function rankOf(name: string): number | undefined {
  const lower = name.toLowerCase();
  if (lower === "off") return OFF;
  const rank = LEVELS.indexOf(lower as LogLevel);
  return rank < 0 ? undefined : rank;
}
