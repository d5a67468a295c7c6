import type { Logger } from "../base/mod.ts";
import {
  Clock,
  FirewallWatch,
  type HostProblem,
  HostSetup,
  KernelRefusedError,
  seesInput,
} from "../io/mod.ts";
import type { GatewaySettings } from "./gateway_settings.ts";
import { explainHost } from "./host_problems.ts";
import { RepairPace } from "./repair_pace.ts";

/**
 * How often the host is looked at, in ms, whatever is heard of the firewall.
 *
 * Nobody tells of settings that are changed, nor of the firewall where the
 * kernel refuses to. Looking costs about as much as one line in the log.
 */
const INTERVAL_MS = 30_000;

/** Keeps the host as a gateway needs it while the gateway runs, and leaves it as it was. */
export class HostKeeper {
  readonly #setup: HostSetup;
  readonly #log: Logger;
  readonly #tunName: string;
  readonly #clock = new Clock();
  readonly #pace = new RepairPace();
  readonly #firewall: FirewallWatch | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #onUnload = () => this.stop();
  #pause: ReturnType<typeof setTimeout> | undefined;
  #isFight = false;
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
    this.#firewall = this.#watchFirewall();
    this.#apply();
  }

  /** Leaves the host as it was. To be called while the interface exists. */
  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#pause);
    this.#firewall?.close();
    globalThis.removeEventListener("unload", this.#onUnload);
    this.#setup.remove();
  }

  #watchFirewall(): FirewallWatch | undefined {
    try {
      return new FirewallWatch(() => this.#handleChange());
    } catch (error) {
      if (!(error instanceof KernelRefusedError)) throw error;
      this.#log.log("debug", "Firewall not watched", { reason: error.message });
      return undefined;
    }
  }

  /** What somebody undid is done again at once, and after that less and less soon. */
  #handleChange(): void {
    const before = this.#setup.changes;
    this.#apply();
    const isRepaired = this.#setup.changes > before;
    const pauseMs = this.#pace.handleLook(isRepaired, this.#clock.now());
    this.#noteFight();
    this.#pause = setTimeout(() => this.#firewall?.listen(), pauseMs);
  }

  #noteFight(): void {
    const { isFight } = this.#pace;
    if (isFight && !this.#isFight) {
      const reason =
        "Another program keeps removing the gateway's firewall rules; " +
        `let it leave the table firezone_${this.#tunName} and rules marked "firezone" alone`;
      this.#log.log("warn", "Host stands in the way of clients", { reason });
    }
    this.#isFight = isFight;
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
