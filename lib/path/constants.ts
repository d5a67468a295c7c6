/** Gaps before the second, third and fourth probe of a pair, p2p spec §3.2. */
export const FIRST_PROBE_GAPS_MS: readonly number[] = [200, 300, 500];

/** Gap between all further probes, p2p spec §3.2. */
export const PROBE_GAP_MS = 1_000;

/** Probes of a pair before it rests while another pair is the primary, p2p spec §3.2. */
export const PROBE_BUDGET = 12;

/** Gap between probes of the primary once its budget is spent, p2p spec §3.2. Keeps NAT mappings open. */
export const PRIMARY_PROBE_GAP_MS = 25_000;

/** Probes of a pair that may still be answered, p2p spec §3.2. The oldest is forgotten. */
export const MAX_OUTSTANDING_PROBES = 12;

/** Gaps between the copies of our first initiation on one pair, p2p spec §3.2. */
export const INITIATION_GAPS_MS: readonly number[] = [
  50,
  50,
  50,
  100,
  200,
  400,
  800,
  1_600,
];

/** How long a response answers copies of its initiation, p2p spec §3.2. */
export const RESPONSE_LIFETIME_MS = 10_000;

/** Most responses kept, over all peers. The oldest makes room. Our own choice: ten seconds at the rate that asks for cookies. */
export const MAX_RESPONSES = 1_000;

/** Unanswered handshakes in a row that put the primary in doubt, p2p spec §3.2. */
export const DISTRESS_THRESHOLD = 2;

/** Most remote candidates that only packets have revealed, p2p spec §3.2. */
export const MAX_REFLEXIVE_REMOTES = 4;

/** How long four of them are kept before another one may take the place of the oldest. Our own choice: longer than a pair is probed (12 s). */
export const REFLEXIVE_LIFETIME_MS = 15_000;

/** Most remote candidates of a kind, p2p spec §3.2. The oldest makes room. */
export const MAX_REMOTES_PER_KIND = 6;

/**
 * Most local candidates of a kind. The oldest makes room. Our own choice.
 *
 * Two relays show at most four of each kind at a time; addresses of before a
 * change of network are of no more use.
 */
export const MAX_LOCALS_PER_KIND = 8;

/** Least gain in round-trip time for which the primary changes within a class, p2p spec §3.2: the greater of the two. */
export const MIN_GAIN_MS = 10;
/** As a share of the primary's round-trip time. */
export const MIN_GAIN_SHARE = 0.2;
