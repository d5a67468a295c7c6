import { type Instant, Queue, type Result } from "../base/mod.ts";
import {
  formatPathCandidate,
  PATH_PRIORITY,
  type PathAgent,
  type PathCandidate,
  type PathEnds,
  type ProbeReplyVerdict,
  socketOf,
} from "../path/mod.ts";
import type { LocalCandidate } from "../turn/mod.ts";
import {
  encodePathProbe,
  HANDSHAKE_INITIATION,
  PROBE_REPLY,
} from "../wire/mod.ts";
import type { CandidateSignal } from "./candidate_signals.ts";
import type {
  FinderCore,
  FinderEvent,
  FinderTransmit,
  HandshakeOccasion,
} from "./path_finder.ts";
import { routeBetween, wayBetween } from "./route.ts";

/** Most events that wait to be polled. */
const EVENT_LIMIT = 64;

/** Returns the message that holds an inner packet, or `undefined` when there is no session. */
export type Seal = (
  packet: Uint8Array,
  now: Instant,
) => Uint8Array | undefined;

/** Finds a path by handshakes and by probes inside the tunnel, p2p spec §3. */
export class IcelessFinder implements FinderCore {
  /** Tells this mode from the other. */
  readonly mode = "iceless";
  /** There is nothing that could slow down. */
  readonly mayIdle = false;
  readonly #agent: PathAgent;
  readonly #seal: Seal;
  readonly #events = new Queue<FinderEvent>(EVENT_LIMIT);

  /** Wraps an agent that knows no candidates. `seal` encrypts its probes. */
  constructor(agent: PathAgent, seal: Seal) {
    this.#agent = agent;
    this.#seal = seal;
  }

  get roundTripMs(): number | undefined {
    return this.#agent.roundTripMs;
  }

  /** The handshake comes first, and a path is known by the session that it carries. */
  wantsHandshake(occasion: HandshakeOccasion): boolean {
    return occasion === "created";
  }

  addLocalCandidate(candidate: LocalCandidate, now: Instant): void {
    const own = pathCandidateOf(candidate);
    if (!this.#agent.addLocalCandidate(own, now)) return;
    this.#events.push({ kind: "candidate-added", signal: signalOf(own) });
  }

  withdrawLocalCandidate(candidate: LocalCandidate, now: Instant): void {
    const own = pathCandidateOf(candidate);
    if (!this.#agent.withdrawLocalCandidate(own, now)) return;
    this.#events.push({ kind: "candidate-withdrawn", signal: signalOf(own) });
  }

  /** Forgets all candidates of ours without telling the peer, as when the node moved to another network, p2p spec §1.9. */
  forgetLocalCandidates(now: Instant): void {
    this.#agent.forgetLocalCandidates(now);
  }

  localSignals(): CandidateSignal[] {
    return this.#agent.localCandidates().map(signalOf);
  }

  addRemoteCandidate(
    line: string,
    now: Instant,
  ): Result<PathCandidate, "malformed-candidate"> {
    return this.#agent.addRemoteCandidate(line, now);
  }

  withdrawRemoteCandidate(
    line: string,
    now: Instant,
  ): Result<PathCandidate, "malformed-candidate"> {
    return this.#agent.withdrawRemoteCandidate(line, now);
  }

  /** Initiations and keepalives take the primary, and not the last known path when that is in doubt. */
  takeMessage(message: Uint8Array, now: Instant): boolean {
    if (message[0] === HANDSHAKE_INITIATION.TYPE) {
      this.#agent.sendInitiation(message, now);
    } else this.#agent.sendMessage(message);
    return true;
  }

  /** Takes note of an initiation that the tunnel accepted. */
  noteInitiation(arrival: PathEnds, now: Instant): void {
    this.#agent.handleInitiation(arrival, now);
  }

  /** Takes note of a response that the tunnel accepted. */
  noteResponse(arrival: PathEnds, now: Instant): void {
    this.#agent.handleResponse(arrival, now);
  }

  /** Takes a probe of the peer. Returns the message that answers it on the path it came. */
  handleProbe(
    arrival: PathEnds,
    identifier: number,
    sequence: number,
    now: Instant,
  ): Uint8Array | undefined {
    this.#agent.handleProbe(arrival, now);
    return this.#seal(encodePathProbe(PROBE_REPLY, identifier, sequence), now);
  }

  /** Takes the reply to a probe of ours. */
  handleProbeReply(
    arrival: PathEnds,
    identifier: number,
    sequence: number,
    now: Instant,
  ): ProbeReplyVerdict {
    return this.#agent.handleProbeReply(arrival, identifier, sequence, now);
  }

  noteData(): void {
    this.#agent.noteData();
  }

  setPace(): void {
    // The pace depends on what is known of paths alone.
  }

  handleTimeout(now: Instant): void {
    this.#agent.handleTimeout(now);
  }

  pollTimeout(): Instant {
    return this.#agent.pollTimeout();
  }

  pollTransmit(now: Instant): FinderTransmit | undefined {
    const agent = this.#agent;
    for (let t = agent.pollTransmit(); t; t = agent.pollTransmit()) {
      const { kind, local, destination, payload: bytes } = t;
      // Without a session a probe is lost, p2p spec §3.3.
      const payload = kind === "packet" ? this.#seal(bytes, now) : bytes;
      if (!payload) continue;
      const way = wayBetween(local.kind, socketOf(local), destination);
      return { way, payload };
    }
    return undefined;
  }

  pollEvent(): FinderEvent | undefined {
    const selected = this.#agent.pollSelection();
    if (!selected) return this.#events.shift();
    const { local, remote } = selected;
    const route = routeBetween(local.kind, socketOf(local), remote);
    return { kind: "path-selected", route };
  }
}

function pathCandidateOf(
  { kind, address, base }: LocalCandidate,
): PathCandidate {
  return kind === "host" ? { kind, address } : { kind, address, base };
}

/** An addition and its withdrawal have the same line, p2p spec §3.4. */
function signalOf(candidate: PathCandidate): CandidateSignal {
  const line = formatPathCandidate(candidate);
  return { key: line, line, priority: PATH_PRIORITY[candidate.kind] };
}
