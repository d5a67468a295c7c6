import type { SocketAddress } from "../base/mod.ts";
import type { Candidate } from "./candidate.ts";
import type { LocalCandidate } from "./candidate_pair.ts";

/**
 * How far the search for a path is, p2p spec §2.10.
 *
 * `connected`: a pair is nominated, others are still checked; `completed`: all
 * are nominated; `disconnected`: there are candidates, but no pair is left.
 */
export type AgentState =
  | "checking"
  | "connected"
  | "completed"
  | "disconnected";

/** What an agent tells its connection. */
export type AgentEvent =
  | {
    /** The peer is to be told of a candidate of ours, or to forget it. */
    readonly kind: "local-candidate-added" | "local-candidate-withdrawn";
    /** The candidate. */
    readonly candidate: LocalCandidate;
  }
  | {
    /** Packets are to be sent from and to other addresses than before. */
    readonly kind: "path-selected";
    /** Our end. */
    readonly local: LocalCandidate;
    /** The peer's end. */
    readonly remote: Candidate;
  }
  | {
    /** The search went on, or back. */
    readonly kind: "state-changed";
    /** How far it is. */
    readonly state: AgentState;
  };

/** A STUN message to send. */
export interface AgentTransmit {
  /** The candidate to send from: its `base`, through the relay if it is a relay candidate. */
  readonly local: LocalCandidate;
  /** The peer's address. */
  readonly destination: SocketAddress;
  /** The message. */
  readonly payload: Uint8Array;
}
