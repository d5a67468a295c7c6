import { formatSocketAddress, type Instant, type Result } from "../base/mod.ts";
import {
  type Agent,
  type AgentEvent,
  type Candidate,
  checkTiming,
  formatInvalidation,
  type IceRole,
  type RemoteCandidateRefusal,
} from "../ice/mod.ts";
import type { LocalCandidate } from "../turn/mod.ts";
import type { CandidateSignal } from "./candidate_signals.ts";
import type {
  FinderCore,
  FinderEvent,
  FinderTransmit,
  HandshakeOccasion,
} from "./path_finder.ts";
import { routeBetween, wayBetween } from "./route.ts";

/** Finds a path by ICE, p2p spec §2. */
export class IceFinder implements FinderCore {
  /** Tells this mode from the other. */
  readonly mode = "ice";
  /** Does the work, and takes the checks of the peer. */
  readonly agent: Agent;
  readonly #role: IceRole;

  /** Wraps an agent that knows no candidates. */
  constructor(agent: Agent, role: IceRole) {
    this.agent = agent;
    this.#role = role;
  }

  /** p2p spec §1.5: exactly in this state negotiation is complete. */
  get mayIdle(): boolean {
    return this.agent.state === "connected";
  }

  get roundTripMs(): number | undefined {
    return this.agent.roundTripMs;
  }

  /** A path comes first, and each new one may lead to a peer that has forgotten the session. */
  wantsHandshake(occasion: HandshakeOccasion): boolean {
    return occasion !== "created";
  }

  addLocalCandidate(candidate: LocalCandidate, now: Instant): void {
    this.agent.addLocalCandidate(candidate, now);
  }

  withdrawLocalCandidate(
    { kind, address }: LocalCandidate,
    now: Instant,
  ): void {
    this.agent.withdrawLocalCandidate(kind, address, now);
  }

  localSignals(): CandidateSignal[] {
    return this.agent.localCandidates().map((candidate) =>
      this.#additionOf(candidate)
    );
  }

  addRemoteCandidate(
    line: string,
    now: Instant,
  ): Result<Candidate, RemoteCandidateRefusal> {
    return this.agent.addRemoteCandidate(line, now);
  }

  withdrawRemoteCandidate(
    line: string,
    now: Instant,
  ): Result<Candidate, RemoteCandidateRefusal> {
    return this.agent.withdrawRemoteCandidate(line, now);
  }

  takeMessage(): boolean {
    return false;
  }

  noteData(): void {
    // Checks tell all there is to know.
  }

  setPace(pace: "active" | "idle", now: Instant): void {
    this.agent.setTiming(checkTiming(this.#role, pace), now);
  }

  handleTimeout(now: Instant): void {
    this.agent.handleTimeout(now);
  }

  pollTimeout(): Instant {
    return this.agent.pollTimeout();
  }

  pollTransmit(): FinderTransmit | undefined {
    const transmit = this.agent.pollTransmit();
    if (!transmit) return undefined;
    const { local, destination, payload } = transmit;
    const way = wayBetween(local.kind, local.base, destination);
    return { way, payload };
  }

  pollEvent(): FinderEvent | undefined {
    const event = this.agent.pollEvent();
    return event && this.#translate(event);
  }

  #translate(event: AgentEvent): FinderEvent {
    switch (event.kind) {
      case "local-candidate-added":
        return {
          kind: "candidate-added",
          signal: this.#additionOf(event.candidate),
        };
      case "local-candidate-withdrawn":
        return {
          kind: "candidate-withdrawn",
          signal: withdrawalOf(event.candidate),
        };
      case "path-selected": {
        const { local, remote } = event;
        const route = routeBetween(local.kind, local.base, remote);
        return { kind: "path-selected", route };
      }
      case "state-changed":
        return {
          kind: event.state === "disconnected" ? "hope-lost" : "hope-regained",
        };
    }
  }

  #additionOf(candidate: Candidate): CandidateSignal {
    const line = this.agent.formatAddition(candidate);
    const { priority } = candidate;
    return { key: keyOf(candidate), line, priority };
  }
}

/** Names no priority that was signalled before: receivers match by other things. */
function withdrawalOf(candidate: Candidate): CandidateSignal {
  const { kind, address, priority } = candidate;
  const line = formatInvalidation(kind, address);
  return { key: keyOf(candidate), line, priority };
}

function keyOf({ kind, address }: Candidate): string {
  return `${kind} ${formatSocketAddress(address)}`;
}
