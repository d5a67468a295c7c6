import { assert } from "../base/mod.ts";

/** The three timeouts that differ between the two connection modes, p2p spec §5.7. */
export interface TunnelTiming {
  /** Wait from the last received data packet to the keepalive that answers it, in ms. */
  readonly keepaliveMs: number;
  /** Wait from an unanswered initiation to the next, in ms, before jitter. */
  readonly rekeyTimeoutMs: number;
  /** How long initiations may stay unanswered before the tunnel gives up, in ms. */
  readonly rekeyAttemptMs: number;
}

/** Timeouts of a connection whose path ICE finds, p2p spec §5.7. */
export const ICE_TIMING: TunnelTiming = {
  keepaliveMs: 10_000,
  rekeyTimeoutMs: 5_000,
  rekeyAttemptMs: 20_000,
};

/** Timeouts of a connection whose path is found by probes in the tunnel, p2p spec §5.7. */
export const ICELESS_TIMING: TunnelTiming = {
  keepaliveMs: 5_000,
  rekeyTimeoutMs: 2_000,
  rekeyAttemptMs: 90_000,
};

/** Age at which a session that carries data is replaced by its initiator. p2p spec §5.7. */
export const REKEY_AFTER_TIME_MS = 120_000;

/** Age at which a session ends. p2p spec §5.7. */
export const REJECT_AFTER_TIME_MS = 180_000;

/**
 * Age at which the initiator of a session stops sending on it. p2p spec §5.10.
 *
 * Ten seconds before the responder forgets it, whatever the keepalive timeout.
 */
export const INITIATOR_SENDS_UNTIL_MS = 170_000;

/** Time without any new session after which the tunnel gives up. p2p spec §5.7. */
export const EXPIRE_AFTER_TIME_MS = 3 * REJECT_AFTER_TIME_MS;

/** Upper end of the uniform delay of initiations that a timer starts. p2p spec §5.7. */
export const MAX_JITTER_MS = 333;

/** Age at which a received cookie is forgotten. p2p spec §5.7. */
export const COOKIE_VALID_MS = 120_000;

/** Time for which the cookie of an address stays the same. p2p spec §5.8. */
export const COOKIE_PERIOD_MS = 128_000;

/** Handshake messages with a right mac1 that a node takes in one window without asking for cookies. p2p spec §5.8. */
export const HANDSHAKES_PER_WINDOW = 100;

/** Length of the window that handshake messages are counted in. p2p spec §5.8. */
export const HANDSHAKE_WINDOW_MS = 1_000;

/**
 * Cookie replies that a node sends in a second. Our own choice.
 *
 * Deviation: upstream answers every message. A reply costs us some 10 µs with
 * what the kernel does to send it, so this many take a fiftieth of a core.
 * Whoever has a cookie already passes without another one.
 */
export const COOKIE_REPLIES_PER_SECOND = 2_000;

/** Forged initiations of one source that a node under load looks into in one window. Our own choice: each costs a key agreement, some 80 µs. */
export const FAILURES_PER_WINDOW = 10;

/** Sources of forged initiations that are remembered. Our own choice. */
export const MAX_FAILING_SOURCES = 1_024;

/** Counters, the greatest one included, that a session tells apart. p2p spec §5.6. */
export const REPLAY_WINDOW_COUNTERS = 8_192;

/** Sessions that a tunnel can decrypt at a time. p2p spec §5.3. */
export const SESSION_SLOTS = 8;

/**
 * Counter that is neither sent nor accepted any more. Our own choice.
 *
 * Deviation: the peers have no such limit (p2p spec §5.10), the whitepaper
 * allows 2^64 - 2^13 - 1. We stop at the largest exact `number`, 28 years at
 * ten million packets a second.
 */
export const COUNTER_LIMIT = Number.MAX_SAFE_INTEGER;

/** Bytes of a key of any kind. */
export const KEY_BYTES = 32;

/** Bytes of an authentication tag. */
export const TAG_BYTES = 16;

/** Bytes of mac1, mac2 and a cookie. */
export const MAC_BYTES = 16;

/** Bytes of a handshake timestamp. */
export const TIMESTAMP_BYTES = 12;

assert(
  REKEY_AFTER_TIME_MS < INITIATOR_SENDS_UNTIL_MS &&
    INITIATOR_SENDS_UNTIL_MS < REJECT_AFTER_TIME_MS,
  "A session is replaced before it stops sending, and stops before it ends",
);
