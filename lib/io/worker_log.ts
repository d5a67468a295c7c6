import {
  elapsedMs,
  type Instant,
  type LogFields,
  type Logger,
  type LogLevel,
} from "../base/mod.ts";
import type { Clock } from "./clock.ts";
import type { ControlChannel } from "./control_channel.ts";
import type { IoCounters } from "./io_counters.ts";
import { type LogThresholds, rankOf, thresholdOf } from "./log_thresholds.ts";

/** Lines that may cross in one period. Our own choice: a port queues without limit, so a flood must end here. */
const LINES_PER_PERIOD = 5_000;
const PERIOD_MS = 1_000;

/** Sends log lines to the main thread, and counts those of a flood instead. */
export class WorkerLog {
  readonly #channel: ControlChannel;
  readonly #counters: IoCounters;
  readonly #clock: Clock;
  /** By target. Their ranks follow the thresholds. */
  readonly #loggers = new Map<string, TargetLogger>();
  #thresholds: LogThresholds;
  #periodStart: Instant;
  #lines = 0;

  /** Sends through `channel` what `thresholds` let pass. */
  constructor(
    channel: ControlChannel,
    thresholds: LogThresholds,
    counters: IoCounters,
    clock: Clock,
  ) {
    this.#channel = channel;
    this.#thresholds = thresholds;
    this.#counters = counters;
    this.#clock = clock;
    this.#periodStart = clock.now();
  }

  /** Returns a logger whose lines carry `target`. */
  logger(target: string): Logger {
    let logger = this.#loggers.get(target);
    if (logger === undefined) {
      logger = new TargetLogger(target, this);
      logger.threshold = thresholdOf(this.#thresholds, target);
      this.#loggers.set(target, logger);
    }
    return logger;
  }

  /** Changes which lines pass, also those of loggers that exist. */
  setThresholds(thresholds: LogThresholds): void {
    this.#thresholds = thresholds;
    for (const [target, logger] of this.#loggers) {
      logger.threshold = thresholdOf(thresholds, target);
    }
  }

  /** Sends one line, or counts it in a flood. */
  send(
    level: LogLevel,
    target: string,
    message: string,
    fields: LogFields,
  ): void {
    const now = this.#clock.now();
    if (elapsedMs(this.#periodStart, now) >= PERIOD_MS) {
      this.#periodStart = now;
      this.#lines = 0;
    }
    if (this.#lines++ >= LINES_PER_PERIOD) {
      this.#counters.increment("log-line-suppressed");
      return;
    }
    this.#channel.publish({ kind: "log", level, target, message, fields });
  }
}

/** The lines of one target. */
class TargetLogger implements Logger {
  /** Rank from which lines pass. */
  threshold = Infinity;
  readonly #target: string;
  readonly #log: WorkerLog;

  constructor(target: string, log: WorkerLog) {
    this.#target = target;
    this.#log = log;
  }

  enabled(level: LogLevel): boolean {
    return rankOf(level) >= this.threshold;
  }

  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (!this.enabled(level)) return;
    this.#log.send(level, this.#target, message, fields);
  }

  child(target: string): Logger {
    return this.#log.logger(target);
  }
}
