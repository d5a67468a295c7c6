import { Buffer } from "node:buffer";
// @ts-types="@types/dns-packet"
import * as dnsPacket from "dns-packet";
import { concatBytes, readU16, writeU16 } from "../base/mod.ts";
import {
  ADDITIONAL_COUNT,
  ANSWER_COUNT,
  AUTHORITY_COUNT,
  type DnsMessage,
  FLAGS,
  HEADER_LENGTH,
  OPCODE_MASK,
  QUESTION_COUNT,
  readMessage,
  RECURSION_AVAILABLE_FLAG,
  RECURSION_DESIRED_FLAG,
  RESPONSE_FLAG,
  TRUNCATED_FLAG,
} from "./message.ts";

/** Longest label and name in text form, RFC 1035 §2.3.4. */
const MAX_LABEL_LENGTH = 63;
const MAX_NAME_LENGTH = 253;

/** A name that points to that of the question, RFC 1035 §4.1.4. */
const QUESTION_POINTER = Uint8Array.of(0xc0, HEADER_LENGTH);

/** A record of a reply. Its name is the one asked for, its class the Internet's. */
export interface ReplyRecord {
  /** Its type. */
  readonly type: "A" | "AAAA" | "PTR";
  /** How long it may be kept. */
  readonly ttlSeconds: number;
  /** An address or a name in text form. */
  readonly data: string;
}

/** Tells whether `name` can be asked for: labels of 1 to 63 printable ASCII characters, at most 253 in all. */
export function isQueryableName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH &&
    name.split(".").every((label) =>
      label.length >= 1 && label.length <= MAX_LABEL_LENGTH &&
      /^[\x21-\x5b\x5d-\x7e]+$/.test(label)
    );
}

/** Writes a recursive query. The name has to be queryable. */
export function writeQuery(
  { id, name, type }: {
    readonly id: number;
    readonly name: string;
    readonly type: "A" | "AAAA";
  },
): Uint8Array {
  return plainBytes(dnsPacket.encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED_FLAG,
    questions: [{ name, type }],
  }));
}

/** Writes the reply to a query that was read: its question letter by letter, then the records. */
export function writeReply(
  query: Uint8Array,
  { questionEnd }: DnsMessage,
  rcode: number,
  records: readonly ReplyRecord[] = [],
): Uint8Array {
  const head = query.slice(0, questionEnd);
  const flags = readU16(query, FLAGS) & (OPCODE_MASK | RECURSION_DESIRED_FLAG);
  writeU16(
    head,
    FLAGS,
    flags | RESPONSE_FLAG | RECURSION_AVAILABLE_FLAG | rcode,
  );
  setRecordCounts(head, records.length);
  return concatBytes(head, ...records.map(recordBytes));
}

/** Returns `answer`, or if it is longer than `limit` its header and question with the sign that it was cut. */
export function truncateAnswer(answer: Uint8Array, limit: number): Uint8Array {
  if (answer.length <= limit) return answer;
  const end = readMessage(answer)?.questionEnd ?? HEADER_LENGTH;
  const cut = answer.slice(0, end);
  writeU16(cut, FLAGS, readU16(cut, FLAGS) | TRUNCATED_FLAG);
  if (end === HEADER_LENGTH) writeU16(cut, QUESTION_COUNT, 0);
  setRecordCounts(cut, 0);
  return cut;
}

/** Writes one record that is named by a pointer to the question. */
function recordBytes({ type, ttlSeconds, data }: ReplyRecord): Uint8Array {
  const answer = { name: ".", type, ttl: ttlSeconds, data };
  const alone = dnsPacket.encode({ answers: [answer] });
  return concatBytes(QUESTION_POINTER, alone.subarray(HEADER_LENGTH + 1));
}

function setRecordCounts(message: Uint8Array, answers: number): void {
  writeU16(message, ANSWER_COUNT, answers);
  writeU16(message, AUTHORITY_COUNT, 0);
  writeU16(message, ADDITIONAL_COUNT, 0);
}

/** A Node buffer compares unequal to the same bytes in an array of the language. */
function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
