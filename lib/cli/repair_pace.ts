import { after, type Instant } from "../base/mod.ts";

/**
 * Shortest and longest time between two looks at the firewall, in ms.
 *
 * The first change is looked at without delay. A second is enough for the
 * transactions that follow when a firewall is reloaded or Docker starts, and
 * a look costs about as much as a line in the log.
 */
const SHORTEST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** After so long without a repair the next one is done at once again, in ms. Longer than the longest pause, or no fight would be noticed. */
const CALM_MS = 60_000;

/** Repairs, each soon after the one before, that make a fight. Reloading a firewall by a script takes two or three. */
const FIGHT_REPAIRS = 5;

/**
 * Says how soon to look again after the firewall was looked at.
 *
 * Another program may undo whatever we do as often as we do it. Each repair
 * doubles the pause, so that neither keeps the host busy.
 */
export class RepairPace {
  #pauseMs = SHORTEST_PAUSE_MS;
  #repairs = 0;
  #calmAt: Instant | undefined;

  /** Returns how long to wait before the next look, in ms. `repaired`: this one found something to do. */
  handleLook(repaired: boolean, now: Instant): number {
    if (this.#calmAt !== undefined && now >= this.#calmAt) this.#calmDown();
    if (repaired) {
      this.#calmAt = after(now, CALM_MS);
      if (this.#repairs > 0) {
        this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
      }
      this.#repairs++;
    }
    return this.#pauseMs;
  }

  /** Whether another program undoes what we do, again and again. */
  get isFight(): boolean {
    return this.#repairs >= FIGHT_REPAIRS;
  }

  #calmDown(): void {
    this.#pauseMs = SHORTEST_PAUSE_MS;
    this.#repairs = 0;
    this.#calmAt = undefined;
  }
}
