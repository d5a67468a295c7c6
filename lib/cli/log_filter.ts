import type { LogLevel } from "../base/mod.ts";
import type { LogThresholds } from "../io/mod.ts";
import { FLOW_LOG_TARGET } from "../flow_log/mod.ts";

type Threshold = LogLevel | "off";

/** Levels by name, and by the numbers that `RUST_LOG` takes for them. */
const LEVELS: Readonly<Record<string, Threshold>> = {
  off: "off",
  error: "error",
  warn: "warn",
  info: "info",
  debug: "debug",
  trace: "trace",
  0: "off",
  1: "error",
  2: "warn",
  3: "info",
  4: "debug",
  5: "trace",
};

/** Tells which lines are wanted by somebody who looks for a fault. */
const DEBUG: LogThresholds = { fallback: "debug", targets: [] };

/** Returned instead of thresholds when a directive cannot be read. */
export interface MalformedDirective {
  /** The directive. */
  readonly malformed: string;
}

/**
 * Reads log directives as in `RUST_LOG` (operations spec §1.1): a level, or
 * `target=level`, separated by commas. Of two for the same, the last counts.
 */
export function parseLogDirectives(
  directives: string,
): LogThresholds | MalformedDirective {
  let fallback: Threshold = "info";
  const targets: [string, Threshold][] = [];
  const texts = directives.split(",").map((it) => it.trim()).filter(Boolean);
  for (const directive of texts) {
    const [first = "", second, ...more] = directive.split("=")
      .map((it) => it.trim());
    const level = LEVELS[(second ?? first).toLowerCase()];
    if (level === undefined || more.length > 0 || first === "") {
      return { malformed: directive };
    }
    if (second === undefined) fallback = level;
    else targets.push([first, level]);
  }
  return { fallback, targets };
}

/** Returns thresholds that keep the lines about flows, too. */
export function withFlowLogs(
  { fallback, targets }: LogThresholds,
): LogThresholds {
  return { fallback, targets: [...targets, [FLOW_LOG_TARGET, "trace"]] };
}

/** Which log lines are kept at present. Can be changed while the program runs. */
export class LogFilter {
  readonly #configured: LogThresholds;
  readonly #listeners: ((thresholds: LogThresholds) => void)[] = [];
  #thresholds: LogThresholds;

  /** Starts with what is configured. */
  constructor(configured: LogThresholds) {
    this.#configured = configured;
    this.#thresholds = configured;
  }

  /** What counts. */
  get thresholds(): LogThresholds {
    return this.#thresholds;
  }

  /** Calls `listener` with each change. */
  onChange(listener: (thresholds: LogThresholds) => void): void {
    this.#listeners.push(listener);
  }

  /** Puts directives in force, an empty text what is configured. Returns the one that cannot be read, if any; then nothing changes. */
  set(directives: string): MalformedDirective | undefined {
    const isReset = directives.trim() === "";
    const read = isReset ? this.#configured : parseLogDirectives(directives);
    if ("malformed" in read) return read;
    this.#change(read);
    return undefined;
  }

  /** Switches to debug, or back to what is configured. Returns which one it is. */
  toggleDebug(): "debug" | "configured" {
    const isDebug = this.#thresholds === DEBUG;
    this.#change(isDebug ? this.#configured : DEBUG);
    return isDebug ? "configured" : "debug";
  }

  #change(thresholds: LogThresholds): void {
    this.#thresholds = thresholds;
    for (const listener of this.#listeners) listener(thresholds);
  }
}
