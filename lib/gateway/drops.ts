import { type Instant, instant } from "../base/mod.ts";

/**
 * The last packet of one client that was not forwarded, and how many there were. Noting one allocates nothing.
 *
 * Multicast is not noted: every host sends it all the time, and what somebody
 * looks for would never be the last.
 */
export class Drops {
  #reason: string | undefined;
  #from: "client" | "resource" = "client";
  #at: Instant = instant(0);
  #count = 0;

  /** Why the last one was not forwarded; `undefined` if there was none. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Where it came from. */
  get from(): "client" | "resource" {
    return this.#from;
  }

  /** When that was. */
  get at(): Instant {
    return this.#at;
  }

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  /** Notes one. */
  note(reason: string, from: "client" | "resource", now: Instant): void {
    this.#reason = reason;
    this.#from = from;
    this.#at = now;
    this.#count++;
  }
}
