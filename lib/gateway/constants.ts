/** Longest time between two runs of housekeeping, in ms (data-plane spec §1.3). Expiry is enforced only there. */
export const HOUSEKEEPING_INTERVAL_MS = 1_000;

/** Time for packets between two parts of a housekeeping run that is too long for one, in ms. */
export const HOUSEKEEPING_PAUSE_MS = 1;

/**
 * A gateway that drains takes leave of a client after so much silence, in ms. Our own choice.
 *
 * Requests of browsers and the like are answered within it, and most programs
 * that keep a connection open say something more often.
 */
export const DRAIN_SILENCE_MS = 10_000;

/** Lifetime of an authorization whose expiry no clock can represent, in ms (data-plane spec §1.3). */
export const ABSURD_EXPIRY_FALLBACK_MS = 86_400_000;

/**
 * Most events that may wait for the shell. Our own choice.
 *
 * The shell takes all of them after each input; only a burst caused by a
 * single message can come near: a thousand clients with a few events each.
 */
export const EVENT_QUEUE_LIMIT = 8_192;

/** Longest time for looking up a name, in ms (data-plane spec §1.3). */
export const RESOLUTION_LIMIT_MS = 10_000;

/** Most names that are looked up at the same time (data-plane spec §1.3). */
export const MAX_QUESTIONS = 1_000;

/**
 * Most proxy addresses that one client may have. Our own choice.
 *
 * Clients make up eight for a name, so this is room for 8 192 names, some
 * 10 MB. Beyond it the least recently announced names are forgotten.
 */
export const MAX_TRANSLATIONS = 65_536;
