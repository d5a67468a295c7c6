import type { IpFamily } from "../base/mod.ts";
import type { CandidateKind } from "../wire/mod.ts";

/** Which side of a connection an agent is: a client controls, a gateway is controlled. */
export type IceRole = "controlling" | "controlled";

/** Type preferences, p2p spec §2.3. The peer compares with its own, so they are part of the protocol. */
const TYPE_PREFERENCE: Readonly<Record<CandidateKind, number>> = {
  host: 126,
  prflx: 110,
  srflx: 100,
  relay: 2,
};

/** Local preference of the first IPv6 candidate of a kind; IPv4 starts one lower, p2p spec §2.3. */
const FIRST_LOCAL_PREFERENCE: Readonly<Record<CandidateKind, number>> = {
  host: 65_535,
  prflx: 49_151,
  srflx: 32_767,
  relay: 16_383,
};

/** Local preference of an IPv6 candidate that never went through an agent; IPv4 has one less. */
const UNADOPTED_LOCAL_PREFERENCE = 65_535;

/** What a relay candidate loses when its family is not the one its allocation was made over. Makes IPv4 over IPv4 beat IPv6 over IPv6. */
const CROSS_FAMILY_PENALTY = 1000;

/** The lowest byte of a priority: 256 minus the component, which is always 1. */
const COMPONENT_PART = 255;

/**
 * Returns the local preference of a candidate, p2p spec §2.3.
 *
 * `earlier` is how many local candidates of this kind and family were added
 * before it, invalidated ones included.
 *
 * Deviation: never below zero, where months of new allocations would take it.
 */
export function localPreference(
  kind: CandidateKind,
  family: IpFamily,
  earlier: number,
  crossFamily: boolean,
): number {
  const first = FIRST_LOCAL_PREFERENCE[kind] - (family === 4 ? 1 : 0);
  const penalty = kind === "relay" && crossFamily ? CROSS_FAMILY_PENALTY : 0;
  return Math.max(0, first - 2 * earlier - penalty);
}

/** Returns the priority of a candidate, RFC 8445 §5.1.2.1. */
export function candidatePriority(
  kind: CandidateKind,
  localPreference: number,
): number {
  return TYPE_PREFERENCE[kind] * 2 ** 24 + localPreference * 2 ** 8 +
    COMPONENT_PART;
}

/** Returns the priority of a candidate that never went through an agent, as in invalidations, p2p spec §2.3. */
export function unadoptedPriority(
  kind: CandidateKind,
  family: IpFamily,
): number {
  return candidatePriority(
    kind,
    UNADOPTED_LOCAL_PREFERENCE - (family === 4 ? 1 : 0),
  );
}

/** Returns the PRIORITY attribute of a check from a candidate with `localPreference`: the priority of the peer-reflexive candidate that it may reveal. */
export function checkPriority(localPreference: number): number {
  return candidatePriority("prflx", localPreference);
}

/** Returns the priority of a pair, RFC 8445 §6.1.2.3. 64 bits wide, hence a `bigint`. */
export function pairPriority(controlling: number, controlled: number): bigint {
  const smaller = BigInt(Math.min(controlling, controlled));
  const larger = BigInt(Math.max(controlling, controlled));
  return (smaller << 32n) + 2n * larger +
    (controlling > controlled ? 1n : 0n);
}
