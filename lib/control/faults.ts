import type { Refusal } from "./refusal.ts";

/**
 * What the portal does wrong on purpose, for tests (portal spec §9).
 *
 * All off at start. Each is looked at when its moment comes, so tests switch
 * them on and off at any time.
 */
export class Faults {
  /** Answers every upgrade with this, before any check. */
  refuseUpgrades: Refusal | undefined = undefined;
  /** Leaves joins unanswered, and unjoined. */
  ignoreJoins = false;
  /** Leaves heartbeats unanswered. */
  ignoreHeartbeats = false;
  /** Sends every push twice. */
  duplicatePushes = false;
  /** Keeps pushes back until `Control.releasePushes`. */
  holdPushes = false;
}
