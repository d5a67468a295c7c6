/** How important a log line is, least first. `style`: trace each packet, debug a decision, info what a user notices. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/** Structured values of a log line. Secrets never go here. */
export type LogFields = Readonly<Record<string, LogValue>>;

/** One value of a log line. A list comes out as compact JSON. */
export type LogValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly Readonly<Record<string, string | number>>[];

/** Where log lines go. Messages are constant; values go into fields. */
export interface Logger {
  /** Tells whether lines of `level` are kept, so that costly fields are built only then. */
  enabled(level: LogLevel): boolean;
  /** Writes one line. */
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** Returns a logger whose lines carry `target`, such as `portal` or `ice`. */
  child(target: string): Logger;
}

/** A logger that keeps nothing. */
export const NO_LOG: Logger = {
  enabled: () => false,
  log: () => {},
  child: () => NO_LOG,
};
