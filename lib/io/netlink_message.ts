import {
  concatBytes,
  readU16LE,
  readU32LE,
  utf8,
  writeU16LE,
  writeU32,
  writeU32LE,
} from "../base/mod.ts";

/**
 * Layout of `nlmsghdr`: total length, type, flags, sequence number, port.
 * Everything in netlink is in native byte order, and Deno runs on
 * little-endian machines only.
 */
const LENGTH = 0;
const TYPE = 4;
const FLAGS = 6;
const SEQUENCE = 8;

/** Length of the header, in bytes. */
export const NETLINK_HEADER_BYTES = 16;

/** Layout of an attribute: length that counts its header, type, data. */
const ATTRIBUTE_HEADER_BYTES = 4;
const ATTRIBUTE_TYPE = 2;
/** The two highest bits of an attribute's type are flags. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

/** Set in the type of an attribute that holds attributes. Netfilter wants it, rtnetlink does not care. */
export const NLA_F_NESTED = 0x8000;

const ALIGNMENT = 4;

/** A refusal, or with error 0 the acknowledgement. */
export const NLMSG_ERROR = 2;
/** The end of a dump. */
export const NLMSG_DONE = 3;

/** It is a request. */
export const NLM_F_REQUEST = 0x1;
/** An acknowledgement is wanted. */
export const NLM_F_ACK = 0x4;
/** All entries are wanted. */
export const NLM_F_DUMP = 0x300;
/** Refuse when the entry exists. */
export const NLM_F_EXCL = 0x200;
/** Create the entry when it does not exist. */
export const NLM_F_CREATE = 0x400;
/** Put the entry behind those that are there. */
export const NLM_F_APPEND = 0x800;

/** One attribute to send: its type and its data or nested attributes. */
export interface NetlinkAttribute {
  /** Number of the attribute in its message. */
  readonly type: number;
  /** Plain data, a 32-bit number, or attributes inside. */
  readonly value: Uint8Array | number | readonly NetlinkAttribute[];
}

/** What one request says: its type, flags, fixed part and attributes. */
export interface NetlinkRequest {
  /** `RTM_*`. */
  readonly type: number;
  /** `NLM_F_*` beside REQUEST and ACK. */
  readonly flags: number;
  /** The fixed struct of the type, such as `rtmsg`. Its length is a multiple of 4. */
  readonly body: Uint8Array;
  /** What follows it. */
  readonly attributes: readonly NetlinkAttribute[];
}

/** One received message; `body` is what follows the header. */
export interface NetlinkReply {
  /** `NLMSG_*` or `RTM_*`. */
  readonly type: number;
  /** Number of the request it answers. */
  readonly sequence: number;
  /** Fixed part and attributes. */
  readonly body: Uint8Array;
}

/** Encodes a request under a sequence number; it wants an acknowledgement unless told. */
export function encodeNetlink(
  request: NetlinkRequest,
  sequence: number,
  acknowledgement: number = NLM_F_ACK,
): Uint8Array<ArrayBuffer> {
  const attributes = encodeAttributes(request.attributes);
  const length = NETLINK_HEADER_BYTES + request.body.length + attributes.length;
  const bytes = new Uint8Array(length);
  writeU32LE(bytes, LENGTH, length);
  writeU16LE(bytes, TYPE, request.type);
  writeU16LE(bytes, FLAGS, request.flags | NLM_F_REQUEST | acknowledgement);
  writeU32LE(bytes, SEQUENCE, sequence);
  bytes.set(request.body, NETLINK_HEADER_BYTES);
  bytes.set(attributes, NETLINK_HEADER_BYTES + request.body.length);
  return bytes;
}

/** Splits what one read gave into messages. Stops at the first that does not fit. */
export function decodeNetlink(bytes: Uint8Array): NetlinkReply[] {
  const replies: NetlinkReply[] = [];
  let at = 0;
  while (at + NETLINK_HEADER_BYTES <= bytes.length) {
    const length = readU32LE(bytes, at + LENGTH);
    if (length < NETLINK_HEADER_BYTES || at + length > bytes.length) break;
    replies.push({
      type: readU16LE(bytes, at + TYPE),
      sequence: readU32LE(bytes, at + SEQUENCE),
      body: bytes.slice(at + NETLINK_HEADER_BYTES, at + length),
    });
    at += align(length);
  }
  return replies;
}

/** Returns the error number of an error or end message, 0 for success, `undefined` when there is none in it. */
export function netlinkError(reply: NetlinkReply): number | undefined {
  if (reply.body.length < 4) return undefined;
  return 0 - (readU32LE(reply.body, 0) | 0);
}

/** Finds the data of an attribute behind the first `fixedLength` bytes of a message. */
export function findAttribute(
  body: Uint8Array,
  fixedLength: number,
  type: number,
): Uint8Array | undefined {
  return listAttributes(body, fixedLength).find((it) => it.type === type)?.data;
}

/** Lists the attributes behind the first `fixedLength` bytes of a message, or inside an attribute. Stops at the first that does not fit. */
export function listAttributes(
  body: Uint8Array,
  fixedLength = 0,
): { readonly type: number; readonly data: Uint8Array }[] {
  const attributes = [];
  let at = fixedLength;
  while (at + ATTRIBUTE_HEADER_BYTES <= body.length) {
    const length = readU16LE(body, at);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > body.length) break;
    attributes.push({
      type: readU16LE(body, at + ATTRIBUTE_TYPE) & ATTRIBUTE_TYPE_MASK,
      data: body.slice(at + ATTRIBUTE_HEADER_BYTES, at + length),
    });
    at += align(length);
  }
  return attributes;
}

/** Encodes a number as an attribute's 32-bit data, or a field of a fixed part. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32LE(bytes, 0, value);
  return bytes;
}

/** Encodes a number as netfilter has them: 32 bits, big-endian. */
export function u32BigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value);
  return bytes;
}

/** Encodes a name: text with a zero behind it. */
export function zeroTerminated(text: string): Uint8Array {
  return utf8(`${text}\0`);
}

/** Reads text up to the zero behind it, or to the end. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function encodeAttributes(
  attributes: readonly NetlinkAttribute[],
): Uint8Array {
  return concatBytes(...attributes.map(encodeAttribute));
}

function encodeAttribute(attribute: NetlinkAttribute): Uint8Array {
  const data = attributeData(attribute.value);
  const length = ATTRIBUTE_HEADER_BYTES + data.length;
  const bytes = new Uint8Array(align(length));
  writeU16LE(bytes, 0, length);
  writeU16LE(bytes, ATTRIBUTE_TYPE, attribute.type);
  bytes.set(data, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

function attributeData(value: NetlinkAttribute["value"]): Uint8Array {
  if (typeof value === "number") return u32(value);
  return value instanceof Uint8Array ? value : encodeAttributes(value);
}

function align(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}
