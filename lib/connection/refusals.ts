import type { Ecn } from "../base/mod.ts";
import type { CheckVerdict, RemoteCandidateRefusal } from "../ice/mod.ts";
import type { ProbeReplyVerdict } from "../path/mod.ts";
import { GATE_REFUSALS, type GateRefusal } from "../wireguard/mod.ts";
import type { PeerId } from "./peer_config.ts";

/** Why a datagram was not accepted. */
export type DatagramRefusal =
  | Exclude<CheckVerdict, "accepted">
  | Exclude<ProbeReplyVerdict, "accepted">
  | GateRefusal
  | "empty"
  | "former-relay"
  | "unknown-channel"
  | "unknown-format"
  | "ignored-stun"
  | "unknown-username"
  | "unknown-transaction"
  | "unknown-index"
  | "unknown-public-key"
  | "unopenable-initiation"
  | "refused-handshake"
  | "refused-data";

/** What became of a datagram. */
export type DatagramVerdict = "packet" | "consumed" | DatagramRefusal;

/** Why a candidate that a peer signalled, or a channel to one of its addresses, was not accepted. */
export type NodeRefusal =
  | RemoteCandidateRefusal
  | "unknown-peer"
  | "too-many-channels";

/** All reasons, for their counters. */
export const DATAGRAM_REFUSALS: readonly DatagramRefusal[] = [
  "wrong-username",
  "wrong-integrity",
  "not-a-local-candidate",
  "withdrawn-remote",
  "unexpected-use-candidate",
  "pair-gone",
  "stale-probe",
  ...GATE_REFUSALS,
  "empty",
  "former-relay",
  "unknown-channel",
  "unknown-format",
  "ignored-stun",
  "unknown-username",
  "unknown-transaction",
  "unknown-index",
  "unknown-public-key",
  "unopenable-initiation",
  "refused-handshake",
  "refused-data",
];

/** All reasons, for their counters. */
export const NODE_REFUSALS: readonly NodeRefusal[] = [
  "malformed-candidate",
  "foreign-ufrag",
  "unknown-peer",
  "too-many-channels",
];

/** An inner packet that just arrived. */
export interface ReceivedPacket {
  /** Whose it is. */
  readonly peer: PeerId;
  /** Arena address of its first byte. */
  readonly start: number;
  /** Arena address behind its last byte. */
  readonly end: number;
  /** Congestion bits of the datagram it came in. */
  readonly ecn: Ecn;
}
