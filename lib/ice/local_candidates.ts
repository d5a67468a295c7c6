import {
  equalSocketAddresses,
  type IpFamily,
  isUsableAddress,
  type SocketAddress,
} from "../base/mod.ts";
import type { CandidateKind } from "../wire/mod.ts";
import { placeholderFor } from "./candidate.ts";
import type { LocalCandidate } from "./candidate_pair.ts";
import { candidatePriority, localPreference } from "./priority.ts";

/** Most candidates kept, withdrawn ones included. When full, the oldest dispensable one makes room. */
const MAX_LOCAL_CANDIDATES = 64;

/** A way to reach us, as it was gathered. */
export interface GatheredCandidate {
  /** How it was learned. */
  readonly kind: CandidateKind;
  /** Where peers send to. */
  readonly address: SocketAddress;
  /** The socket it was learned on. For a relay candidate the one that talks to the relay. */
  readonly base: SocketAddress;
}

/** What came of adding a local candidate. */
export type LocalAddition =
  | {
    readonly outcome: "added";
    readonly candidate: LocalCandidate;
    /** Candidates that are out of use because of this one. */
    readonly displaced: readonly LocalCandidate[];
  }
  | { readonly outcome: "redundant" | "unusable-address" };

interface Entry {
  readonly candidate: LocalCandidate;
  live: boolean;
}

/** The candidates of ours that one agent knows, p2p spec §2.4. */
export class LocalCandidates {
  #entries: Entry[] = [];
  readonly #added = new Map<string, number>();

  /** Tells whether none was ever added. */
  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** Returns the candidates in use. */
  live(): LocalCandidate[] {
    return this.#entries.filter((entry) => entry.live).map((entry) =>
      entry.candidate
    );
  }

  /**
   * Adds a candidate unless one with its address and base is as good.
   *
   * `isNeeded` names candidates that may not be forgotten to make room.
   */
  add(
    gathered: GatheredCandidate,
    isNeeded: (candidate: LocalCandidate) => boolean,
  ): LocalAddition {
    const { kind, address, base } = gathered;
    const sameFamily = address.ip.family === base.ip.family;
    if (!isUsableAddress(address)) return { outcome: "unusable-address" };
    if (kind === "srflx" && !sameFamily) return { outcome: "unusable-address" };

    const candidate = this.#adopt(gathered);
    const rival = this.#entries.find((entry) =>
      equalSocketAddresses(entry.candidate.address, candidate.address) &&
      equalSocketAddresses(entry.candidate.base, candidate.base)
    );
    if (rival && !rival.live && rival.candidate.kind === kind) {
      rival.live = true;
      return { outcome: "added", candidate: rival.candidate, displaced: [] };
    }
    if (rival?.live && candidate.priority < rival.candidate.priority) {
      return { outcome: "redundant" };
    }

    const displaced = this.#makeRoom(isNeeded);
    if (rival?.live) {
      rival.live = false;
      displaced.push(rival.candidate);
    }
    this.#entries.push({ candidate, live: true });
    this.#added.set(
      countKey(kind, address.ip.family),
      this.#addedBefore(kind, address.ip.family) + 1,
    );
    return { outcome: "added", candidate, displaced };
  }

  /** Takes a candidate out of use. Returns it, or `undefined` when it is not in use. */
  invalidate(
    kind: CandidateKind,
    address: SocketAddress,
  ): LocalCandidate | undefined {
    const entry = this.#entries.find(({ candidate, live }) =>
      live && candidate.kind === kind &&
      equalSocketAddresses(candidate.address, address)
    );
    if (!entry) return undefined;
    entry.live = false;
    return entry.candidate;
  }

  /** Returns the candidate that receives what is sent to `address`: a host or relay candidate. */
  receiverAt(address: SocketAddress): LocalCandidate | undefined {
    return this.#entries.find(({ candidate, live }) =>
      live && (candidate.kind === "host" || candidate.kind === "relay") &&
      equalSocketAddresses(candidate.address, address)
    )?.candidate;
  }

  /** Tells whether any candidate in use has this address. */
  has(address: SocketAddress): boolean {
    return this.#entries.some(({ candidate, live }) =>
      live && equalSocketAddresses(candidate.address, address)
    );
  }

  #adopt({ kind, address, base }: GatheredCandidate): LocalCandidate {
    const { family } = address.ip;
    const preference = localPreference(
      kind,
      family,
      this.#addedBefore(kind, family),
      family !== base.ip.family,
    );
    const related = placeholderFor(kind, address);
    return {
      kind,
      address,
      base: kind === "relay" ? address : base,
      localPreference: preference,
      priority: candidatePriority(kind, preference),
      ...(related && { related }),
    };
  }

  #addedBefore(kind: CandidateKind, family: IpFamily): number {
    return this.#added.get(countKey(kind, family)) ?? 0;
  }

  #makeRoom(
    isNeeded: (candidate: LocalCandidate) => boolean,
  ): LocalCandidate[] {
    if (this.#entries.length < MAX_LOCAL_CANDIDATES) return [];
    const withdrawn = this.#entries.findIndex((entry) => !entry.live);
    const spare = this.#entries.findIndex((entry) =>
      !isNeeded(entry.candidate)
    );
    const at = withdrawn >= 0 ? withdrawn : Math.max(0, spare);
    const [forgotten] = this.#entries.splice(at, 1);
    return forgotten?.live ? [forgotten.candidate] : [];
  }
}

function countKey(kind: CandidateKind, family: IpFamily): string {
  return `${kind}/${family}`;
}
