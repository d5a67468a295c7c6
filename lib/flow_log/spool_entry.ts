import { type IngestTokenClaims, toHex, utf8 } from "../base/mod.ts";
import { crc32, sha256 } from "../crypto/mod.ts";
import { flowRecord } from "./record.ts";
import type { FlowReport } from "./report.ts";

/** Name of the file that holds the token of an authorization. */
export const TOKEN_FILE = "token";

const ENTRY_NAME = /^(\d{10,}-[0-9a-f]{16})\.(start|end)\.json$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Bytes of a hash in an entry's name, which tells flows of one second apart. */
const HASH_BYTES = 8;

/** Places of a Unix time in seconds at the start of an entry's name, so that names sort by time. */
const SECONDS_PLACES = 10;

/**
 * Returns the folder of an authorization below the root of the spool, or
 * `undefined` when its id is none: the portal says it, and it becomes a path.
 */
export function spoolFolder(
  { role, policyAuthorizationId }: Pick<
    IngestTokenClaims,
    "role" | "policyAuthorizationId"
  >,
): string | undefined {
  const isRole = role === "initiator" || role === "responder";
  if (!isRole || !isAuthorizationFolder(policyAuthorizationId)) {
    return undefined;
  }
  return `${role}/${policyAuthorizationId}`;
}

/** Tells whether a name is that of an authorization's folder. */
export function isAuthorizationFolder(name: string): boolean {
  return UUID.test(name);
}

/** Returns the name of a report's file. Both reports of a flow have the same but for their kind. */
export function entryName(report: FlowReport): string {
  const { flow_start, ...ends } = flowRecord({ ...report, kind: "open" });
  const { outers: _outers, ...identity } = ends;
  const hash = sha256(utf8(sortedJson({ flow_start, ...identity })));
  const seconds = String(Math.floor(report.startedAt / 1_000));
  const kind = report.kind === "open" ? "start" : "end";
  return `${seconds.padStart(SECONDS_PLACES, "0")}-${
    toHex(hash.subarray(0, HASH_BYTES))
  }.${kind}.json`;
}

/** Returns the content of a report's file: the record, and a checksum that shows whether it is whole. */
export function encodeEntry(report: FlowReport): string {
  const payload = sortedJson(flowRecord(report));
  return `{"checksum":${checksumOf(payload)},"payload":${payload}}`;
}

/** Returns the record in a report's file as JSON, or `undefined` when the file is damaged. */
export function decodeEntry(text: string): string | undefined {
  try {
    const { checksum, payload } = JSON.parse(text);
    if (typeof payload !== "object" || payload === null) return undefined;
    const record = sortedJson(payload);
    return checksumOf(record) === checksum ? record : undefined;
  } catch {
    return undefined;
  }
}

/** What one upload of an authorization holds. */
export interface BatchPlan {
  /** Names of the files to send, oldest first. */
  readonly send: readonly string[];
  /** Whether more wait behind them. */
  readonly hasMore: boolean;
}

/**
 * Chooses the files of one upload, oldest first, at most `limit`.
 *
 * The start of a flow is not sent apart once its end is there. `after` is the
 * last name of a batch that was refused: what lies behind it goes first, so
 * that a record that the portal never takes does not hold up all others.
 */
export function planBatch(
  names: readonly string[],
  limit: number,
  after = "",
): BatchPlan {
  const all = new Set(names);
  const due = names.filter((name) =>
    ENTRY_NAME.test(name) && !all.has(endOf(name))
  ).sort();
  const behind = due.filter((name) => name > after);
  const chosen = behind.length > 0 ? behind : due;
  return {
    send: chosen.slice(0, limit),
    hasMore: chosen.length > limit,
  };
}

/** Returns the files that are superfluous once `name` has been delivered. */
export function filesOfFlow(name: string): readonly string[] {
  return name.endsWith(".end.json")
    ? [name.replace(/\.end\.json$/, ".start.json"), name]
    : [name];
}

/** Returns the name of the end's file for the file of a start, and nothing for others. */
function endOf(name: string): string {
  return name.endsWith(".start.json")
    ? name.replace(/\.start\.json$/, ".end.json")
    : "";
}

function checksumOf(text: string): number {
  const bytes = utf8(text);
  return crc32(bytes, 0, bytes.length);
}

/** Returns compact JSON whose objects have their members in the order of the names. */
function sortedJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_name, member: unknown) => isObject(member) ? sorted(member) : member,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sorted(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).sort(([a], [b]) => a < b ? -1 : 1),
  );
}
