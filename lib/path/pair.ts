import { formatSocketAddress, type SocketAddress } from "../base/mod.ts";
import { type PathCandidate, socketOf } from "./candidate.ts";
import { InitiationLadder } from "./initiation_ladder.ts";
import { Probes } from "./probes.ts";
import { classOf } from "./score.ts";

/** The two ends of a path as packets show them. */
export interface PathEnds {
  /** The address of ours that packets leave from or arrive at: a socket, or an address on a relay. */
  readonly local: SocketAddress;
  /** The address of the peer. */
  readonly remote: SocketAddress;
}

/** A local and a remote candidate between which packets may pass, p2p spec §3.5. */
export class PathPair {
  /** Our end. */
  readonly local: PathCandidate;
  /** The peer's end. */
  readonly remote: PathCandidate;
  /** Marks its probes, so that a reply to a former pair with the same ends is told apart. 16 bits. */
  readonly id: number;
  /** How good it is whatever its speed. Smaller is better. */
  readonly rank: number;
  /** What is known of it. */
  readonly probes: Probes = new Probes();
  /** The copies of our first initiation. */
  readonly ladder: InitiationLadder = new InitiationLadder();

  /** Creates a pair that is not probed yet. */
  constructor(local: PathCandidate, remote: PathCandidate, id: number) {
    this.local = local;
    this.remote = remote;
    this.id = id;
    this.rank = classOf(local, remote);
  }

  /** Whether a relay takes part, p2p spec §3.3. */
  get isRelayed(): boolean {
    return this.local.kind === "relay" || this.remote.kind === "relay";
  }
}

/** Returns the ends of the pair of two candidates. */
export function endsOf(local: PathCandidate, remote: PathCandidate): PathEnds {
  return { local: socketOf(local), remote: remote.address };
}

/** Names a pair by its ends. */
export function pairKey({ local, remote }: PathEnds): string {
  return `${formatSocketAddress(local)} ${formatSocketAddress(remote)}`;
}
