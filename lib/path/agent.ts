import {
  earlier,
  err,
  type Instant,
  type Logger,
  NEVER,
  ok,
  Queue,
  type Result,
  type SocketAddress,
} from "../base/mod.ts";
import { encodePathProbe, PROBE_REQUEST } from "../wire/mod.ts";
import { parsePathCandidate, type PathCandidate } from "./candidate.ts";
import { Distress } from "./distress.ts";
import { endsOf, pairKey, type PathEnds, type PathPair } from "./pair.ts";
import { PairTable } from "./pair_table.ts";
import type { PairStanding } from "./probes.ts";
import { isWorthChanging } from "./score.ts";

/** Something to send on a path. */
export interface PathTransmit {
  /** `message` goes out as it is, `packet` through the tunnel. */
  readonly kind: "message" | "packet";
  /** The candidate to send from: its socket, through the relay if it is a relay candidate. */
  readonly local: PathCandidate;
  /** The peer's address. */
  readonly destination: SocketAddress;
  /** The bytes. */
  readonly payload: Uint8Array;
}

/** The path that packets are to take from here on. */
export interface SelectedPath {
  /** Our end. */
  readonly local: PathCandidate;
  /** The peer's end. */
  readonly remote: PathCandidate;
}

/** What became of the reply to a probe. */
export type ProbeReplyVerdict = "accepted" | "stale-probe";

/** Most transmits that wait to be polled. */
const TRANSMIT_LIMIT = 1_024;

/** Most selections that wait to be polled. */
const SELECTION_LIMIT = 64;

/**
 * Finds the best path of one connection without ICE, p2p spec §3.
 *
 * It decides for our direction only: the peer chooses where it sends. After
 * each call but `noteData` drain `pollTransmit` and `pollSelection`.
 */
export class PathAgent {
  readonly #log: Logger;
  readonly #table = new PairTable();
  readonly #distress = new Distress();
  readonly #transmits = new Queue<PathTransmit>(TRANSMIT_LIMIT);
  readonly #selections = new Queue<SelectedPath>(SELECTION_LIMIT);
  /** Whether the peer has ever proved itself. */
  #hasSession = false;
  /** Our latest initiation, until there is a session. */
  #initiation: Uint8Array | undefined;
  #primary: PathPair | undefined;
  #announced: SelectedPath | undefined;
  #dueAt: Instant = NEVER;

  /** Creates an agent without candidates. */
  constructor(options: { readonly log: Logger }) {
    this.#log = options.log;
  }

  /** The pair that handshakes and keepalives of ours take; `undefined` while in doubt. */
  get primary(): SelectedPath | undefined {
    return this.#primary;
  }

  /** Returns the candidates of ours. */
  localCandidates(): readonly PathCandidate[] {
    return this.#table.locals();
  }

  /** Returns the candidates of the peer. */
  remoteCandidates(): readonly PathCandidate[] {
    return this.#table.remotes();
  }

  /** Smoothed round-trip time of the primary; `undefined` while there is none or no probe on it was answered. */
  get roundTripMs(): number | undefined {
    return this.#primary?.probes.roundTripMs;
  }

  /** Adds a candidate of ours. Returns whether the peer is to be told. */
  addLocalCandidate(candidate: PathCandidate, now: Instant): boolean {
    const added = this.#table.addLocal(candidate);
    if (!added) return false;
    this.#begin(added, now);
    this.#startOver(now);
    return true;
  }

  /** Removes a candidate of ours. Returns whether the peer is to be told. */
  withdrawLocalCandidate(candidate: PathCandidate, now: Instant): boolean {
    const isKnown = this.#table.removeLocal(candidate);
    this.#handleLoss(now);
    return isKnown;
  }

  /** Forgets all candidates of ours, as when the node moved to another network. Candidates of the peer and the session stay. */
  forgetLocalCandidates(now: Instant): void {
    this.#table.clearLocals();
    this.#handleLoss(now);
  }

  /** Adds a candidate from the line that the peer signalled. Adding one again has no effect. */
  addRemoteCandidate(
    line: string,
    now: Instant,
  ): Result<PathCandidate, "malformed-candidate"> {
    const candidate = parsePathCandidate(line);
    if (!candidate) return err("malformed-candidate");
    const added = this.#table.addRemote(candidate);
    if (added) {
      this.#begin(added, now);
      this.#startOver(now);
    }
    return ok(candidate);
  }

  /** Removes the candidate that the line means. */
  withdrawRemoteCandidate(
    line: string,
    now: Instant,
  ): Result<PathCandidate, "malformed-candidate"> {
    const candidate = parsePathCandidate(line);
    if (!candidate) return err("malformed-candidate");
    this.#table.removeRemote(candidate);
    this.#handleLoss(now);
    return ok(candidate);
  }

  /** Takes note of an initiation of the peer that the tunnel accepted. The first one shows a path to begin with, later ones only doubt. */
  handleInitiation(arrival: PathEnds, now: Instant): void {
    this.#learnRemote(arrival.remote, now);
    if (!this.#hasSession) {
      this.#establish(now);
      const pair = this.#table.find(arrival);
      if (pair && !this.#primary) this.#select(pair);
    }
    if (this.#distress.notePeerInitiation()) this.#doubt(now);
    this.#reschedule();
  }

  /** Takes note of a response that the tunnel accepted. */
  handleResponse(arrival: PathEnds, now: Instant): void {
    this.#distress.noteResponse();
    if (!this.#hasSession) this.#establish(now);
    const pair = this.#table.find(arrival);
    const isBetter = pair &&
      (!this.#primary || pair.rank < this.#primary.rank);
    if (isBetter) this.#select(pair);
    this.#reschedule();
  }

  /** Sends an initiation of ours: on all relayed pairs until there is a session, then on the primary. */
  sendInitiation(message: Uint8Array, now: Instant): void {
    if (this.#hasSession) {
      this.sendMessage(message);
      if (this.#distress.noteOwnInitiation()) this.#doubt(now);
    } else {
      this.#initiation = message;
      for (const pair of this.#table.pairs()) this.#fanOut(pair, now);
    }
    this.#reschedule();
  }

  /** Sends a message of the tunnel on the primary. Without one it is lost. */
  sendMessage(message: Uint8Array): void {
    if (this.#primary) this.#transmit("message", this.#primary, message);
  }

  /** Takes note of a probe of the peer, which the caller answers on the path it came. */
  handleProbe(arrival: PathEnds, now: Instant): void {
    this.#learnRemote(arrival.remote, now);
    const pair = this.#table.find(arrival);
    const isSilent = pair && pair.probes.roundTripMs === undefined &&
      pair.probes.dueAt(this.#standingOf(pair)) === NEVER;
    if (isSilent && this.#hasSession) pair.probes.restart(now);
    this.#reschedule();
  }

  /** Takes the reply to a probe of ours, and selects the path that is best by what it shows. */
  handleProbeReply(
    arrival: PathEnds,
    identifier: number,
    sequence: number,
    now: Instant,
  ): ProbeReplyVerdict {
    const pair = this.#table.find(arrival);
    if (pair?.id !== identifier) return "stale-probe";
    if (!pair.probes.noteReply(sequence, now)) return "stale-probe";
    this.#selectBest();
    this.#reschedule();
    return "accepted";
  }

  /** Takes note of data of the peer, keepalives included. Allocates nothing. */
  noteData(): void {
    this.#distress.noteData();
  }

  /** Sends what is due. */
  handleTimeout(now: Instant): void {
    for (const pair of this.#table.pairs()) {
      if (now >= pair.probes.dueAt(this.#standingOf(pair))) {
        this.#probe(pair, now);
      }
      if (now >= pair.ladder.dueAt && this.#initiation) {
        pair.ladder.climb(now);
        this.#transmit("message", pair, this.#initiation);
      }
    }
    this.#reschedule();
  }

  /** When `handleTimeout` has something to do. */
  pollTimeout(): Instant {
    return this.#dueAt;
  }

  /** Returns the next thing to send. */
  pollTransmit(): PathTransmit | undefined {
    return this.#transmits.shift();
  }

  /** Returns the next path for all that is sent from here on. */
  pollSelection(): SelectedPath | undefined {
    return this.#selections.shift();
  }

  #establish(now: Instant): void {
    this.#hasSession = true;
    this.#initiation = undefined;
    for (const pair of this.#table.pairs()) {
      pair.ladder.stop();
      pair.probes.restart(now);
    }
  }

  #learnRemote(address: SocketAddress, now: Instant): void {
    this.#begin(this.#table.learnRemote(address, now), now);
    this.#handleLoss(now);
  }

  /** Puts pairs to use that have just come to be. */
  #begin(pairs: readonly PathPair[], now: Instant): void {
    for (const pair of pairs) {
      if (this.#hasSession) pair.probes.restart(now);
      else this.#fanOut(pair, now);
    }
  }

  #fanOut(pair: PathPair, now: Instant): void {
    if (!this.#initiation || !pair.isRelayed) return;
    this.#transmit("message", pair, this.#initiation);
    if (!pair.ladder.isStarted) pair.ladder.start(now);
  }

  #probe(pair: PathPair, now: Instant): void {
    const sequence = pair.probes.noteSent(now);
    const probe = encodePathProbe(PROBE_REQUEST, pair.id, sequence);
    this.#transmit("packet", pair, probe);
  }

  #transmit(
    kind: "message" | "packet",
    { local, remote }: SelectedPath,
    payload: Uint8Array,
  ): void {
    const destination = remote.address;
    this.#transmits.push({ kind, local, destination, payload });
  }

  /**
   * p2p spec §3.6: another pair only ever takes the place of the primary by being better.
   *
   * Deviation: or by being alive. The pair that brought the first initiation
   * becomes the primary before it was measured, and what comes in on it shows
   * nothing about the way out: a NAT that sends from another port for each
   * destination lets in what it does not let back.
   */
  #selectBest(): void {
    let best: PathPair | undefined;
    for (const pair of this.#table.pairs()) {
      if (pair.probes.roundTripMs === undefined) continue;
      if (!best || isBetter(pair, best)) best = pair;
    }
    if (best && this.#displacesPrimary(best)) this.#select(best);
  }

  #displacesPrimary(pair: PathPair): boolean {
    const primary = this.#primary;
    if (!primary || primary.probes.isSilent) return true;
    if (pair.rank !== primary.rank) return pair.rank < primary.rank;
    const roundTripMs = pair.probes.roundTripMs ?? Infinity;
    const primaryMs = primary.probes.roundTripMs;
    return primaryMs !== undefined && isWorthChanging(roundTripMs, primaryMs);
  }

  #select(pair: PathPair): void {
    this.#primary = pair;
    this.#distress.reset();
    if (this.#announced && isSamePath(this.#announced, pair)) return;
    const { local, remote } = pair;
    this.#announced = { local, remote };
    this.#selections.push(this.#announced);
    this.#log.log("debug", "Path selected", {
      local: local.kind,
      remote: remote.kind,
    });
  }

  #doubt(now: Instant): void {
    this.#log.log("debug", "Path in doubt");
    this.#startOver(now);
  }

  /** Starts over if the pair that was the primary is gone. */
  #handleLoss(now: Instant): void {
    if (this.#primary && !this.#table.has(this.#primary)) this.#startOver(now);
    else this.#reschedule();
  }

  /** Leaves the primary and measures all pairs again, p2p spec §3.7. What packets of applications take stays until another is found. */
  #startOver(now: Instant): void {
    const former = this.#primary;
    this.#primary = undefined;
    this.#distress.reset();
    if (this.#hasSession) {
      for (const pair of this.#table.pairs()) {
        if (pair === former) pair.probes.restart(now);
        else pair.probes.startOver(now);
      }
    }
    this.#reschedule();
  }

  #standingOf(pair: PathPair): PairStanding {
    if (!this.#primary) return "contender";
    return pair === this.#primary ? "primary" : "spare";
  }

  #reschedule(): void {
    this.#dueAt = NEVER;
    for (const pair of this.#table.pairs()) {
      const probeAt = pair.probes.dueAt(this.#standingOf(pair));
      this.#dueAt = earlier(this.#dueAt, earlier(probeAt, pair.ladder.dueAt));
    }
  }
}

function isBetter(a: PathPair, b: PathPair): boolean {
  if (a.rank !== b.rank) return a.rank < b.rank;
  const [msOfA, msOfB] = [a.probes.roundTripMs, b.probes.roundTripMs];
  return (msOfA ?? Infinity) < (msOfB ?? Infinity);
}

/** Tells whether packets leave, arrive and pass relays as before. */
function isSamePath(a: SelectedPath, b: SelectedPath): boolean {
  const isSameKind =
    (a.remote.kind === "relay") === (b.remote.kind === "relay");
  return isSameKind &&
    pairKey(endsOf(a.local, a.remote)) === pairKey(endsOf(b.local, b.remote));
}
