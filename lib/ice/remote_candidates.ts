import {
  equalSocketAddresses,
  formatSocketAddress,
  type SocketAddress,
} from "../base/mod.ts";
import { type Candidate, isSameCandidate } from "./candidate.ts";
import { unadoptedPriority } from "./priority.ts";

/** Most candidates kept, withdrawn ones included. When full, the oldest dispensable one makes room. */
const MAX_REMOTE_CANDIDATES = 128;

/** Most optimistic candidates that one addition brings forth, p2p spec §2.5. */
const MAX_OPTIMISTIC = 2;

/** What came of adding a remote candidate. */
export type RemoteAddition =
  | {
    readonly outcome: "added";
    /** The candidate that is in use from here on. */
    readonly candidate: Candidate;
    /** Candidates that are out of use because of this one. */
    readonly displaced: readonly Candidate[];
  }
  | {
    readonly outcome: "replaced";
    /** The candidate that is in use from here on. */
    readonly candidate: Candidate;
    /** The one in whose place it is. */
    readonly replaced: Candidate;
  }
  | { readonly outcome: "known" };

interface Entry {
  candidate: Candidate;
  live: boolean;
  /** Learned from a request, and not yet signalled by the peer. */
  temporary: boolean;
}

/** The candidates of the peer that one agent knows, p2p spec §2.4 and §2.5. */
export class RemoteCandidates {
  readonly #entries: Entry[] = [];

  /** Tells whether none was ever added. */
  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** Returns the candidates in use. */
  live(): Candidate[] {
    return this.#entries.filter((entry) => entry.live).map((entry) =>
      entry.candidate
    );
  }

  /**
   * Adds a candidate that the peer signalled, brings back one that it had withdrawn,
   * or gives a candidate learned from its requests its proper form.
   *
   * `isNeeded` names candidates that may not be forgotten to make room.
   */
  add(
    candidate: Candidate,
    isNeeded: (candidate: Candidate) => boolean,
  ): RemoteAddition {
    const same = this.#entries.find((entry) =>
      isSameCandidate(entry.candidate, candidate) &&
      entry.candidate.priority === candidate.priority
    );
    if (same?.live && !same.temporary) return { outcome: "known" };
    if (same && !same.live) {
      same.live = true;
      return { outcome: "added", candidate: same.candidate, displaced: [] };
    }
    const stopgap = this.#entries.find((entry) =>
      entry.temporary && entry.live &&
      equalSocketAddresses(entry.candidate.address, candidate.address)
    );
    if (stopgap) {
      const replaced = stopgap.candidate;
      stopgap.candidate = candidate;
      stopgap.temporary = false;
      return { outcome: "replaced", candidate, replaced };
    }
    const displaced = this.#push(candidate, false, isNeeded);
    return { outcome: "added", candidate, displaced };
  }

  /** Adds a candidate that a valid request revealed. Returns those forgotten to make room. */
  addPeerReflexive(
    candidate: Candidate,
    isNeeded: (candidate: Candidate) => boolean,
  ): readonly Candidate[] {
    return this.#push(candidate, true, isNeeded);
  }

  /** Takes all candidates out of use that an invalidation means, and returns them. */
  invalidate(candidate: Candidate): Candidate[] {
    const entries = this.#entries.filter((entry) =>
      entry.live && isSameCandidate(entry.candidate, candidate)
    );
    for (const entry of entries) entry.live = false;
    return entries.map((entry) => entry.candidate);
  }

  /** Returns the best candidate in use with this address. */
  at(address: SocketAddress): Candidate | undefined {
    let best: Candidate | undefined;
    for (const { candidate, live } of this.#entries) {
      if (!live || !equalSocketAddresses(candidate.address, address)) continue;
      if (!best || candidate.priority > best.priority) best = candidate;
    }
    return best;
  }

  /** Tells whether the address was withdrawn and not signalled again. */
  isWithdrawn(address: SocketAddress): boolean {
    return this.at(address) === undefined &&
      this.#entries.some(({ candidate }) =>
        equalSocketAddresses(candidate.address, address)
      );
  }

  /**
   * Returns guesses to add after an addition, p2p spec §2.5: the public IPv4
   * addresses of the peer with the ports of its sockets, for a peer behind a
   * symmetric NAT that forwards its port.
   */
  optimistic(): Candidate[] {
    const live = this.live().filter(({ address }) => address.ip.family === 4);
    const hosts = live.filter(({ kind }) => kind === "host");
    const known = new Set(
      this.#entries.map(({ candidate }) =>
        formatSocketAddress(candidate.address)
      ),
    );
    const guesses: Candidate[] = [];
    for (const { kind, address: { ip } } of live) {
      if (kind !== "srflx") continue;
      for (const { address: related } of hosts) {
        if (guesses.length === MAX_OPTIMISTIC) return guesses;
        const address = { ip, port: related.port };
        const text = formatSocketAddress(address);
        if (known.has(text)) continue;
        known.add(text);
        const priority = unadoptedPriority("srflx", 4);
        guesses.push({ kind, address, priority, related });
      }
    }
    return guesses;
  }

  #push(
    candidate: Candidate,
    temporary: boolean,
    isNeeded: (candidate: Candidate) => boolean,
  ): Candidate[] {
    const displaced = this.#makeRoom(isNeeded);
    this.#entries.push({ candidate, live: true, temporary });
    return displaced;
  }

  #makeRoom(isNeeded: (candidate: Candidate) => boolean): Candidate[] {
    if (this.#entries.length < MAX_REMOTE_CANDIDATES) return [];
    const withdrawn = this.#entries.findIndex((entry) => !entry.live);
    const spare = this.#entries.findIndex((entry) =>
      !isNeeded(entry.candidate)
    );
    const at = withdrawn >= 0 ? withdrawn : Math.max(0, spare);
    const [forgotten] = this.#entries.splice(at, 1);
    return forgotten?.live ? [forgotten.candidate] : [];
  }
}
