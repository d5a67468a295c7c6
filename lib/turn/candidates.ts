import {
  equalSocketAddresses,
  isUsableIp,
  type SocketAddress,
} from "../base/mod.ts";

/** An address at which we can be reached, as a relay shows it to us (p2p spec §2.1). */
export interface LocalCandidate {
  /** Our own address, our address behind a NAT, or an address on the relay. */
  readonly kind: "host" | "srflx" | "relay";
  /** Where a peer sends to. */
  readonly address: SocketAddress;
  /** Our own address that it belongs to. */
  readonly base: SocketAddress;
}

/**
 * The host and server-reflexive candidates that one relay has revealed, one of each kind and family.
 *
 * A changed address is a further candidate; the former one is not taken back (p2p spec §1.9).
 */
export class ReflexiveCandidates {
  readonly #current = new Map<string, LocalCandidate>();

  /** The latest of each kind and family. */
  list(): LocalCandidate[] {
    return [...this.#current.values()];
  }

  /** Takes up what a BINDING response says. Returns the candidates that were not known. */
  update(local: SocketAddress, mapped: SocketAddress): LocalCandidate[] {
    const revealed: LocalCandidate[] = [];
    if (isUsableIp(local.ip)) {
      revealed.push({ kind: "host", address: local, base: local });
      if (mapped.ip.family === local.ip.family && isUsableIp(mapped.ip)) {
        revealed.push({ kind: "srflx", address: mapped, base: local });
      }
    }
    return revealed.filter((candidate) => this.#replace(candidate));
  }

  #replace(candidate: LocalCandidate): boolean {
    const key = candidate.kind + candidate.address.ip.family;
    const known = this.#current.get(key);
    if (known && isSameCandidate(known, candidate)) return false;
    this.#current.set(key, candidate);
    return true;
  }
}

/** Makes the relay candidates of an allocation: at most one of each family. */
export function relayCandidates(
  relayed: readonly SocketAddress[],
  base: SocketAddress,
): LocalCandidate[] {
  const candidates: LocalCandidate[] = [];
  for (const family of [4, 6]) {
    const address = relayed.find(({ ip }) => ip.family === family);
    if (!address || !isUsableIp(address.ip)) continue;
    candidates.push({ kind: "relay", address, base });
  }
  return candidates;
}

function isSameCandidate(a: LocalCandidate, b: LocalCandidate): boolean {
  return equalSocketAddresses(a.address, b.address) &&
    equalSocketAddresses(a.base, b.base);
}
