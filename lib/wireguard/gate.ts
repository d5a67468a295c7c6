import {
  Counters,
  elapsedMs,
  type Instant,
  type IpAddress,
  randomBytes,
  type RandomSource,
  TokenBucket,
} from "../base/mod.ts";
import { isBlake2sMac } from "../crypto/mod.ts";
import {
  HANDSHAKE_INITIATION,
  HANDSHAKE_RESPONSE,
  wireguardMessageType,
} from "../wire/mod.ts";
import {
  COOKIE_PERIOD_MS,
  COOKIE_REPLIES_PER_SECOND,
  HANDSHAKE_WINDOW_MS,
  HANDSHAKES_PER_WINDOW,
  KEY_BYTES,
  MAC_BYTES,
} from "./constants.ts";
import {
  cookieKeyOf,
  cookieOf,
  createCookieReply,
  mac1KeyOf,
} from "./cookie.ts";
import { FailureBudget } from "./failure_budget.ts";

const NONCE_BYTES = 24;

/** Why a handshake message does not pass. */
export type GateRefusal =
  | "not-a-handshake"
  | "wrong-mac1"
  /** The sender is told its cookie. */
  | "cookie-required"
  /** Too many others are being told theirs. */
  | "too-many-cookies"
  /** The sender has a cookie, and forged too much. */
  | "forging-source";

/** All of them, for their counters. */
export const GATE_REFUSALS: readonly GateRefusal[] = [
  "not-a-handshake",
  "wrong-mac1",
  "cookie-required",
  "too-many-cookies",
  "forging-source",
];

/** What became of a handshake message at the gate. */
export type GateVerdict = "ok" | GateRefusal;

/** Whoever sent a message. Its address is asked for only when it matters, because to make it costs an allocation. */
export interface Sender {
  /** Where the message came from; for a relayed one the peer behind the channel. */
  readonly source: { readonly ip: IpAddress };
}

/** What a `HandshakeGate` is made of. */
export interface HandshakeGateOptions {
  /** The node's static public key. */
  readonly staticPublicKey: Uint8Array;
  /** The current time. */
  readonly now: Instant;
  /** Makes the cookie secret and nonces. */
  readonly random: RandomSource;
}

/**
 * Guards a node's key agreements against floods, p2p spec §5.8. One per node, for all peers.
 *
 * A message must show by mac1 that its sender knows our public key. Above 100
 * such messages a second it must show by mac2 that it can receive at the
 * address it claims: a cookie, bound to that address, costs us no state.
 * Telling cookies has a limit, and so have forgeries from one address.
 */
export class HandshakeGate {
  /** How many messages did not pass, by reason. */
  readonly counters: Counters<GateRefusal> = new Counters(GATE_REFUSALS);
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  readonly #secret: Uint8Array;
  readonly #random: RandomSource;
  readonly #startedAt: Instant;
  readonly #replies = new TokenBucket(COOKIE_REPLIES_PER_SECOND);
  readonly #failures = new FailureBudget();
  #windowStartedAt: Instant;
  #handshakesInWindow = 0;
  #reply: Uint8Array | undefined;

  /** Creates the gate of the node that owns `staticPublicKey`. */
  constructor({ staticPublicKey, now, random }: HandshakeGateOptions) {
    this.#mac1Key = mac1KeyOf(staticPublicKey);
    this.#cookieKey = cookieKeyOf(staticPublicKey);
    this.#secret = randomBytes(random, KEY_BYTES);
    this.#random = random;
    this.#startedAt = now;
    this.#windowStartedAt = now;
  }

  /**
   * Decides whether the initiation or response in `[start, end)` may cost us a key agreement.
   *
   * What has no right mac1 costs no allocation. After `cookie-required` the
   * answer waits in `takeCookieReply`.
   */
  check(
    bytes: Uint8Array,
    start: number,
    end: number,
    sender: Sender,
    now: Instant,
  ): GateVerdict {
    this.#reply = undefined;
    const type = wireguardMessageType(bytes, start, end);
    if (
      type !== HANDSHAKE_INITIATION.TYPE && type !== HANDSHAKE_RESPONSE.TYPE
    ) {
      return this.#refuse("not-a-handshake");
    }
    const mac2At = end - MAC_BYTES;
    const mac1At = mac2At - MAC_BYTES;
    if (!isBlake2sMac(this.#mac1Key, bytes, start, mac1At, mac1At)) {
      return this.#refuse("wrong-mac1");
    }
    if (!this.#isUnderLoad(now)) return "ok";

    const source = sender.source.ip;
    const cookie = this.#cookieFor(source, now);
    if (isBlake2sMac(cookie, bytes, start, mac2At, mac2At)) {
      const isTrusted = this.#failures.allows(source, now);
      return isTrusted ? "ok" : this.#refuse("forging-source");
    }
    if (!this.#replies.take(now)) return this.#refuse("too-many-cookies");
    const nonce = randomBytes(this.#random, NONCE_BYTES);
    const message = bytes.slice(start, end);
    this.#reply = createCookieReply(this.#cookieKey, nonce, cookie, message);
    return this.#refuse("cookie-required");
  }

  /** Notes that a message which had passed was forged after all. */
  noteForgery(source: IpAddress, now: Instant): void {
    this.#failures.note(source, now);
  }

  /** Returns the answer to the message that was just refused for want of a cookie, once. */
  takeCookieReply(): Uint8Array | undefined {
    const reply = this.#reply;
    this.#reply = undefined;
    return reply;
  }

  #isUnderLoad(now: Instant): boolean {
    if (elapsedMs(this.#windowStartedAt, now) >= HANDSHAKE_WINDOW_MS) {
      this.#windowStartedAt = now;
      this.#handshakesInWindow = 0;
    }
    this.#handshakesInWindow++;
    return this.#handshakesInWindow > HANDSHAKES_PER_WINDOW;
  }

  #cookieFor(source: IpAddress, now: Instant): Uint8Array {
    const uptimeMs = elapsedMs(this.#startedAt, now);
    const period = Math.floor(uptimeMs / COOKIE_PERIOD_MS);
    return cookieOf(this.#secret, period, source);
  }

  #refuse(reason: GateRefusal): GateRefusal {
    this.counters.increment(reason);
    return reason;
  }
}
