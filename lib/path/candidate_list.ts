import { equalSocketAddresses, type SocketAddress } from "../base/mod.ts";
import { isSamePathCandidate, type PathCandidate } from "./candidate.ts";

/** Candidates of one side. The oldest of a kind makes room for another one. */
export class CandidateList {
  readonly #limitPerKind: number;
  #candidates: PathCandidate[] = [];

  /** Creates an empty list. */
  constructor(limitPerKind: number) {
    this.#limitPerKind = limitPerKind;
  }

  /** All candidates, oldest first. */
  values(): readonly PathCandidate[] {
    return this.#candidates;
  }

  /** Tells whether there is a candidate with this address. */
  has(address: SocketAddress): boolean {
    return this.#candidates.some((candidate) =>
      equalSocketAddresses(candidate.address, address)
    );
  }

  /** Adds a candidate. Returns whether it was not known. */
  add(candidate: PathCandidate): boolean {
    if (
      this.#candidates.some((known) => isSamePathCandidate(known, candidate))
    ) {
      return false;
    }
    const { kind } = candidate;
    const ofKind = this.#candidates.filter((known) => known.kind === kind);
    if (ofKind.length >= this.#limitPerKind) this.#drop(ofKind[0]);
    this.#candidates.push(candidate);
    return true;
  }

  /** Removes a candidate. Returns whether it was known. */
  remove(candidate: PathCandidate): boolean {
    const known = this.#candidates.find((known) =>
      isSamePathCandidate(known, candidate)
    );
    this.#drop(known);
    return known !== undefined;
  }

  /** Removes the candidates with this address. */
  removeAt(address: SocketAddress): void {
    this.#candidates = this.#candidates.filter((known) =>
      !equalSocketAddresses(known.address, address)
    );
  }

  /** Removes all candidates. */
  clear(): void {
    this.#candidates = [];
  }

  #drop(candidate: PathCandidate | undefined): void {
    this.#candidates = this.#candidates.filter((known) => known !== candidate);
  }
}
