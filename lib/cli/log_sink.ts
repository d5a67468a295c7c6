import type { LogFields, Logger, LogLevel, LogValue } from "../base/mod.ts";
import { type LogThresholds, rankOf, thresholdOf } from "../io/mod.ts";

/** How log lines look. */
export type LogFormat = "human" | "json";

/** One log line, as it also crosses from the worker. */
export interface LogLine {
  /** How important. */
  readonly level: LogLevel;
  /** Which part of the program. */
  readonly target: string;
  /** Constant text. */
  readonly message: string;
  /** Values. */
  readonly fields: LogFields;
}

/** Writes log lines to standard output, in the format that people or machines read (operations spec §1.7). */
export class LogSink {
  readonly #thresholds: LogThresholds;
  readonly #format: LogFormat;
  readonly #write: (line: string) => void;
  readonly #clock: () => Date;

  /** `write` takes a whole line without its end; `clock` reads the wall clock. */
  constructor(
    thresholds: LogThresholds,
    format: LogFormat,
    write: (line: string) => void = (line) => console.log(line),
    clock: () => Date = () => new Date(),
  ) {
    this.#thresholds = thresholds;
    this.#format = format;
    this.#write = write;
    this.#clock = clock;
  }

  /** Returns a logger whose lines carry `target`. */
  logger(target: string): Logger {
    return {
      enabled: (level) => this.#keeps(target, level),
      log: (level, message, fields = {}) =>
        this.write({ level, target, message, fields }),
      child: (part) => this.logger(part),
    };
  }

  /** Writes one line if the filter keeps it. */
  write(line: LogLine): void {
    if (!this.#keeps(line.target, line.level)) return;
    const time = this.#clock().toISOString();
    this.#write(
      this.#format === "json"
        ? renderJson(time, line)
        : renderHuman(time, line),
    );
  }

  /** Writes a line that is none of the log's, as it is. */
  writeLine(line: string): void {
    this.#write(line);
  }

  #keeps(target: string, level: LogLevel): boolean {
    return rankOf(level) >= thresholdOf(this.#thresholds, target);
  }
}

function renderJson(
  time: string,
  { level, target, message, fields }: LogLine,
): string {
  return JSON.stringify({
    time,
    level: level.toUpperCase(),
    target,
    message,
    ...fields,
  });
}

function renderHuman(
  time: string,
  { level, target, message, fields }: LogLine,
): string {
  const values = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${renderValue(value)}`);
  return `${time} ${level.toUpperCase().padStart(5)} ${target}: ${message}${
    values.join("")
  }`;
}

/** Text with blanks or control characters is quoted, so that a value can forge neither a field nor a line. */
function renderValue(value: LogValue): string {
  if (typeof value === "object") return JSON.stringify(value);
  return typeof value === "string" && !/^[^\s"\p{Cc}]+$/u.test(value)
    ? JSON.stringify(value)
    : String(value);
}
