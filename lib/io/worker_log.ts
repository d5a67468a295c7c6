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
  readonly #thresholds: LogThresholds;
  readonly #counters: IoCounters;
  readonly #clock: Clock;
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
    const threshold = thresholdOf(this.#thresholds, target);
    return {
      enabled: (level) => rankOf(level) >= threshold,
      log: (level, message, fields = {}) => {
        if (rankOf(level) >= threshold) {
          this.#send(level, target, message, fields);
        }
      },
      child: (part) => this.logger(part),
    };
  }

  #send(
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
