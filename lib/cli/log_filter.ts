import type { LogLevel } from "../base/mod.ts";
import type { LogThresholds } from "../io/mod.ts";

const LEVELS: readonly string[] = [
  "trace",
  "debug",
  "info",
  "warn",
  "error",
  "off",
];

/** Returned instead of thresholds when a directive cannot be read. */
export interface MalformedDirective {
  /** The directive. */
  readonly malformed: string;
}

/**
 * Reads log directives as in `RUST_LOG` (operations spec §1.1): `info`,
 * `portal=debug`, separated by commas.
 */
export function parseLogDirectives(
  directives: string,
): LogThresholds | MalformedDirective {
  let fallback: LogLevel | "off" = "info";
  const targets: [string, LogLevel | "off"][] = [];
  for (
    const directive of directives.split(",").map((it) => it.trim()).filter(
      Boolean,
    )
  ) {
    const [first = "", second, ...more] = directive.split("=");
    const level = (second ?? first).toLowerCase();
    if (!isLevel(level) || more.length > 0 || first === "") {
      return { malformed: directive };
    }
    if (second === undefined) fallback = level;
    else targets.push([first, level]);
  }
  return { fallback, targets };
}

function isLevel(text: string): text is LogLevel | "off" {
  return LEVELS.includes(text);
}
