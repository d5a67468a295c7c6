import {
  equalSocketAddresses,
  fnv1a64,
  isUsableAddress,
  type SocketAddress,
} from "../base/mod.ts";
import {
  CANDIDATE_PREFIX,
  formatCandidateLine,
  parseCandidateFields,
} from "../wire/mod.ts";

/** How a candidate was learned. */
export type PathKind = "host" | "srflx" | "relay";

/** One way to reach a node. */
export interface PathCandidate {
  /** How it was learned. */
  readonly kind: PathKind;
  /** Where to send to. */
  readonly address: SocketAddress;
  /** The socket it was learned on; absent on host candidates, which are sockets themselves. */
  readonly base?: SocketAddress | undefined;
}

/** Priority in lines, p2p spec §3.4. A constant of the kind: paths are chosen by other things. */
export const PATH_PRIORITY: Readonly<Record<PathKind, number>> = {
  host: 2_130_706_431,
  srflx: 1_694_498_815,
  relay: 16_777_215,
};

/** The byte that stands for a kind in a foundation. */
const KIND_BYTE: Readonly<Record<PathKind, number>> = {
  host: 0,
  srflx: 1,
  relay: 2,
};

/** Reads a candidate line without ICE, p2p spec §3.4, or returns `undefined`. */
export function parsePathCandidate(line: string): PathCandidate | undefined {
  if (!line.startsWith(CANDIDATE_PREFIX)) return undefined;
  const fields = parseCandidateFields(line.slice(CANDIDATE_PREFIX.length));
  if (!fields) return undefined;
  const { kind, address, related } = fields;
  if (kind === "prflx") return undefined;
  if (kind === "host") return { kind, address };
  return related && isPossible({ kind, address, base: related })
    ? { kind, address, base: related }
    : undefined;
}

/** Returns the line of a candidate. An invalidation is the same line again. */
export function formatPathCandidate(candidate: PathCandidate): string {
  const { kind, address, base } = candidate;
  return formatCandidateLine(foundationOf(candidate), {
    kind,
    address,
    priority: PATH_PRIORITY[kind],
    ...(base && { related: base }),
  });
}

/** Tells whether a node can have this candidate. */
export function isPossible({ kind, address, base }: PathCandidate): boolean {
  if (!isUsableAddress(address)) return false;
  return kind !== "srflx" || base?.ip.family === address.ip.family;
}

/** Tells whether two candidates are the same: kind, address and base count. */
export function isSamePathCandidate(
  a: PathCandidate,
  b: PathCandidate,
): boolean {
  return a.kind === b.kind && equalSocketAddresses(a.address, b.address) &&
    (a.base && b.base
      ? equalSocketAddresses(a.base, b.base)
      : a.base === b.base);
}

/** Returns the address that packets of a candidate of ours leave from. */
export function socketOf(
  { kind, address, base }: PathCandidate,
): SocketAddress {
  return kind === "srflx" && base ? base : address;
}

/** p2p spec §3.4. Opaque to receivers. */
function foundationOf({ kind, address, base }: PathCandidate): string {
  const bytes = [KIND_BYTE[kind], ...addressBytes(address)];
  if (base) bytes.push(...addressBytes(base));
  return `${fnv1a64(bytes)}`;
}

function addressBytes({ ip, port }: SocketAddress): number[] {
  return [...ip.bytes, port >>> 8, port & 0xff];
}
