const SHOWN = "[redacted]";

/**
 * A text that must never be printed. However it is logged, it reads `[redacted]`.
 *
 * A structured clone leaves the text behind, so a secret inside a message
 * never reaches the worker.
 */
export class Secret {
  readonly #text: string;

  /** Guards `text`. */
  constructor(text: string) {
    this.#text = text;
  }

  /** Returns the text, for the one place that sends it. */
  reveal(): string {
    return this.#text;
  }

  /** Returns `[redacted]`. */
  toString(): string {
    return SHOWN;
  }

  /** Returns `[redacted]`. */
  toJSON(): string {
    return SHOWN;
  }

  /** Returns `[redacted]`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return SHOWN;
  }
}
