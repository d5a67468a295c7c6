import type { Instant, SocketAddress } from "../base/mod.ts";
import type { Candidate } from "./candidate.ts";
import { CheckSchedule, type CheckTiming } from "./check_schedule.ts";
import { type IceRole, pairPriority } from "./priority.ts";

/** A candidate of ours. */
export interface LocalCandidate extends Candidate {
  /** What packets are sent from: the socket's address, or the relayed address of a relay candidate. */
  readonly base: SocketAddress;
  /** The part of the priority that orders candidates of one kind. */
  readonly localPreference: number;
}

/** A local and a remote candidate between which packets may pass. */
export class CandidatePair {
  /** When it is checked. */
  readonly schedule: CheckSchedule;
  /** Whether one of our checks was answered. */
  succeeded = false;
  /** Whether the controlling side has named it for use. */
  nominated = false;
  readonly #role: IceRole;
  #roundTripMs: number | undefined;
  #local: LocalCandidate;
  #remote: Candidate;
  #priority: bigint;

  /** Creates a pair that is checked at once. */
  constructor(
    role: IceRole,
    local: LocalCandidate,
    remote: Candidate,
    timing: CheckTiming,
    now: Instant,
  ) {
    this.schedule = new CheckSchedule(timing, now);
    this.#role = role;
    this.#local = local;
    this.#remote = remote;
    this.#priority = priorityOf(role, local, remote);
  }

  /** Our end. */
  get local(): LocalCandidate {
    return this.#local;
  }

  /** The peer's end. */
  get remote(): Candidate {
    return this.#remote;
  }

  /** 64 bits; both sides compute the same. */
  get priority(): bigint {
    return this.#priority;
  }

  /** Smoothed round-trip time; `undefined` while no check was answered. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Notes how long an answer took. Half of what is known stays: checks are rare. */
  noteRoundTrip(sampleMs: number): void {
    this.#roundTripMs = this.#roundTripMs === undefined
      ? sampleMs
      : (this.#roundTripMs + sampleMs) / 2;
  }

  /** Puts other candidates with the same addresses in place. What was learned about the path stays. */
  replaceEnds(local: LocalCandidate, remote: Candidate): void {
    this.#local = local;
    this.#remote = remote;
    this.#priority = priorityOf(this.#role, local, remote);
  }
}

/** Returns the priority that a pair of the two would have. */
export function priorityOf(
  role: IceRole,
  local: Candidate,
  remote: Candidate,
): bigint {
  return role === "controlling"
    ? pairPriority(local.priority, remote.priority)
    : pairPriority(remote.priority, local.priority);
}
