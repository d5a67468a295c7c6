import {
  equalSocketAddresses,
  fnv1a64,
  ipFromBytes,
  readU32,
  type SocketAddress,
} from "../base/mod.ts";
import {
  CANDIDATE_PREFIX,
  type CandidateKind,
  formatCandidateLine,
  parseCandidateFields,
} from "../wire/mod.ts";
import { unadoptedPriority } from "./priority.ts";

/** One way to reach a node. */
export interface Candidate {
  /** How it was learned. */
  readonly kind: CandidateKind;
  /** Where to send to. */
  readonly address: SocketAddress;
  /** Greater is better. */
  readonly priority: number;
  /** The related address as signalled: a placeholder on srflx and relay candidates, absent on others. */
  readonly related?: SocketAddress;
}

/** A candidate line as it came. */
export interface CandidateLine {
  /** The candidate. */
  readonly candidate: Candidate;
  /** The sender's name for the connection; absent on invalidations. */
  readonly ufrag?: string;
}

/**
 * Reads a candidate line, p2p spec §2.2, or returns `undefined`.
 *
 * Deviation: the prefix `candidate:` may be absent, as other ICE
 * implementations print lines without it.
 */
export function parseCandidate(line: string): CandidateLine | undefined {
  const text = line.trim();
  const fields = parseCandidateFields(
    text.startsWith(CANDIDATE_PREFIX)
      ? text.slice(CANDIDATE_PREFIX.length)
      : text,
  );
  if (!fields) return undefined;
  const { ufrag, ...candidate } = fields;
  return { candidate, ...(ufrag !== undefined && { ufrag }) };
}

/**
 * Returns the line of a candidate.
 *
 * `ufrag` belongs on additions and is left out of invalidations.
 */
export function formatCandidate(candidate: Candidate, ufrag?: string): string {
  return formatCandidateLine(
    foundationOf(candidate),
    ufrag === undefined ? candidate : { ...candidate, ufrag },
  );
}

/** Returns the placeholder for the real related address, which is never told, or `undefined` for kinds that have none. */
export function placeholderFor(
  kind: CandidateKind,
  address: SocketAddress,
): SocketAddress | undefined {
  if (kind === "host" || kind === "prflx") return undefined;
  return { ip: ipFromBytes(new Uint8Array(address.ip.bytes.length)), port: 0 };
}

/** Returns the line that withdraws a candidate. Its priority and foundation differ from those of the addition; receivers match by address and kind. */
export function formatInvalidation(
  kind: CandidateKind,
  address: SocketAddress,
): string {
  const related = placeholderFor(kind, address);
  const priority = unadoptedPriority(kind, address.ip.family);
  return formatCandidate({
    kind,
    address,
    priority,
    ...(related && { related }),
  });
}

/** Tells whether an invalidation of `b` means `a`: address, kind and related address count, priority does not. */
export function isSameCandidate(a: Candidate, b: Candidate): boolean {
  return a.kind === b.kind && equalSocketAddresses(a.address, b.address) &&
    (a.related && b.related
      ? equalSocketAddresses(a.related, b.related)
      : a.related === b.related);
}

/** The form that deployed peers print: the priority's bytes reversed, in hex, and a hash. Opaque to receivers. */
function foundationOf(candidate: Candidate): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, candidate.priority, true);
  const head = readU32(bytes, 0).toString(16).padStart(8, "0");
  const hash = fnv1a64([
    candidate.kind.charCodeAt(0),
    ...candidate.address.ip.bytes,
    candidate.address.port >>> 8,
    candidate.address.port & 0xff,
  ]);
  return head + hash.toString(16).padStart(16, "0");
}
