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

/** Packets kept for one name until the gateway translates for it (data-plane spec §18.2). */
export const MAX_UNTRANSLATED_PACKETS = 32;

/** Least time between two announcements of a name that nobody has answered, in ms (data-plane spec §18.2). */
export const REANNOUNCE_MS = 2_000;

/** Names announced as soon as access is granted, those asked for last. Our own choice: the others are announced by their next packet. */
export const MAX_NAMES_ANNOUNCED_AT_ONCE = 32;

/** Proxy addresses of each family for one name (data-plane spec §18.1). */
export const PROXIES_PER_NAME = 4;

/** Names that are given proxy addresses. Our own choice, about 16 MB; further names are answered with SERVFAIL. */
export const MAX_NAMES = 16_384;

/** For how long resolvers may remember an answer of ours, in s. Our own choice: the next query lets the gateway look the name up again. */
export const ANSWER_TTL_S = 1;

/** Port of the DNS service that each gateway has in the tunnel (data-plane spec §11). */
export const GATEWAY_DNS_PORT = 53_535;

/** Queries that wait until a gateway can be asked. Our own choice; further ones are answered with SERVFAIL. */
export const MAX_WAITING_QUERIES = 256;

/** How long a query waits for that, in ms (data-plane spec §18.3). */
export const QUERY_TIMEOUT_MS = 10_000;

/** Events that wait for the shell. Our own choice; an `init` of thousands of resources causes a handful. */
export const EVENT_QUEUE_LIMIT = 8_192;

/** Control datagrams made from packets that waited. Our own choice: what a few gateways can cause at once. */
export const RELEASE_QUEUE_LIMIT = 1_024;
