import type { Logger } from "../base/mod.ts";
import { type HostProblem, HostSetup, seesInput } from "../io/mod.ts";
import type { GatewaySettings } from "./gateway_settings.ts";
import { explainHost } from "./host_problems.ts";

/**
 * How often the host is looked at, in ms.
 *
 * Reloading a firewall or starting Docker undoes what we did. Clients wait at
 * most this long, and looking costs about as much as one line in the log.
 */
const INTERVAL_MS = 30_000;

/** Keeps the host as a gateway needs it while the gateway runs, and leaves it as it was. */
export class HostKeeper {
  readonly #setup: HostSetup;
  readonly #log: Logger;
  readonly #tunName: string;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #onUnload = () => this.stop();
  /** What was complained about. */
  #known: readonly string[] = [];

  /** Sets the host up. The interface must exist. */
  constructor(settings: GatewaySettings, log: Logger) {
    const { masquerade, tunName } = settings;
    this.#log = log;
    this.#tunName = tunName;
    this.#setup = new HostSetup({
      ...{ masquerade, tunName, log },
      seesInput: seesInput(Deno.osRelease()),
    });
    // Also where the program ends in the middle of something.
    globalThis.addEventListener("unload", this.#onUnload);
    this.#timer = setInterval(() => this.#apply(), INTERVAL_MS);
    this.#apply();
  }

  /** Leaves the host as it was. To be called while the interface exists. */
  stop(): void {
    clearInterval(this.#timer);
    globalThis.removeEventListener("unload", this.#onUnload);
    this.#setup.remove();
  }

  #apply(): void {
    const problems = this.#setup.apply().map((it) => this.#explain(it));
    for (const reason of problems) {
      if (this.#known.includes(reason)) continue;
      this.#log.log("warn", "Host stands in the way of clients", { reason });
    }
    this.#known = problems;
  }

  #explain(problem: HostProblem): string {
    return explainHost(problem, this.#tunName);
  }
}
