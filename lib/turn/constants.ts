/** Silence towards the relay after which a BINDING keeps the NAT open, in ms (p2p spec §4.6). */
export const KEEPALIVE_INTERVAL_MS = 25_000;

/** How long a channel can be used after its last bind, in ms (p2p spec §4.8). */
export const CHANNEL_LIFETIME_MS = 600_000;

/** Age at which a channel that carries data is bound again, in ms (p2p spec §4.6). */
export const CHANNEL_REFRESH_AGE_MS = 300_000;

/** How long a channel number stays with its peer after its last bind, in ms (p2p spec §4.8). */
export const CHANNEL_REUSE_AGE_MS = 900_000;

/** Peers whose channels wait for the allocation; the oldest makes room (p2p spec §4.3). */
export const MAX_BUFFERED_BINDS = 100;

/**
 * How often in a row a request is sent again at once because of its nonce. Our own choice.
 *
 * One is normal. A relay that finds each nonce stale must not make us send at line rate.
 */
export const MAX_REAUTHENTICATIONS = 3;

/** How often in a row an allocation is started over at once because of a 437. Our own choice, for the same reason. */
export const MAX_MISMATCHES = 5;

/** Shortest wait before a refused REFRESH is repeated, in ms. Our own choice. */
export const MIN_REFRESH_WAIT_MS = 1_000;

/** Limit of the two output queues. A lost transmit is repeated by its timer. Our own choice. */
export const OUTPUT_LIMIT = 256;
