import { Buffer } from "node:buffer";
// @ts-types="@types/dns-packet"
import * as dnsPacket from "dns-packet";
import {
  type IpAddress,
  type IpFamily,
  parseIp,
  readU16,
  writeU16,
} from "../base/mod.ts";
import {
  ADDITIONAL_COUNT,
  ANSWER_COUNT,
  AUTHORITY_COUNT,
  hasReadableAnswers,
  readMessage,
} from "./message.ts";

/** Records looked at. A name with more addresses has no use for the rest. */
const MAX_RECORDS = 256;

/** Aliases followed in one answer. Our own choice; real chains have a few. */
const MAX_ALIASES = 16;

/** Lives above this have the sign bit set and mean none, RFC 2181 §8. */
const MAX_TTL_SECONDS = 0x7fffffff;

/** What an answer says about the addresses of the name asked for. */
export interface AddressAnswer {
  /** The response code. */
  readonly rcode: number;
  /** The addresses of the family, at the end of the chain of aliases. */
  readonly addresses: readonly IpAddress[];
  /** Where the chain ends when it has no addresses: the name to ask for next. */
  readonly alias: string | undefined;
  /** The shortest life of the records used, in s; 0 when none were. */
  readonly ttlSeconds: number;
}

/**
 * Reads the addresses of `name` out of an answer, following its aliases.
 *
 * Returns `undefined` when the answer cannot be read. Records that belong to
 * other names do not count.
 */
export function readAddresses(
  bytes: Uint8Array,
  name: string,
  family: IpFamily,
): AddressAnswer | undefined {
  const message = readMessage(bytes);
  if (!message || !hasReadableAnswers(bytes, message)) return undefined;
  const records = answerRecords(bytes);
  if (!records) return undefined;

  const wanted = family === 4 ? "A" : "AAAA";
  const used: Record[] = [];
  let owner = name.toLowerCase();
  for (let left = MAX_ALIASES;; left--) {
    const own = records.filter((record) => record.owner === owner);
    const found = own.filter(({ type }) => type === wanted);
    const alias = own.find(({ type }) => type === "CNAME");
    if (found.length > 0 || !alias || left === 0) {
      used.push(...found);
      return {
        rcode: message.rcode,
        addresses: found.flatMap(({ data }) => parseIp(data) ?? []),
        alias: found.length > 0 || used.length === 0 ? undefined : owner,
        ttlSeconds: shortestLife(used),
      };
    }
    used.push(alias);
    owner = alias.data.toLowerCase();
  }
}

/** A record of a type that matters here. */
interface Record {
  readonly owner: string;
  readonly type: string;
  readonly ttlSeconds: number;
  readonly data: string;
}

/** Decodes the answer section, and that alone: what else a server adds cannot spoil it. */
function answerRecords(bytes: Uint8Array): Record[] | undefined {
  const message = Buffer.from(bytes);
  const count = Math.min(MAX_RECORDS, readU16(message, ANSWER_COUNT));
  writeU16(message, ANSWER_COUNT, count);
  writeU16(message, AUTHORITY_COUNT, 0);
  writeU16(message, ADDITIONAL_COUNT, 0);
  let decoded: dnsPacket.DecodedPacket;
  try {
    decoded = dnsPacket.decode(message);
  } catch {
    return undefined;
  }
  return (decoded.answers ?? []).flatMap((record) =>
    record.type === "A" || record.type === "AAAA" || record.type === "CNAME"
      ? {
        owner: record.name.toLowerCase(),
        type: record.type,
        ttlSeconds: record.ttl ?? 0,
        data: record.data,
      }
      : []
  );
}

function shortestLife(records: readonly Record[]): number {
  const lives = records.map(({ ttlSeconds }) => ttlSeconds);
  const shortest = lives.length === 0 ? 0 : Math.min(...lives);
  return shortest > MAX_TTL_SECONDS ? 0 : shortest;
}
