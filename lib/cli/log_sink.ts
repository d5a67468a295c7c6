import type { Logger, LogLevel } from "../base/mod.ts";
import { rankOf, thresholdOf } from "../io/mod.ts";
import type { LogFilter } from "./log_filter.ts";
import {
  type LogFormat,
  type LogLine,
  renderHuman,
  renderJson,
} from "./log_line.ts";

/** What log lines look like and where they go. */
export interface LogSinkOptions {
  /** Which lines are kept. */
  readonly filter: LogFilter;
  /** For people or for machines. */
  readonly format: LogFormat;
  /** Whether levels have colours. */
  readonly isColoured?: boolean;
  /** Takes a whole line without its end; `false` when there is no room for it. */
  readonly write: (line: string) => boolean;
  /** Reads the wall clock. */
  readonly clock?: () => Date;
}

/** Writes log lines in the format that people or machines read (operations spec §1.7). Never waits: what finds no room is counted, and told once there is room again. */
export class LogSink {
  readonly #options: LogSinkOptions;
  readonly #clock: () => Date;
  #dropped = 0;

  /** Keeps no line yet. */
  constructor(options: LogSinkOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => new Date());
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
    if (this.#keeps(line.target, line.level)) {
      this.writeLine(this.#render(line));
    }
  }

  /** Writes a line that is none of the log's, as it is. */
  writeLine(line: string): void {
    if (!this.#tellDropped() || !this.#options.write(line)) this.#dropped++;
  }

  /** Counts lines that were taken and got lost on their way. */
  noteLost(lines: number): void {
    this.#dropped += lines;
  }

  /** Returns whether there is room for another line. */
  #tellDropped(): boolean {
    if (this.#dropped === 0) return true;
    const isTold = this.#options.write(this.#render({
      level: "info",
      target: "log",
      message: "Lines were dropped: whoever reads the log is too slow",
      fields: { lines: this.#dropped },
    }));
    if (isTold) this.#dropped = 0;
    return isTold;
  }

  #render(line: LogLine): string {
    const { format, isColoured = false } = this.#options;
    const time = this.#clock().toISOString();
    return format === "json"
      ? renderJson(time, line)
      : renderHuman(time, line, isColoured);
  }

  #keeps(target: string, level: LogLevel): boolean {
    const { thresholds } = this.#options.filter;
    return rankOf(level) >= thresholdOf(thresholds, target);
  }
}
