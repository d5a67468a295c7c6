import {
  type IpFamily,
  ipFromBytes,
  readU16,
  readU32,
  type SocketAddress,
  utf8,
  writeU16,
  writeU32,
} from "../base/mod.ts";

/** Fixed first word of every STUN message, RFC 8489 §5. */
export const MAGIC_COOKIE = 0x2112_a442;

/** Attribute numbers of the IANA STUN registry, those that Firezone speaks (p2p spec §2.7, §4.1). */
export const ATTRIBUTE = {
  "username": 0x0006,
  "message-integrity": 0x0008,
  "error-code": 0x0009,
  "channel-number": 0x000c,
  "lifetime": 0x000d,
  "xor-peer-address": 0x0012,
  "realm": 0x0014,
  "nonce": 0x0015,
  "xor-relayed-address": 0x0016,
  "requested-address-family": 0x0017,
  "requested-transport": 0x0019,
  "xor-mapped-address": 0x0020,
  "priority": 0x0024,
  "use-candidate": 0x0025,
  "additional-address-family": 0x8000,
  "software": 0x8022,
  "fingerprint": 0x8028,
  "ice-controlled": 0x8029,
  "ice-controlling": 0x802a,
} as const;

/** Length of the type and length fields in front of each attribute value, in bytes. */
export const ATTRIBUTE_HEADER_LENGTH = 4;

/** One attribute as a value. Integrity and fingerprint are not here: `stun/` appends them. */
export type StunAttribute =
  | {
    readonly kind: "username" | "realm" | "nonce" | "software";
    readonly text: string;
  }
  | {
    readonly kind:
      | "xor-mapped-address"
      | "xor-peer-address"
      | "xor-relayed-address";
    readonly address: SocketAddress;
  }
  | {
    readonly kind: "requested-address-family" | "additional-address-family";
    readonly family: IpFamily;
  }
  | {
    readonly kind: "ice-controlled" | "ice-controlling";
    readonly tieBreaker: bigint;
  }
  | {
    readonly kind: "error-code";
    readonly code: number;
    readonly reason: string;
  }
  | { readonly kind: "channel-number"; readonly channel: number }
  | { readonly kind: "lifetime"; readonly seconds: number }
  | { readonly kind: "priority"; readonly priority: number }
  | { readonly kind: "requested-transport"; readonly protocol: number }
  | { readonly kind: "use-candidate" };

/** Number of bytes that `length` bytes take with their padding, RFC 8489 §14. */
export function paddedLength(length: number): number {
  return (length + 3) & ~3;
}

/** Returns the length of an attribute's value in bytes, without padding. */
export function attributeLength(attribute: StunAttribute): number {
  switch (attribute.kind) {
    case "username":
    case "realm":
    case "nonce":
    case "software":
      return utf8Length(attribute.text);
    case "xor-mapped-address":
    case "xor-peer-address":
    case "xor-relayed-address":
      return IP_IN_ADDRESS + attribute.address.ip.bytes.length;
    case "ice-controlled":
    case "ice-controlling":
      return 8;
    case "error-code":
      return REASON_IN_ERROR + utf8Length(attribute.reason);
    case "use-candidate":
      return 0;
    default:
      return 4;
  }
}

/**
 * Writes the value of an attribute to `at`, where all bytes are zero, as reserved bits stay.
 *
 * The message, whose header is written already, begins at the start of `bytes`.
 */
export function writeAttributeValue(
  bytes: Uint8Array,
  at: number,
  attribute: StunAttribute,
): void {
  switch (attribute.kind) {
    case "username":
    case "realm":
    case "nonce":
    case "software":
      return writeText(bytes, at, attribute.text);
    case "xor-mapped-address":
    case "xor-peer-address":
    case "xor-relayed-address":
      return writeXorAddress(bytes, at, attribute.address);
    case "requested-address-family":
    case "additional-address-family":
      bytes[at] = familyNumber(attribute.family);
      return;
    case "ice-controlled":
    case "ice-controlling":
      writeU32(bytes, at, Number(attribute.tieBreaker >> 32n));
      writeU32(bytes, at + 4, Number(attribute.tieBreaker & 0xffff_ffffn));
      return;
    case "error-code":
      bytes[at + 2] = Math.floor(attribute.code / 100);
      bytes[at + 3] = attribute.code % 100;
      return writeText(bytes, at + REASON_IN_ERROR, attribute.reason);
    case "channel-number":
      return writeU16(bytes, at, attribute.channel);
    case "lifetime":
      return writeU32(bytes, at, attribute.seconds);
    case "priority":
      return writeU32(bytes, at, attribute.priority);
    case "requested-transport":
      bytes[at] = attribute.protocol;
      return;
    case "use-candidate":
      return;
  }
}

/**
 * Reads a value of XOR-MAPPED-ADDRESS and its relatives, RFC 8489 §14.2.
 *
 * `messageStart` is the index of the message in `bytes`: an IPv6 address is
 * masked with its cookie and transaction id. Returns `undefined` when the
 * family is unknown or the length does not fit it.
 */
export function decodeXorAddress(
  bytes: Uint8Array,
  at: number,
  length: number,
  messageStart: number,
): SocketAddress | undefined {
  const ipLength = length < IP_IN_ADDRESS ? 0 : familyLength(bytes[at + 1]!);
  if (ipLength === 0 || length !== IP_IN_ADDRESS + ipLength) return undefined;

  const ip = new Uint8Array(ipLength);
  const mask = messageStart + COOKIE_IN_HEADER;
  for (let i = 0; i < ipLength; i++) {
    ip[i] = bytes[at + IP_IN_ADDRESS + i]! ^ bytes[mask + i]!;
  }
  const port = readU16(bytes, at + PORT_IN_ADDRESS) ^ (MAGIC_COOKIE >>> 16);
  return { ip: ipFromBytes(ip), port };
}

/** Reads a value of ERROR-CODE as a number such as 401, RFC 8489 §14.8. */
export function decodeErrorCode(
  bytes: Uint8Array,
  at: number,
  length: number,
): number | undefined {
  if (length < 4) return undefined;
  const hundreds = bytes[at + 2]! & 0x07;
  const rest = bytes[at + 3]!;
  return hundreds < 3 || hundreds > 6 || rest > 99
    ? undefined
    : hundreds * 100 + rest;
}

/** Reads a value of REQUESTED- or ADDITIONAL-ADDRESS-FAMILY, RFC 8656 §18.6. */
export function decodeFamily(
  bytes: Uint8Array,
  at: number,
  length: number,
): IpFamily | undefined {
  if (length !== 4) return undefined;
  if (bytes[at] === FAMILY_V4) return 4;
  return bytes[at] === FAMILY_V6 ? 6 : undefined;
}

/** Reads a 64-bit tie-breaker, RFC 8445 §16.1. */
export function decodeTieBreaker(
  bytes: Uint8Array,
  at: number,
  length: number,
): bigint | undefined {
  if (length !== 8) return undefined;
  return (BigInt(readU32(bytes, at)) << 32n) | BigInt(readU32(bytes, at + 4));
}

/** Address family numbers of STUN, RFC 8489 §14.1. */
const FAMILY_V4 = 0x01;
const FAMILY_V6 = 0x02;

/** Layout of an address value in bytes: one zero byte, family, port, IP. */
const PORT_IN_ADDRESS = 2;
const IP_IN_ADDRESS = 4;

const COOKIE_IN_HEADER = 4;

/** Where the reason begins in an ERROR-CODE value, in bytes. */
const REASON_IN_ERROR = 4;

const LAST_ASCII = 0x7f;

function familyLength(family: number): number {
  if (family === FAMILY_V4) return 4;
  return family === FAMILY_V6 ? 16 : 0;
}

function familyNumber(family: IpFamily): number {
  return family === 4 ? FAMILY_V4 : FAMILY_V6;
}

/** The mask is the cookie and the transaction id, as they lie in the header. */
function writeXorAddress(
  bytes: Uint8Array,
  at: number,
  { ip, port }: SocketAddress,
): void {
  bytes[at + 1] = familyNumber(ip.family);
  writeU16(bytes, at + PORT_IN_ADDRESS, port ^ (MAGIC_COOKIE >>> 16));
  const masked = at + IP_IN_ADDRESS;
  for (let i = 0; i < ip.bytes.length; i++) {
    bytes[masked + i] = ip.bytes[i]! ^ bytes[COOKIE_IN_HEADER + i]!;
  }
}

function utf8Length(text: string): number {
  return isAscii(text) ? text.length : utf8(text).length;
}

function writeText(bytes: Uint8Array, at: number, text: string): void {
  if (!isAscii(text)) return bytes.set(utf8(text), at);
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > LAST_ASCII) return false;
  }
  return true;
}
