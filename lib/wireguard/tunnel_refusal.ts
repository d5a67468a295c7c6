import type { CookieReplyVerdict } from "./cookie.ts";
import type { HandshakeRefusal } from "./handshaker.ts";
import type { SessionRefusal } from "./session.ts";

/** Why a tunnel refused a message, or a packet to send. Each has a counter. */
export type TunnelRefusal =
  | HandshakeRefusal
  | Exclude<CookieReplyVerdict, "accepted">
  | SessionRefusal
  | "expired-tunnel"
  | "not-data"
  | "too-long"
  | "unknown-session"
  | "expired-session"
  | "malformed-packet"
  | "no-session"
  | "packet-too-long";

/** All refusals, for their counters. */
export const TUNNEL_REFUSALS: readonly TunnelRefusal[] = [
  "weak-key",
  "forged-initiation",
  "old-timestamp",
  "unexpected-response",
  "forged-response",
  "unexpected-cookie",
  "forged-cookie",
  "counter-limit",
  "duplicate",
  "too-old",
  "forged",
  "expired-tunnel",
  "not-data",
  "too-long",
  "unknown-session",
  "expired-session",
  "malformed-packet",
  "no-session",
  "packet-too-long",
];
