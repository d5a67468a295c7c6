import { MIN_GAIN_MS, MIN_GAIN_SHARE } from "./constants.ts";
import { type PathCandidate, type PathKind, socketOf } from "./candidate.ts";

const KIND_RANK: Readonly<Record<PathKind, number>> = {
  host: 0,
  srflx: 1,
  relay: 2,
};
const KINDS = 3;

/**
 * Returns how good a pair is whatever its speed, p2p spec §3.6. Smaller is better.
 *
 * Both ends count: looked at from one end alone, relay to reflexive and relay
 * to relay are equal, and two nodes would change between them for ever.
 */
export function classOf(local: PathCandidate, remote: PathCandidate): number {
  const ours = KIND_RANK[local.kind];
  const theirs = KIND_RANK[remote.kind];
  const isOnlyTheirRelay = local.kind !== "relay" && remote.kind === "relay";
  const isMismatched = isCrossFamily(local) || isCrossFamily(remote);
  const isIpv4 = socketOf(local).ip.family === 4;

  let rank = Math.max(ours, theirs) * KINDS + Math.min(ours, theirs);
  for (const isWorse of [isOnlyTheirRelay, isMismatched, isIpv4]) {
    rank = rank * 2 + (isWorse ? 1 : 0);
  }
  return rank;
}

/** Tells whether a path of the same class is so much faster that changing to it is worth it, p2p spec §3.6. */
export function isWorthChanging(
  roundTripMs: number,
  primaryRoundTripMs: number,
): boolean {
  const gainMs = Math.max(MIN_GAIN_MS, primaryRoundTripMs * MIN_GAIN_SHARE);
  return roundTripMs + gainMs < primaryRoundTripMs;
}

/** Tells whether a relay candidate was allocated over the other family, for which its relay has to translate. */
function isCrossFamily({ kind, address, base }: PathCandidate): boolean {
  return kind === "relay" && base !== undefined &&
    base.ip.family !== address.ip.family;
}
