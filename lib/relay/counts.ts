/** Everything that a relay counts: what it did, then why it did not. */
export const RELAY_COUNTS = [
  "binding",
  "allocate",
  "refresh",
  "create-permission",
  "channel-bind",
  "to-peer",
  "to-peer-bytes",
  "to-client",
  "to-client-bytes",
  "looped",
  "error-400",
  "error-401",
  "error-437",
  "error-438",
  "error-440",
  "error-443",
  "error-508",
  "source-port-zero",
  "unknown-format",
  "malformed-stun",
  "not-a-request",
  "malformed-username",
  "malformed-channel-data",
  "unknown-client",
  "no-active-channel",
  "unallocated-port",
  "unknown-peer",
  "too-large",
] as const;

/** Name of a counter. */
export type RelayCount = typeof RELAY_COUNTS[number];
