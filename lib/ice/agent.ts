import {
  earlier,
  elapsedMs,
  err,
  type Instant,
  instant,
  type Logger,
  NEVER,
  ok,
  Queue,
  randomBytes,
  type RandomSource,
  readU32,
  type Result,
  type SocketAddress,
  utf8,
} from "../base/mod.ts";
import { newTransactionId, verifyIntegrity } from "../stun/mod.ts";
import type { CandidateKind, StunView } from "../wire/mod.ts";
import type { AgentEvent, AgentState, AgentTransmit } from "./agent_event.ts";
import {
  type Candidate,
  formatCandidate,
  parseCandidate,
} from "./candidate.ts";
import type { CandidatePair, LocalCandidate } from "./candidate_pair.ts";
import { abandonedAfterMs, type CheckTiming } from "./check_schedule.ts";
import { Checklist } from "./checklist.ts";
import { encodeCheckRequest, encodeCheckResponse } from "./checks.ts";
import type { GatheredCandidate } from "./local_candidates.ts";
import { isOnPath, type Path } from "./pair_list.ts";
import { checkPriority, type IceRole } from "./priority.ts";
import type { PendingCheck, TransactionTable } from "./transaction_table.ts";

/** User name (ufrag) and password of one side of a connection. */
export interface IceCredentials {
  /** Tells connections of a node apart. */
  readonly username: string;
  /** Secret. Signs what is sent to this side and what this side answers. */
  readonly password: string;
}

/** What an `Agent` is made of. */
export interface AgentOptions {
  /** Which side it is. */
  readonly role: IceRole;
  /** Ours. */
  readonly localCredentials: IceCredentials;
  /** The peer's. */
  readonly remoteCredentials: IceCredentials;
  /** How often pairs are checked. */
  readonly timing: CheckTiming;
  /** The checks of all agents of the node. */
  readonly transactions: TransactionTable;
  /** Makes transaction ids and the tie-breaker. */
  readonly random: RandomSource;
  /** Where decisions are logged. */
  readonly log: Logger;
}

/** Why a remote candidate was not added. */
export type RemoteCandidateRefusal = "malformed-candidate" | "foreign-ufrag";

/** What became of a STUN message. */
export type CheckVerdict =
  | "accepted"
  | "wrong-username"
  | "wrong-integrity"
  | "not-a-local-candidate"
  | "withdrawn-remote"
  | "unexpected-use-candidate"
  | "pair-gone";

/** Most messages and events that wait to be polled. */
const QUEUE_LIMIT = 512;

/**
 * Finds and keeps the best path to one peer, p2p spec §2: a full ICE agent of either role.
 *
 * Candidates come in from the relays and, as lines, from the portal; checks
 * go out and come in; `path-selected` says where to send.
 */
export class Agent {
  /** Ours and the peer's user name, as the peer's requests carry them. */
  readonly username: string;
  readonly #role: IceRole;
  readonly #usernameBytes: Uint8Array;
  readonly #localUfrag: string;
  readonly #remoteUfrag: string;
  /** What our requests carry. */
  readonly #peerUsername: string;
  readonly #localKey: Uint8Array;
  readonly #remoteKey: Uint8Array;
  readonly #transactions: TransactionTable;
  readonly #random: RandomSource;
  readonly #log: Logger;
  readonly #tieBreaker: bigint;
  readonly #checklist: Checklist;
  readonly #transmits = new Queue<AgentTransmit>(QUEUE_LIMIT);
  readonly #events = new Queue<AgentEvent>(QUEUE_LIMIT);
  #state: AgentState = "checking";
  #dueAt: Instant = NEVER;
  /** Since when both sides check at the present pace. */
  #pacedSince: Instant = instant(-Infinity);
  /** The path last announced; it outlives its pair, so that the same path found again is no news. */
  #announced: Path | undefined;

  /** Creates an agent without candidates. */
  constructor(options: AgentOptions) {
    const { role, localCredentials, remoteCredentials } = options;
    this.#role = role;
    this.#localUfrag = localCredentials.username;
    this.#remoteUfrag = remoteCredentials.username;
    this.#localKey = utf8(localCredentials.password);
    this.#remoteKey = utf8(remoteCredentials.password);
    this.#transactions = options.transactions;
    this.#random = options.random;
    this.#log = options.log;
    this.#checklist = new Checklist(role, options.timing);
    this.#tieBreaker = randomU64(options.random);
    this.username = `${this.#localUfrag}:${this.#remoteUfrag}`;
    this.#usernameBytes = utf8(this.username);
    this.#peerUsername = `${this.#remoteUfrag}:${this.#localUfrag}`;
  }

  /** How far the search is. */
  get state(): AgentState {
    return this.#state;
  }

  /** Smoothed round-trip time of the selected path; `undefined` while none is selected or no check on it was answered. */
  get roundTripMs(): number | undefined {
    return this.#checklist.selected?.roundTripMs;
  }

  /** The number of pairs that are checked. */
  get pairCount(): number {
    return this.#checklist.pairs.size;
  }

  /** Returns the candidates of ours in use. */
  localCandidates(): LocalCandidate[] {
    return this.#checklist.locals();
  }

  /** Returns the candidates of the peer in use. */
  remoteCandidates(): Candidate[] {
    return this.#checklist.remotes();
  }

  /** Returns the line that tells the peer of a candidate of ours. */
  formatAddition(candidate: Candidate): string {
    return formatCandidate(candidate, this.#localUfrag);
  }

  /** Adds a candidate of ours. `local-candidate-added` follows unless another is as good. */
  addLocalCandidate(gathered: GatheredCandidate, now: Instant): void {
    const candidate = this.#checklist.addLocal(gathered, now);
    if (!candidate) return;
    this.#events.push({ kind: "local-candidate-added", candidate });
    this.#evaluate(now);
  }

  /** Withdraws a candidate of ours, and `local-candidate-withdrawn` follows. All pairs with it end at once. */
  withdrawLocalCandidate(
    kind: CandidateKind,
    address: SocketAddress,
    now: Instant,
  ): void {
    const candidate = this.#checklist.withdrawLocal(kind, address);
    if (!candidate) return;
    this.#events.push({ kind: "local-candidate-withdrawn", candidate });
    this.#evaluate(now);
  }

  /** Adds a candidate from the line that the peer signalled. Adding one again has no effect. */
  addRemoteCandidate(
    line: string,
    now: Instant,
  ): Result<Candidate, RemoteCandidateRefusal> {
    const parsed = parseCandidate(line);
    if (!parsed) return err("malformed-candidate");
    const isForeign = parsed.ufrag !== undefined &&
      parsed.ufrag !== this.#remoteUfrag;
    if (isForeign) return err("foreign-ufrag");

    this.#checklist.addRemote(parsed.candidate, now);
    this.#evaluate(now);
    return ok(parsed.candidate);
  }

  /** Withdraws the candidate that the line means. All pairs with it end at once. */
  withdrawRemoteCandidate(
    line: string,
    now: Instant,
  ): Result<Candidate, RemoteCandidateRefusal> {
    const parsed = parseCandidate(line);
    if (!parsed) return err("malformed-candidate");
    this.#checklist.withdrawRemote(parsed.candidate, now);
    this.#evaluate(now);
    return ok(parsed.candidate);
  }

  /** Switches to another pace of checks. */
  setTiming(timing: CheckTiming, now: Instant): void {
    if (timing === this.#checklist.timing) return;
    this.#checklist.timing = timing;
    this.#pacedSince = now;
    for (const pair of this.#checklist.pairs.values()) {
      pair.schedule.setTiming(timing, now);
    }
    this.#evaluate(now);
  }

  /** Handles a check from the peer, p2p spec §2.8. `local` is where it arrived. */
  handleRequest(
    stun: StunView,
    source: SocketAddress,
    local: SocketAddress,
    now: Instant,
  ): CheckVerdict {
    if (!stun.usernameIs(this.#usernameBytes)) return "wrong-username";
    if (!verifyIntegrity(stun, this.#localKey)) return "wrong-integrity";
    const receiver = this.#checklist.receiverAt(local);
    if (!receiver) return "not-a-local-candidate";
    if (this.#checklist.isWithdrawn(source)) return "withdrawn-remote";
    const nominates = stun.useCandidate;
    if (nominates && this.#role === "controlling") {
      return "unexpected-use-candidate";
    }

    const priority = stun.priority() ?? 0;
    const pair = this.#checklist.pairWith(receiver, source, priority, now);
    pair?.schedule.notePeerCheck(now);
    if (nominates && pair && !pair.nominated) {
      pair.nominated = true;
      pair.schedule.expedite(now);
    }
    this.#transmits.push({
      local: receiver,
      destination: source,
      payload: encodeCheckResponse(
        stun.transactionId(),
        source,
        this.#localKey,
      ),
    });
    this.#evaluate(now);
    return "accepted";
  }

  /** Handles the response to `check`, which the table of transactions found for it. */
  handleResponse(
    stun: StunView,
    check: PendingCheck,
    now: Instant,
  ): CheckVerdict {
    if (!verifyIntegrity(stun, this.#remoteKey)) return "wrong-integrity";
    this.#transactions.delete(check);
    const { pair, attempt } = check;
    if (!this.#checklist.pairs.has(pair)) return "pair-gone";

    pair.succeeded = true;
    pair.noteRoundTrip(elapsedMs(attempt.sentAt, now));
    pair.schedule.noteAnswered(attempt, now);
    this.#learnLocal(pair.local, stun.xorMapped(), now);
    this.#evaluate(now);
    return "accepted";
  }

  /** Sends what is due and gives up what is dead. */
  handleTimeout(now: Instant): void {
    const { pairs } = this.#checklist;
    pairs.remove((pair) => pair.schedule.isDead(now));
    if (pairs.values().some((pair) => pair.schedule.isDue(now))) {
      for (const pair of pairs.values()) {
        if (pair.schedule.mayJoin(now)) this.#sendCheck(pair, now);
      }
    }
    this.#evaluate(now);
  }

  /** When `handleTimeout` has something to do. */
  pollTimeout(): Instant {
    return this.#dueAt;
  }

  /** Returns the next message to send. */
  pollTransmit(): AgentTransmit | undefined {
    return this.#transmits.shift();
  }

  /** Returns the next event. */
  pollEvent(): AgentEvent | undefined {
    return this.#events.shift();
  }

  /**
   * Learns a peer-reflexive candidate from how the peer sees us.
   *
   * Deviation from RFC 8445 §7.2.5.3.1: not on a relay candidate. A relay that
   * sends from another address than it lends would make a candidate that
   * passes for a direct one and cannot be sent from; the pair works as it is.
   */
  #learnLocal(
    local: LocalCandidate,
    mapped: SocketAddress | undefined,
    now: Instant,
  ): void {
    if (!mapped || local.kind === "relay") return;
    this.#checklist.learnLocal(local.base, mapped, now);
  }

  #sendCheck(pair: CandidatePair, now: Instant): void {
    const { local, remote } = pair;
    const transactionId = newTransactionId(this.#random);
    const attempt = pair.schedule.noteSent(now);
    this.#transactions.add({ transactionId, agent: this, pair, attempt }, now);
    const payload = encodeCheckRequest({
      transactionId,
      username: this.#peerUsername,
      role: this.#role,
      tieBreaker: this.#tieBreaker,
      priority: checkPriority(local.localPreference),
      useCandidate: this.#role === "controlling" && pair.nominated,
    }, this.#remoteKey);
    this.#transmits.push({ local, destination: remote.address, payload });
  }

  /** Draws the conclusions from whatever changed. */
  #evaluate(now: Instant): void {
    this.#select(now);
    this.#dueAt = NEVER;
    for (const pair of this.#checklist.pairs.values()) {
      this.#dueAt = earlier(this.#dueAt, pair.schedule.dueAt);
    }
    this.#enter(this.#currentState());
  }

  /** The controlling side takes the best pair that works and nominates it; the controlled side the best that was nominated and is not abandoned. */
  #select(now: Instant): void {
    const { pairs } = this.#checklist;
    const pair = this.#role === "controlling"
      ? pairs.best((pair) => pair.succeeded)
      : this.#bestNominated();
    this.#checklist.selected = pair;
    if (!pair) return;
    if (this.#role === "controlling" && !pair.nominated) {
      pair.nominated = true;
      pair.schedule.expedite(now);
    }
    if (this.#announced && isOnPath(pair, this.#announced)) return;

    const { local, remote } = pair;
    this.#announced = { base: local.base, address: remote.address };
    this.#events.push({ kind: "path-selected", local, remote });
  }

  /**
   * Returns the best nominated pair that the peer still checks.
   *
   * Deviation: RFC 8445 and upstream take the best that exists. But the peer
   * checks every pair for life, so one that it checks no more while it goes on
   * with others is dead for it, 600 s before our own checks say so: the direct
   * path is blocked, an address is gone, or the peer has started over.
   */
  #bestNominated(): CandidatePair | undefined {
    const { pairs, timing } = this.#checklist;
    const silenceMs = abandonedAfterMs(timing);
    const checkedAt = (pair: CandidatePair): Instant =>
      later(pair.schedule.peerCheckedAt ?? this.#pacedSince, this.#pacedSince);
    let newest = instant(-Infinity);
    for (const pair of pairs.values()) {
      if (pair.nominated) newest = later(newest, checkedAt(pair));
    }
    return pairs.best((pair) =>
      pair.nominated && elapsedMs(checkedAt(pair), newest) <= silenceMs
    );
  }

  #currentState(): AgentState {
    let isNominated = false;
    let othersPossible = this.#checklist.isOneSided;
    for (const pair of this.#checklist.pairs.values()) {
      if (pair.nominated) isNominated = true;
      else othersPossible = true;
    }
    if (isNominated) return othersPossible ? "connected" : "completed";
    return othersPossible ? "checking" : "disconnected";
  }

  /** The only writer of `#state`. */
  #enter(state: AgentState): void {
    if (state === this.#state) return;
    this.#log.log("debug", "ICE state changed", {
      from: this.#state,
      to: state,
    });
    this.#state = state;
    this.#events.push({ kind: "state-changed", state });
  }
}

function later(a: Instant, b: Instant): Instant {
  return a > b ? a : b;
}

function randomU64(random: RandomSource): bigint {
  const bytes = randomBytes(random, 8);
  return (BigInt(readU32(bytes, 0)) << 32n) | BigInt(readU32(bytes, 4));
}
