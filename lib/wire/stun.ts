import {
  EMPTY,
  type IpFamily,
  readU16,
  readU32,
  shortLivedBytes,
  type SocketAddress,
  writeU16,
  writeU32,
} from "../base/mod.ts";
import {
  ATTRIBUTE,
  ATTRIBUTE_HEADER_LENGTH,
  attributeLength,
  decodeErrorCode,
  decodeFamily,
  decodeTieBreaker,
  decodeXorAddress,
  MAGIC_COOKIE,
  paddedLength,
  type StunAttribute,
  writeAttributeValue,
} from "./stun_attributes.ts";

/** Methods of STUN and TURN that Firezone uses (p2p spec §4.1). */
export const STUN_METHOD = {
  binding: 0x001,
  allocate: 0x003,
  refresh: 0x004,
  createPermission: 0x008,
  channelBind: 0x009,
} as const;

/** What a message is within its transaction, RFC 8489 §5. */
export type StunClass = "request" | "indication" | "success" | "error";

/** Why bytes are not a STUN message. After `attribute-out-of-bounds` the header is good all the same. */
export type StunRefusal =
  | "too-short"
  | "not-stun"
  | "wrong-length"
  | "attribute-out-of-bounds";

/** A message to encode. */
export interface StunMessage {
  /** Request, indication, success or error. */
  readonly class: StunClass;
  /** One of `STUN_METHOD`, or any other 12-bit number. */
  readonly method: number;
  /** 12 bytes. */
  readonly transactionId: Uint8Array;
  /** In the order in which they are written. */
  readonly attributes: readonly StunAttribute[];
}

/** Length of the STUN header in bytes. */
export const STUN_HEADER_LENGTH = 20;

/** Length of a transaction id in bytes. */
export const TRANSACTION_ID_LENGTH = 12;

/** Encodes a message without integrity or fingerprint. All padding is zero. Behind it are `roomBytes` zero bytes that its length field does not count. */
export function encodeStun(
  message: StunMessage,
  roomBytes = 0,
): Uint8Array {
  const { transactionId, attributes } = message;
  let bodyLength = 0;
  for (const attribute of attributes) {
    const length = attributeLength(attribute);
    bodyLength += ATTRIBUTE_HEADER_LENGTH + paddedLength(length);
  }
  const bytes = shortLivedBytes(STUN_HEADER_LENGTH + bodyLength + roomBytes);
  writeU16(bytes, 0, encodeType(message.class, message.method));
  writeU16(bytes, LENGTH, bodyLength);
  writeU32(bytes, COOKIE, MAGIC_COOKIE);
  bytes.set(transactionId, TRANSACTION_ID);
  let at = STUN_HEADER_LENGTH;
  for (const attribute of attributes) {
    const length = attributeLength(attribute);
    writeU16(bytes, at, ATTRIBUTE[attribute.kind]);
    writeU16(bytes, at + 2, length);
    writeAttributeValue(bytes, at + ATTRIBUTE_HEADER_LENGTH, attribute);
    at += ATTRIBUTE_HEADER_LENGTH + paddedLength(length);
  }
  return bytes;
}

/**
 * A reusable, read-only window onto one STUN message.
 *
 * Getters of attributes return `undefined` when the attribute is absent or its
 * value is malformed. They see neither what follows MESSAGE-INTEGRITY
 * (p2p spec §2.8) nor a second attribute of the same kind, except where a list is returned.
 */
export class StunView {
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #signedEnd = 0;
  #integrityAt = -1;
  #refusal: StunRefusal | undefined;

  /**
   * Points the view at the datagram `[start, end)` of `bytes` (p2p spec §2.8).
   *
   * The getters are valid only after `true`, and only while `bytes` is unchanged.
   */
  attach(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#integrityAt = -1;
    this.#signedEnd = end;
    this.#refusal = headerRefusal(bytes, start, end) ?? this.#walk();
    return this.#refusal === undefined;
  }

  /** Why the last `attach` returned `false`. */
  get refusal(): StunRefusal | undefined {
    return this.#refusal;
  }

  /** The memory that holds the message. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Index of the first byte of the message. */
  get start(): number {
    return this.#start;
  }

  /** The 12-bit method. */
  get method(): number {
    const type = readU16(this.#bytes, this.#start);
    return (type & 0x000f) | ((type >> 1) & 0x0070) | ((type >> 2) & 0x0f80);
  }

  /** Request, indication, success or error. */
  get class(): StunClass {
    const type = readU16(this.#bytes, this.#start);
    if ((type & ERROR_BITS) === ERROR_BITS) return "error";
    if ((type & SUCCESS_BIT) !== 0) return "success";
    return (type & INDICATION_BIT) !== 0 ? "indication" : "request";
  }

  /** Returns a copy of the transaction id, for the time of the transaction. */
  transactionId(): Uint8Array {
    const id = shortLivedBytes(TRANSACTION_ID_LENGTH);
    const at = this.#start + TRANSACTION_ID;
    for (let i = 0; i < id.length; i++) id[i] = this.#bytes[at + i]!;
    return id;
  }

  /** Whether the message carries MESSAGE-INTEGRITY. Says nothing about its value. */
  get hasIntegrity(): boolean {
    return this.#integrityAt >= 0;
  }

  /** Index of the MESSAGE-INTEGRITY attribute's header in `bytes`, -1 when there is none. */
  get integrityAt(): number {
    return this.#integrityAt;
  }

  /** Length field of the MESSAGE-INTEGRITY attribute, which is 20 in a well-formed message. */
  get integrityLength(): number {
    return this.hasIntegrity ? readU16(this.#bytes, this.#integrityAt + 2) : 0;
  }

  /** USERNAME. */
  username(): string | undefined {
    return this.#text(ATTRIBUTE.username);
  }

  /** Whether USERNAME is there and has a colon with something behind it. Allocates nothing. */
  get namesTwoUsers(): boolean {
    const at = this.#find(ATTRIBUTE.username, this.#firstAttribute);
    if (at < 0) return false;
    const value = at + ATTRIBUTE_HEADER_LENGTH;
    const last = value + this.#lengthAt(at) - 1;
    for (let i = value; i < last; i++) {
      if (this.#bytes[i] === COLON) return true;
    }
    return false;
  }

  /** Tells whether USERNAME is `name` in UTF-8. Allocates nothing. */
  usernameIs(name: Uint8Array): boolean {
    const at = this.#find(ATTRIBUTE.username, this.#firstAttribute);
    if (at < 0 || this.#lengthAt(at) !== name.length) return false;
    const value = at + ATTRIBUTE_HEADER_LENGTH;
    for (let i = 0; i < name.length; i++) {
      if (this.#bytes[value + i] !== name[i]) return false;
    }
    return true;
  }

  /** REALM. */
  realm(): string | undefined {
    return this.#text(ATTRIBUTE.realm);
  }

  /** NONCE. */
  nonce(): string | undefined {
    return this.#text(ATTRIBUTE.nonce);
  }

  /** SOFTWARE. */
  software(): string | undefined {
    return this.#text(ATTRIBUTE.software);
  }

  /** ERROR-CODE as a number such as 401. */
  errorCode(): number | undefined {
    const at = this.#find(ATTRIBUTE["error-code"], this.#firstAttribute);
    return at < 0
      ? undefined
      : decodeErrorCode(this.#bytes, at + 4, this.#lengthAt(at));
  }

  /** XOR-MAPPED-ADDRESS. */
  xorMapped(): SocketAddress | undefined {
    return this.#address(ATTRIBUTE["xor-mapped-address"]);
  }

  /** XOR-PEER-ADDRESS. */
  xorPeer(): SocketAddress | undefined {
    return this.#address(ATTRIBUTE["xor-peer-address"]);
  }

  /** All well-formed XOR-RELAYED-ADDRESS attributes, in order. */
  xorRelayed(): SocketAddress[] {
    const found: SocketAddress[] = [];
    const type = ATTRIBUTE["xor-relayed-address"];
    let at = this.#find(type, this.#firstAttribute);
    while (at >= 0) {
      const address = this.#addressAt(at);
      if (address) found.push(address);
      at = this.#find(type, this.#after(at));
    }
    return found;
  }

  /** LIFETIME in seconds. */
  lifetime(): number | undefined {
    return this.#u32(ATTRIBUTE.lifetime);
  }

  /** PRIORITY of a peer-reflexive candidate, RFC 8445 §16.1. */
  priority(): number | undefined {
    return this.#u32(ATTRIBUTE.priority);
  }

  /** CHANNEL-NUMBER, if it is one that may be bound: 0x4000 to 0x7FFF. */
  channelNumber(): number | undefined {
    const word = this.#u32(ATTRIBUTE["channel-number"]);
    if (word === undefined) return undefined;
    const channel = word >>> 16;
    return channel >= LOWEST_CHANNEL && channel <= HIGHEST_CHANNEL
      ? channel
      : undefined;
  }

  /** REQUESTED-TRANSPORT, an IP protocol number; 17 is UDP. */
  requestedTransport(): number | undefined {
    const word = this.#u32(ATTRIBUTE["requested-transport"]);
    return word === undefined ? undefined : word >>> 24;
  }

  /** REQUESTED-ADDRESS-FAMILY. */
  requestedFamily(): IpFamily | undefined {
    return this.#family(ATTRIBUTE["requested-address-family"]);
  }

  /** ADDITIONAL-ADDRESS-FAMILY. */
  additionalFamily(): IpFamily | undefined {
    return this.#family(ATTRIBUTE["additional-address-family"]);
  }

  /** Whether USE-CANDIDATE is present. */
  get useCandidate(): boolean {
    return this.has("use-candidate");
  }

  /** Tie-breaker of ICE-CONTROLLING. */
  iceControlling(): bigint | undefined {
    return this.#tieBreaker(ATTRIBUTE["ice-controlling"]);
  }

  /** Tie-breaker of ICE-CONTROLLED. */
  iceControlled(): bigint | undefined {
    return this.#tieBreaker(ATTRIBUTE["ice-controlled"]);
  }

  /** Whether an attribute is present, well-formed or not. */
  has(kind: StunAttribute["kind"]): boolean {
    return this.#find(ATTRIBUTE[kind], this.#firstAttribute) >= 0;
  }

  /** Checks that every attribute lies within the message, and finds the first MESSAGE-INTEGRITY. */
  #walk(): StunRefusal | undefined {
    let at = this.#firstAttribute;
    while (at < this.#end) {
      if (this.#after(at) > this.#end) return "attribute-out-of-bounds";
      if (
        !this.hasIntegrity &&
        this.#typeAt(at) === ATTRIBUTE["message-integrity"]
      ) {
        this.#integrityAt = at;
        this.#signedEnd = at;
      }
      at = this.#after(at);
    }
    return undefined;
  }

  /** Index of the first attribute of `type` at or after the attribute at `from`, or -1. */
  #find(type: number, from: number): number {
    for (let at = from; at < this.#signedEnd; at = this.#after(at)) {
      if (this.#typeAt(at) === type) return at;
    }
    return -1;
  }

  #text(type: number): string | undefined {
    const at = this.#find(type, this.#firstAttribute);
    if (at < 0) return undefined;
    const value = at + ATTRIBUTE_HEADER_LENGTH;
    return decodeText(this.#bytes, value, value + this.#lengthAt(at));
  }

  #address(type: number): SocketAddress | undefined {
    const at = this.#find(type, this.#firstAttribute);
    return at < 0 ? undefined : this.#addressAt(at);
  }

  #addressAt(at: number): SocketAddress | undefined {
    const value = at + ATTRIBUTE_HEADER_LENGTH;
    return decodeXorAddress(
      this.#bytes,
      value,
      this.#lengthAt(at),
      this.#start,
    );
  }

  #u32(type: number): number | undefined {
    const at = this.#find(type, this.#firstAttribute);
    if (at < 0 || this.#lengthAt(at) !== 4) return undefined;
    return readU32(this.#bytes, at + ATTRIBUTE_HEADER_LENGTH);
  }

  #family(type: number): IpFamily | undefined {
    const at = this.#find(type, this.#firstAttribute);
    if (at < 0) return undefined;
    return decodeFamily(
      this.#bytes,
      at + ATTRIBUTE_HEADER_LENGTH,
      this.#lengthAt(at),
    );
  }

  #tieBreaker(type: number): bigint | undefined {
    const at = this.#find(type, this.#firstAttribute);
    if (at < 0) return undefined;
    return decodeTieBreaker(
      this.#bytes,
      at + ATTRIBUTE_HEADER_LENGTH,
      this.#lengthAt(at),
    );
  }

  get #firstAttribute(): number {
    return this.#start + STUN_HEADER_LENGTH;
  }

  #typeAt(at: number): number {
    return readU16(this.#bytes, at);
  }

  #lengthAt(at: number): number {
    return readU16(this.#bytes, at + 2);
  }

  /** Index behind the attribute at `at` and its padding. */
  #after(at: number): number {
    return at + ATTRIBUTE_HEADER_LENGTH + paddedLength(this.#lengthAt(at));
  }
}

/** Offsets in the header, in bytes, RFC 8489 §5. */
const LENGTH = 2;
const COOKIE = 4;
const TRANSACTION_ID = 8;

/** The class bits of the message type, RFC 8489 §5. */
const INDICATION_BIT = 0x0010;
const SUCCESS_BIT = 0x0100;
const ERROR_BITS = 0x0110;

/** Channel numbers that a CHANNEL-BIND may name (p2p spec §8.2). */
const LOWEST_CHANNEL = 0x4000;
const HIGHEST_CHANNEL = 0x7fff;

/** What separates the receiver's user name from the sender's. */
const COLON = 0x3a;

const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });
const LAST_ASCII = 0x7f;

/** Short ASCII, as nearly all text is, is read at a tenth of a decoder's cost. */
function decodeText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte > LAST_ASCII) return TEXT.decode(bytes.slice(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}

function headerRefusal(
  bytes: Uint8Array,
  start: number,
  end: number,
): StunRefusal | undefined {
  if (end - start < STUN_HEADER_LENGTH) return "too-short";
  if ((bytes[start]! & 0xc0) !== 0) return "not-stun";
  if (readU32(bytes, start + COOKIE) !== MAGIC_COOKIE) return "not-stun";
  const length = readU16(bytes, start + LENGTH);
  const actual = end - start - STUN_HEADER_LENGTH;
  return length % 4 !== 0 || length !== actual ? "wrong-length" : undefined;
}

function encodeType(kind: StunClass, method: number): number {
  const spread = (method & 0x00f) | ((method & 0x070) << 1) |
    ((method & 0xf80) << 2);
  switch (kind) {
    case "request":
      return spread;
    case "indication":
      return spread | INDICATION_BIT;
    case "success":
      return spread | SUCCESS_BIT;
    case "error":
      return spread | ERROR_BITS;
  }
}
