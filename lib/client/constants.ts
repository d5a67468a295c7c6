/** A request that the portal has not answered for this long is given up, in ms. The portal itself answers by then (portal spec §4.7). */
export const REQUEST_TIMEOUT_MS = 15_000;

/** After a refusal, packets do not lead to another request for this long, in ms. Our own choice: a refused application retries every second or so. */
export const HOLD_OFF_MS = 2_000;

/**
 * A route counts as in use for this long after its last packet, in ms. Our own choice.
 *
 * Longer than it takes to notice that a path is dead (18.5 s, p2p spec §2.9)
 * and that a gateway restarted; short enough that a laptop which roams does
 * not reconnect everything that it talked to that day.
 */
export const IN_USE_MS = 60_000;

/** Packets kept for one resource while its request is in flight (p2p spec §1.2). */
export const MAX_PENDING_PACKETS = 128;

/** Events that wait for the shell. Our own choice; an `init` of thousands of resources causes a handful. */
export const EVENT_QUEUE_LIMIT = 8_192;

/** Control datagrams made from packets that waited. Our own choice: what a few gateways can cause at once. */
export const RELEASE_QUEUE_LIMIT = 1_024;
