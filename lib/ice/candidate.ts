import {
  equalSocketAddresses,
  formatIp,
  type IpAddress,
  ipFromBytes,
  parseIp,
  readU32,
  type SocketAddress,
} from "../base/mod.ts";
import { type CandidateKind, unadoptedPriority } from "./priority.ts";

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

/** Longest line that is looked at, in characters. Real ones stay below 200. */
const MAX_LINE_LENGTH = 512;

/** Position of each token of a line. The candidate type is followed by pairs of key and value. */
const FOUNDATION = 0;
const COMPONENT = 1;
const TRANSPORT = 2;
const PRIORITY = 3;
const ADDRESS = 4;
const PORT = 5;
const TYPE_KEY = 6;
const TYPE = 7;
const FIRST_EXTENSION = 8;

const MAX_PRIORITY = 0xffff_ffff;
const MAX_PORT = 0xffff;

/**
 * Reads a candidate line, p2p spec §2.2, or returns `undefined`.
 *
 * Unknown keys and any order of keys are accepted.
 * Deviation: the prefix `candidate:` may be absent, as other ICE
 * implementations print lines without it.
 */
export function parseCandidate(line: string): CandidateLine | undefined {
  if (line.length > MAX_LINE_LENGTH) return undefined;
  const tokens = line.trim().replace(/^candidate:/, "").split(/\s+/);
  if (tokens.length < FIRST_EXTENSION) return undefined;
  if (tokens[FOUNDATION] === "" || tokens[COMPONENT] !== "1") return undefined;
  if (tokens[TRANSPORT]?.toLowerCase() !== "udp") return undefined;
  if (tokens[TYPE_KEY] !== "typ") return undefined;

  const priority = parseNumber(tokens[PRIORITY], MAX_PRIORITY);
  const address = parseAddress(tokens[ADDRESS], tokens[PORT]);
  const kind = parseKind(tokens[TYPE]);
  const extensions = parseExtensions(tokens);
  if (priority === undefined || !address || !kind || !extensions) {
    return undefined;
  }
  if (!isUsableAddress(address)) return undefined;

  const { related, ufrag } = extensions;
  return {
    candidate: { kind, address, priority, ...(related && { related }) },
    ...(ufrag !== undefined && { ufrag }),
  };
}

/**
 * Returns the line of a candidate in the one token order that all peers understand, p2p spec §2.2.
 *
 * `ufrag` belongs on additions and is left out of invalidations.
 */
export function formatCandidate(candidate: Candidate, ufrag?: string): string {
  const { kind, address, priority, related } = candidate;
  const tokens = [
    `candidate:${foundationOf(candidate)}`,
    "1",
    "udp",
    `${priority}`,
    formatIp(address.ip),
    `${address.port}`,
    "typ",
    kind,
  ];
  if (related) {
    tokens.push("raddr", formatIp(related.ip), "rport", `${related.port}`);
  }
  if (ufrag !== undefined) tokens.push("ufrag", ufrag);
  return tokens.join(" ");
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

/** Tells whether packets may be sent to the address, p2p spec §2.1: it is neither IPv4 link-local nor broadcast, multicast or unspecified. */
export function isUsableAddress({ ip, port }: SocketAddress): boolean {
  if (port === 0) return false;
  return ip.family === 4 ? isUsableIpv4(ip) : isUsableIpv6(ip);
}

function isUsableIpv4({ bytes }: IpAddress): boolean {
  const number = readU32(bytes, 0);
  const isLinkLocal = number >>> 16 === 0xa9fe;
  const isMulticast = number >>> 28 === 0xe;
  return !isLinkLocal && !isMulticast && number !== 0 && number !== 0xffff_ffff;
}

function isUsableIpv6({ bytes }: IpAddress): boolean {
  const isMulticast = bytes[0] === 0xff;
  return !isMulticast && bytes.some((byte) => byte !== 0);
}

function parseExtensions(
  tokens: readonly string[],
): { related?: SocketAddress; ufrag?: string } | undefined {
  const values = new Map<string, string>();
  for (let i = FIRST_EXTENSION; i + 1 < tokens.length; i += 2) {
    values.set(tokens[i] ?? "", tokens[i + 1] ?? "");
  }
  const ufrag = values.get("ufrag");
  const named = ufrag === undefined ? {} : { ufrag };
  if (!values.has("raddr") || !values.has("rport")) return named;

  const related = parseAddress(values.get("raddr"), values.get("rport"));
  return related && { ...named, related };
}

function parseAddress(
  host: string | undefined,
  port: string | undefined,
): SocketAddress | undefined {
  const ip = parseIp(host ?? "");
  const number = parseNumber(port, MAX_PORT);
  return ip && number !== undefined ? { ip, port: number } : undefined;
}

function parseKind(text: string | undefined): CandidateKind | undefined {
  switch (text) {
    case "host":
    case "srflx":
    case "prflx":
    case "relay":
      return text;
    default:
      return undefined;
  }
}

function parseNumber(
  text: string | undefined,
  max: number,
): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const number = Number(text);
  return number <= max ? number : undefined;
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

/** FNV-1a, 64 bits. */
function fnv1a64(bytes: readonly number[]): bigint {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (const byte of bytes) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x0000_0100_0000_01b3n);
  }
  return hash;
}
