import {
  after,
  type Instant,
  type IpAddress,
  NEVER,
  readU32LE,
  utf8,
  writeU32LE,
  writeU64LE,
} from "../base/mod.ts";
import { blake2s, blake2sMac, xaeadOpen, xaeadSeal } from "../crypto/mod.ts";
import { COOKIE_REPLY, wireguardMessageType } from "../wire/mod.ts";
import { COOKIE_VALID_MS, MAC_BYTES } from "./constants.ts";

const MAC1_LABEL = utf8("mac1----");
const COOKIE_LABEL = utf8("cookie--");
const SENDER = 4;
const ADDRESS_BYTES = 16;
const PERIOD_BYTES = 8;

/** What `HandshakeMacs` made of a cookie reply. */
export type CookieReplyVerdict =
  | "accepted"
  | "unexpected-cookie"
  | "forged-cookie";

/** Returns the key of mac1 in messages to the owner of `publicKey`. */
export function mac1KeyOf(publicKey: Uint8Array): Uint8Array {
  return blake2s(MAC1_LABEL, publicKey);
}

/** Returns the key under which the owner of `publicKey` seals its cookies. */
export function cookieKeyOf(publicKey: Uint8Array): Uint8Array {
  return blake2s(COOKIE_LABEL, publicKey);
}

/** Returns mac1 of a handshake message, whose last 32 bytes are mac1 and mac2. */
export function mac1Of(key: Uint8Array, message: Uint8Array): Uint8Array {
  const covered = message.subarray(0, message.length - 2 * MAC_BYTES);
  return blake2sMac(key, MAC_BYTES, covered);
}

/** Returns mac2 of a handshake message: it covers mac1 too. */
export function mac2Of(cookie: Uint8Array, message: Uint8Array): Uint8Array {
  const covered = message.subarray(0, message.length - MAC_BYTES);
  return blake2sMac(cookie, MAC_BYTES, covered);
}

/**
 * Returns the cookie of an address in the `period`-th time span of a node, p2p spec §5.8.
 *
 * The port takes no part, so that a NAT which changes it costs no handshake.
 */
export function cookieOf(
  secret: Uint8Array,
  period: number,
  source: IpAddress,
): Uint8Array {
  const bound = new Uint8Array(PERIOD_BYTES + ADDRESS_BYTES);
  writeU64LE(bound, 0, period);
  bound.set(source.bytes, PERIOD_BYTES);
  return blake2sMac(secret, MAC_BYTES, bound);
}

/** Builds the cookie reply to a handshake message. `nonce` is 24 random bytes. */
export function createCookieReply(
  cookieKey: Uint8Array,
  nonce: Uint8Array,
  cookie: Uint8Array,
  refused: Uint8Array,
): Uint8Array {
  const mac1At = refused.length - 2 * MAC_BYTES;
  const mac1 = refused.subarray(mac1At, mac1At + MAC_BYTES);

  const message = new Uint8Array(COOKIE_REPLY.LENGTH);
  writeU32LE(message, 0, COOKIE_REPLY.TYPE);
  writeU32LE(message, COOKIE_REPLY.RECEIVER, readU32LE(refused, SENDER));
  message.set(nonce, COOKIE_REPLY.NONCE);
  message.set(xaeadSeal(cookieKey, nonce, cookie, mac1), COOKIE_REPLY.COOKIE);
  return message;
}

/** Puts mac1 and mac2 on the handshake messages to one peer, and keeps the cookie that the peer gave us. */
export class HandshakeMacs {
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  #cookie: Uint8Array | undefined;
  #cookieAt: Instant = NEVER;
  #lastSealed:
    | { readonly index: number; readonly mac1: Uint8Array }
    | undefined;

  /** Prepares the keys of messages to the owner of `peerPublicKey`. */
  constructor(peerPublicKey: Uint8Array) {
    this.#mac1Key = mac1KeyOf(peerPublicKey);
    this.#cookieKey = cookieKeyOf(peerPublicKey);
  }

  /** Writes the last 32 bytes of a handshake message of ours. */
  seal(message: Uint8Array, now: Instant): void {
    const mac2At = message.length - MAC_BYTES;
    const mac1 = mac1Of(this.#mac1Key, message);
    message.set(mac1, mac2At - MAC_BYTES);
    this.#lastSealed = { index: readU32LE(message, SENDER), mac1 };

    const cookie = this.#validCookie(now);
    if (cookie) message.set(mac2Of(cookie, message), mac2At);
  }

  /** Takes the cookie out of a reply to the last message that was sealed. */
  handleReply(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): CookieReplyVerdict {
    const last = this.#lastSealed;
    if (
      !last ||
      wireguardMessageType(bytes, start, end) !== COOKIE_REPLY.TYPE ||
      readU32LE(bytes, start + COOKIE_REPLY.RECEIVER) !== last.index
    ) {
      return "unexpected-cookie";
    }
    const nonceAt = start + COOKIE_REPLY.NONCE;
    const cookieAt = start + COOKIE_REPLY.COOKIE;
    const nonce = bytes.slice(nonceAt, cookieAt);
    const sealed = bytes.slice(cookieAt, start + COOKIE_REPLY.LENGTH);
    const cookie = xaeadOpen(this.#cookieKey, nonce, sealed, last.mac1);
    if (!cookie) return "forged-cookie";

    this.#cookie = cookie;
    this.#cookieAt = now;
    return "accepted";
  }

  #validCookie(now: Instant): Uint8Array | undefined {
    if (now >= after(this.#cookieAt, COOKIE_VALID_MS)) this.#cookie = undefined;
    return this.#cookie;
  }
}
