import { readU16 } from "../base/mod.ts";

/** Layout of the header in bytes, RFC 1035 §4.1.1. */
export const FLAGS = 2;
export const QUESTION_COUNT = 4;
export const ANSWER_COUNT = 6;
export const AUTHORITY_COUNT = 8;
export const ADDITIONAL_COUNT = 10;
export const HEADER_LENGTH = 12;

/** Bits of the flags, RFC 1035 §4.1.1. */
export const RESPONSE_FLAG = 0x8000;
export const TRUNCATED_FLAG = 0x0200;
export const RECURSION_DESIRED_FLAG = 0x0100;
export const RECURSION_AVAILABLE_FLAG = 0x0080;
export const OPCODE_MASK = 0x7800;
const RCODE_MASK = 0x000f;

/** Type and class after the name of a question. */
const QUESTION_TAIL = 4;

/** Type, class, TTL and length after the name of a record; the length is its last field. */
const RECORD_TAIL = 10;
const RECORD_LENGTH = 8;

/** Longest name on the wire with its final zero, RFC 1035 §2.3.4. */
const MAX_NAME_BYTES = 255;

/** The upper two bits of a length: both set for a pointer, RFC 1035 §4.1.4; the mixed values are reserved. */
const POINTER_MASK = 0xc0;

/** How a message travels. */
export type DnsTransport = "udp" | "tcp";

/** What header and question tell of a message. */
export interface DnsMessage {
  /** Ties an answer to its query. */
  readonly id: number;
  /** Whether it answers. */
  readonly isResponse: boolean;
  /** Whether records were left out for want of room. */
  readonly isTruncated: boolean;
  /** What became of the query. */
  readonly rcode: number;
  /**
   * The name asked for, in lower case and without final dot; the root is "".
   *
   * Bytes that are not letters, digits, `-` or `_` are escaped as `\ddd`, so
   * that no two names look alike, RFC 1035 §5.1. `*` stays as it is.
   */
  readonly name: string;
  /** The record type asked for. */
  readonly type: number;
  /** The class asked for. */
  readonly class: number;
  /** Where the question ends and the records begin. */
  readonly questionEnd: number;
}

/** Reads header and question, or returns `undefined` unless there is exactly one question. */
export function readMessage(bytes: Uint8Array): DnsMessage | undefined {
  if (bytes.length < HEADER_LENGTH) return undefined;
  if (readU16(bytes, QUESTION_COUNT) !== 1) return undefined;
  const nameEnd = skipName(bytes, HEADER_LENGTH);
  const questionEnd = nameEnd + QUESTION_TAIL;
  if (nameEnd < 0 || questionEnd > bytes.length) return undefined;
  const name = nameText(bytes, HEADER_LENGTH);
  if (name === undefined) return undefined;

  const flags = readU16(bytes, FLAGS);
  return {
    id: readU16(bytes, 0),
    isResponse: (flags & RESPONSE_FLAG) !== 0,
    isTruncated: (flags & TRUNCATED_FLAG) !== 0,
    rcode: flags & RCODE_MASK,
    name,
    type: readU16(bytes, nameEnd),
    class: readU16(bytes, nameEnd + 2),
    questionEnd,
  };
}

/**
 * Reads a query that may be served (data-plane spec §11), or returns `undefined`.
 *
 * It asks exactly one question, is no answer, and its answer section can be read.
 */
export function readQuery(bytes: Uint8Array): DnsMessage | undefined {
  const message = readMessage(bytes);
  if (!message || message.isResponse) return undefined;
  return hasReadableAnswers(bytes, message) ? message : undefined;
}

/** Tells whether `answer` is one to `query`: same ID, same question. Letters may differ in case. */
export function isAnswerTo(query: DnsMessage, answer: DnsMessage): boolean {
  return answer.isResponse && answer.id === query.id &&
    answer.name === query.name && answer.type === query.type &&
    answer.class === query.class;
}

/** Tells whether the records of the answer section lie within the message. */
export function hasReadableAnswers(
  bytes: Uint8Array,
  { questionEnd }: DnsMessage,
): boolean {
  let at = questionEnd;
  for (let left = readU16(bytes, ANSWER_COUNT); left > 0; left--) {
    const tail = skipName(bytes, at);
    if (tail < 0 || tail + RECORD_TAIL > bytes.length) return false;
    at = tail + RECORD_TAIL + readU16(bytes, tail + RECORD_LENGTH);
    if (at > bytes.length) return false;
  }
  return true;
}

/** Returns where the name at `at` ends, without following pointers, or -1 when it does not. */
function skipName(bytes: Uint8Array, at: number): number {
  const start = at;
  while (at < bytes.length) {
    const length = bytes[at]!;
    if (length === 0) return at + 1;
    if ((length & POINTER_MASK) === POINTER_MASK) {
      return at + 2 <= bytes.length ? at + 2 : -1;
    }
    if ((length & POINTER_MASK) !== 0) return -1;
    at += 1 + length;
    if (at - start >= MAX_NAME_BYTES) return -1;
  }
  return -1;
}

/** Reads a name whose end is known. A pointer has nothing to point to in a question: `undefined`. */
function nameText(bytes: Uint8Array, at: number): string | undefined {
  const labels: string[] = [];
  for (let length = bytes[at]!; length !== 0; length = bytes[at]!) {
    if ((length & POINTER_MASK) !== 0) return undefined;
    labels.push(labelText(bytes, at + 1, at + 1 + length));
    at += 1 + length;
  }
  return labels.join(".");
}

function labelText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) {
    const char = String.fromCharCode(bytes[i]!);
    text += /[-\w*]/.test(char)
      ? char.toLowerCase()
      : `\\${bytes[i]!.toString().padStart(3, "0")}`;
  }
  return text;
}
