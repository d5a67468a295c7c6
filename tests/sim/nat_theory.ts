import type { NatBehaviour } from "./nat.ts";

/** Where an end is on the IPv4 internet: behind a NAT, or on it without one. */
export type Place = NatBehaviour | undefined;

/**
 * Tells whether two ends with the help of a relay find a direct IPv4 path.
 *
 * Each end knows one outside address of the other: the one that the relay
 * sees, S. Both keep sending to the other's S. A path exists if what one of
 * them sends arrives and the answer to it arrives as well, for then both know
 * an address that works, whoever signalled it.
 *
 * IPv6 is not translated, so S is where the other end really is, and both
 * filters are opened from inside: there a direct path always exists.
 */
export function findsDirectPath(a: Place, b: Place): boolean {
  return opensPath(a, b) || opensPath(b, a);
}

/**
 * Tells whether two ends without ICE find a direct IPv4 path.
 *
 * They measure a path by an answer from the very address that was probed. When
 * both mappings depend on the other end's port, every probe and every answer
 * comes from a port of its own, and no address is ever both sides' at once.
 */
export function findsDirectPathByProbes(a: Place, b: Place): boolean {
  const isRestless = [a, b].every((place) =>
    place?.mapping === "address-and-port-dependent"
  );
  return !isRestless && findsDirectPath(a, b);
}

/** Tells whether what `from` sends to S of `to` arrives, and its answer too. */
function opensPath(from: Place, to: Place): boolean {
  if (!isStable(to)) {
    // S of `to` is its mapping for the relay; towards `from` it has another.
    // So nothing that it sends opens S, and its answer comes from elsewhere:
    // the same address but another port.
    return isOpen(to) && from?.filtering !== "address-and-port-dependent";
  }
  // S of `to` is also where it sends from, towards S of `from`. That opens S
  // for the address of `from`, and for its port if that is the port of its S.
  const sendsFromS = isStable(from);
  return isOpen(to) || to?.filtering === "address-dependent" || sendsFromS;
}

function isStable(place: Place): boolean {
  return !place || place.mapping === "endpoint-independent";
}

function isOpen(place: Place): boolean {
  return !place || place.filtering === "endpoint-independent";
}
