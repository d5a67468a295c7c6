import type { Instant, SocketAddress } from "../base/mod.ts";
import type { CandidateKind } from "../wire/mod.ts";
import type { Candidate } from "./candidate.ts";
import type { CandidatePair, LocalCandidate } from "./candidate_pair.ts";
import type { CheckTiming } from "./check_schedule.ts";
import { type GatheredCandidate, LocalCandidates } from "./local_candidates.ts";
import { PairList } from "./pair_list.ts";
import type { IceRole } from "./priority.ts";
import { RemoteCandidates } from "./remote_candidates.ts";

/** The candidates of both sides and the pairs that follow from them, p2p spec §2.4 to §2.6. */
export class Checklist {
  /** The pair that must survive when room has to be made. */
  selected: CandidatePair | undefined;
  /** The pace of pairs to come. */
  timing: CheckTiming;
  readonly #locals = new LocalCandidates();
  readonly #remotes = new RemoteCandidates();
  readonly #pairs: PairList;

  /** Creates a list without candidates. */
  constructor(role: IceRole, timing: CheckTiming) {
    this.timing = timing;
    this.#pairs = new PairList(role);
  }

  /** Whether one side has never had a candidate. */
  get isOneSided(): boolean {
    return this.#locals.isEmpty || this.#remotes.isEmpty;
  }

  /** The pairs. */
  get pairs(): PairList {
    return this.#pairs;
  }

  /** Returns the candidates of ours in use. */
  locals(): LocalCandidate[] {
    return this.#locals.live();
  }

  /** Returns the candidates of the peer in use. */
  remotes(): Candidate[] {
    return this.#remotes.live();
  }

  /** Returns the candidate of ours that receives what is sent to `address`. */
  receiverAt(address: SocketAddress): LocalCandidate | undefined {
    return this.#locals.receiverAt(address);
  }

  /** Tells whether the peer has withdrawn the address. */
  isWithdrawn(address: SocketAddress): boolean {
    return this.#remotes.isWithdrawn(address);
  }

  /** Adds a candidate of ours. Returns it, or `undefined` when it is of no use. */
  addLocal(
    gathered: GatheredCandidate,
    now: Instant,
  ): LocalCandidate | undefined {
    const addition = this.#locals.add(
      gathered,
      (candidate) => candidate === this.selected?.local,
    );
    if (addition.outcome !== "added") return undefined;

    const { candidate, displaced } = addition;
    for (const remote of this.remotes()) this.#pair(candidate, remote, now);
    this.#pairs.remove((pair) => displaced.includes(pair.local));
    return candidate;
  }

  /** Makes a candidate of an address of ours that only the peer sees. */
  learnLocal(base: SocketAddress, mapped: SocketAddress, now: Instant): void {
    if (this.#locals.has(mapped)) return;
    this.addLocal({ kind: "prflx", address: mapped, base }, now);
  }

  /** Withdraws a candidate of ours and ends its pairs. Returns it, or `undefined` when it is not in use. */
  withdrawLocal(
    kind: CandidateKind,
    address: SocketAddress,
  ): LocalCandidate | undefined {
    const candidate = this.#locals.invalidate(kind, address);
    if (candidate) this.#pairs.remove((pair) => pair.local === candidate);
    return candidate;
  }

  /** Adds a candidate that the peer signalled, and the guesses that follow from it. */
  addRemote(candidate: Candidate, now: Instant): void {
    const isNews = this.#addOneRemote(candidate, now);
    if (!isNews) return;
    for (const guess of this.#remotes.optimistic()) {
      this.#addOneRemote(guess, now);
    }
  }

  /** Withdraws the candidates that an invalidation means, and ends their pairs. */
  withdrawRemote(candidate: Candidate, now: Instant): void {
    const withdrawn = this.#remotes.invalidate(candidate);
    this.#pairs.remove((pair) => withdrawn.includes(pair.remote));

    const twin = this.#remotes.at(candidate.address);
    if (twin) this.#pairWithAll(twin, now);
  }

  /** Returns the pair between a candidate of ours and an address, making it and, for an unknown address, a peer-reflexive candidate. */
  pairWith(
    local: LocalCandidate,
    address: SocketAddress,
    priority: number,
    now: Instant,
  ): CandidatePair | undefined {
    const remote = this.#remotes.at(address) ??
      this.#learnRemote(address, priority, now);
    const existing = this.#pairs.find(local.base, address);
    if (existing) return existing;
    this.#pair(local, remote, now);
    return this.#pairs.find(local.base, address);
  }

  #learnRemote(
    address: SocketAddress,
    priority: number,
    now: Instant,
  ): Candidate {
    const candidate: Candidate = { kind: "prflx", address, priority };
    const displaced = this.#remotes.addPeerReflexive(
      candidate,
      this.#isSelectedRemote,
    );
    this.#pairs.remove((pair) => displaced.includes(pair.remote));
    this.#pairWithAll(candidate, now);
    return candidate;
  }

  /** Returns whether the candidate was not known before. */
  #addOneRemote(candidate: Candidate, now: Instant): boolean {
    const addition = this.#remotes.add(candidate, this.#isSelectedRemote);
    switch (addition.outcome) {
      case "known":
        return false;
      case "replaced":
        this.#pairs.replaceRemote(addition.replaced, addition.candidate);
        break;
      case "added":
        this.#pairs.remove((pair) => addition.displaced.includes(pair.remote));
    }
    this.#pairWithAll(addition.candidate, now);
    return true;
  }

  #pairWithAll(remote: Candidate, now: Instant): void {
    for (const local of this.locals()) this.#pair(local, remote, now);
  }

  #pair(local: LocalCandidate, remote: Candidate, now: Instant): void {
    this.#pairs.form(local, remote, this.timing, now, this.selected);
  }

  readonly #isSelectedRemote = (candidate: Candidate): boolean =>
    candidate === this.selected?.remote;
}
