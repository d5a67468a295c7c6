/** Longest time between two runs of housekeeping, in ms (data-plane spec §1.3). Expiry is enforced only there. */
export const HOUSEKEEPING_INTERVAL_MS = 1_000;

/** Lifetime of an authorization whose expiry no clock can represent, in ms (data-plane spec §1.3). */
export const ABSURD_EXPIRY_FALLBACK_MS = 86_400_000;

/**
 * Most events that may wait for the shell. Our own choice.
 *
 * The shell takes all of them after each input; only a burst caused by a
 * single message can come near: a thousand clients with a few events each.
 */
export const EVENT_QUEUE_LIMIT = 8_192;
