/** Connecting clients learn that no gateway answered after this, in ms (portal spec §4.7). */
export const AUTHORIZATION_TIMEOUT_MS = 15_000;

/** A gateway's or client's socket without inbound bytes for this long is closed, in ms (portal spec §3.2). */
export const IDLE_TIMEOUT_MS = 37_000;

/** The same for a relay's socket, in ms. */
export const RELAY_IDLE_TIMEOUT_MS = 41_000;

/** A change of the online relays is announced once they were stable for this long, in ms (portal spec §4.4.6). */
export const RELAY_DEBOUNCE_MS = 1_000;

/** How many relays a gateway or client is given (portal spec §7.1). */
export const RELAYS_PER_NODE = 2;

/**
 * 2038-01-01T00:00:00Z in unix seconds (portal spec §6.4).
 *
 * The expiry of every gateway's relay credentials, a constant so that they
 * survive reconnects. Also stands for "never" where the wire wants a number:
 * clients and policies without an expiry of their own.
 */
export const FAR_EXPIRY_S = 2_145_916_800;

/** An ingest token outlives its authorization by this, in s: 30 days (portal spec §6.5). */
export const INGEST_TOKEN_GRACE_S = 2_592_000;

/** Longest text accepted as a connect parameter, in UTF-16 code units (portal spec §1.2). */
export const MAX_PARAMETER_LENGTH = 255;

/** Connect attempts per second and (IP address, token) when the limit is on (portal spec §7.5). */
export const CONNECT_INTERVAL_MS = 1_000;

/** Sockets served at once. Our own choice; more are answered 503. */
export const MAX_SOCKETS = 4_096;

/** (IP address, token) pairs the rate limit remembers. Our own choice; idle ones are forgotten first. */
export const MAX_RATE_BUCKETS = 4_096;

/** Messages that wait for the shell. Our own choice; far above what one input can cause. */
export const MAX_OUTPUTS = 262_144;

/** Close code of the idle timeout and of protocol errors (portal spec §2.5). */
export const CLOSE_PROTOCOL = 1002;

/** Close code of a socket whose envelope was malformed. */
export const CLOSE_CRASH = 1011;

/** Close code of a crashed channel and of a deploy. */
export const CLOSE_RESTART = 1012;

/** Close code of a socket whose token was deleted. */
export const CLOSE_GOING_AWAY = 1001;

/** Close code of an orderly end. */
export const CLOSE_NORMAL = 1000;
