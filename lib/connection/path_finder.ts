import type { Instant, Result, SocketAddress } from "../base/mod.ts";
import type { RemoteCandidateRefusal } from "../ice/mod.ts";
import type { LocalCandidate } from "../turn/mod.ts";
import type { CandidateKind } from "../wire/mod.ts";
import type { CandidateSignal } from "./candidate_signals.ts";
import type { IceFinder } from "./ice_finder.ts";
import type { IcelessFinder } from "./iceless_finder.ts";
import type { Route, Way } from "./route.ts";

/** Looks for the path of one connection in the mode that the portal chose, p2p spec §1.1. What only one mode has is reached by `mode`. */
export type PathFinder = IceFinder | IcelessFinder;

/** When a handshake may be of use that no timer of the tunnel calls for, p2p spec §5.5. */
export type HandshakeOccasion = "created" | "reused" | "path-selected";

/** What a connection needs of either mode. After each call drain `pollTransmit` and `pollEvent`. */
export interface FinderCore {
  /** Whether so little is left to find out that the search may slow down. */
  readonly mayIdle: boolean;
  /** Smoothed round-trip time of the selected path, as far as it is known. */
  readonly roundTripMs: number | undefined;
  /** Whether the controlling side is to start a handshake on such an occasion. */
  wantsHandshake(occasion: HandshakeOccasion): boolean;
  /** Takes up a candidate of ours. `candidate-added` follows if the peer is to be told. */
  addLocalCandidate(candidate: LocalCandidate, now: Instant): void;
  /** Takes back a candidate of ours. `candidate-withdrawn` follows if the peer is to be told. */
  withdrawLocalCandidate(candidate: LocalCandidate, now: Instant): void;
  /** Returns all candidates of ours as they are signalled. */
  localSignals(): CandidateSignal[];
  /** Takes a candidate line of the peer. */
  addRemoteCandidate(
    line: string,
    now: Instant,
  ): Result<RemoteCandidate, RemoteCandidateRefusal>;
  /** Takes an invalidation line of the peer. */
  withdrawRemoteCandidate(
    line: string,
    now: Instant,
  ): Result<RemoteCandidate, RemoteCandidateRefusal>;
  /** Whether it sends a message of the tunnel by itself. Others go where packets go. */
  takeMessage(message: Uint8Array, now: Instant): boolean;
  /** Takes note of an authentic data message. Allocates nothing. */
  noteData(): void;
  /** Searches at the pace of a connection that is in use or not. */
  setPace(pace: "active" | "idle", now: Instant): void;
  /** Advances to `now`. */
  handleTimeout(now: Instant): void;
  /** When `handleTimeout` has something to do. */
  pollTimeout(): Instant;
  /** Returns the next message to send. */
  pollTransmit(now: Instant): FinderTransmit | undefined;
  /** Returns the next event. */
  pollEvent(): FinderEvent | undefined;
}

/** A candidate of the peer, as far as both modes agree on what that is. */
export interface RemoteCandidate {
  /** How the peer learned it. */
  readonly kind: CandidateKind;
  /** Where to send to. */
  readonly address: SocketAddress;
}

/** A message to a peer. */
export interface FinderTransmit {
  /** Where it leaves and where it goes. */
  readonly way: Way;
  /** The message. */
  readonly payload: Uint8Array;
}

/** What a finder tells its connection. */
export type FinderEvent =
  | {
    /** The peer is to be told of a candidate of ours, or to forget it. */
    readonly kind: "candidate-added" | "candidate-withdrawn";
    /** The candidate. */
    readonly signal: CandidateSignal;
  }
  | {
    /** Packets are to take another path than before. */
    readonly kind: "path-selected";
    /** The path. */
    readonly route: Route;
  }
  | {
    /** No path can work any more with the candidates there are, or one can again. */
    readonly kind: "hope-lost" | "hope-regained";
  };
