import {
  formatIp,
  isUsableAddress,
  parseIp,
  type SocketAddress,
} from "../base/mod.ts";

/** What every candidate line starts with. */
export const CANDIDATE_PREFIX = "candidate:";

/** How a candidate was learned, as lines name it. */
export type CandidateKind = "host" | "srflx" | "prflx" | "relay";

/** The fields of a candidate line that both connection modes use. */
export interface CandidateFields {
  /** How it was learned. */
  readonly kind: CandidateKind;
  /** Where to send to. */
  readonly address: SocketAddress;
  /** Greater is better. */
  readonly priority: number;
  /** `raddr` and `rport`. */
  readonly related?: SocketAddress;
  /** The sender's name for the connection. */
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
 * Reads what follows `CANDIDATE_PREFIX` in a line, p2p spec §2.2, or returns `undefined`.
 *
 * Unknown keys and any order of keys are accepted, an address that packets
 * cannot be sent to is not.
 */
export function parseCandidateFields(
  text: string,
): CandidateFields | undefined {
  if (text.length > MAX_LINE_LENGTH) return undefined;
  const tokens = text.trimEnd().split(/\s+/);
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
  return { kind, address, priority, ...extensions };
}

/** Returns the line of a candidate in the one token order that all peers understand, p2p spec §2.2. */
export function formatCandidateLine(
  foundation: string,
  { kind, address, priority, related, ufrag }: CandidateFields,
): string {
  const tokens = [
    CANDIDATE_PREFIX + foundation,
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
