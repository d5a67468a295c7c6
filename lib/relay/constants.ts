/** Port that relays listen on; peers recognise no other (p2p spec §4.9, §8.1). */
export const RELAY_PORT = 3478;

/** Requests that one nonce is good for (p2p spec §8.4). */
export const NONCE_USES = 10_000;

/** Lifetime of an allocation whose owner asked for none, in seconds (p2p spec §8.5). */
export const DEFAULT_LIFETIME_SECONDS = 600;

/** Longest lifetime of an allocation, in seconds (p2p spec §8.5). */
export const MAX_LIFETIME_SECONDS = 3600;

/** How long a channel carries data after a bind, in ms (p2p spec §8.7). */
export const CHANNEL_LIFETIME_MS = 600_000;

/** How long number and peer of a channel stay reserved after that, in ms (p2p spec §8.7). */
export const CHANNEL_COOLDOWN_MS = 300_000;

/**
 * Client sockets that a nonce is kept for. Our own choice.
 *
 * When full, the one without allocation that was heard least recently makes
 * room: it gets a 438 with a fresh nonce later. Above the number of ports, so
 * that there always is such a socket.
 */
export const MAX_CLIENTS = 131_072;

/** Channels of one allocation, all that can carry data. Our own choice. When full, a further bind gets 508. */
export const MAX_CHANNELS_PER_ALLOCATION = 4_096;

/** Channels of all allocations together. Our own choice. When full, a further bind gets 508. */
export const MAX_CHANNELS = 262_144;

/** Answers that wait to be sent. Our own choice. When full, further ones are lost as on the network. */
export const TRANSMIT_LIMIT = 1_024;

/** Openings and closings of ports that wait: twice all ports there are, so it never fills between two polls of a working shell. */
export const EVENT_LIMIT = 131_072;
