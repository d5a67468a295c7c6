import {
  elapsedMs,
  type Epoch,
  type Instant,
  randomBytes,
  type RandomSource,
  readU32LE,
  unixAt,
} from "../base/mod.ts";
import { x25519 } from "../crypto/mod.ts";
import { HANDSHAKE_RESPONSE, wireguardMessageType } from "../wire/mod.ts";
import { KEY_BYTES, TIMESTAMP_BYTES } from "./constants.ts";
import { type CookieReplyVerdict, HandshakeMacs } from "./cookie.ts";
import {
  createInitiation,
  createResponse,
  type HandshakeKeys,
  type OpenedInitiation,
  proveInitiation,
  readResponse,
  type SentInitiation,
} from "./handshake.ts";
import { Session } from "./session.ts";
import { isLaterTai64n, TimestampSource } from "./tai64n.ts";

const SESSION_IDS = 256;

/** Why a handshake message of the peer was refused. */
export type HandshakeRefusal =
  | "weak-key"
  | "forged-initiation"
  | "old-timestamp"
  | "unexpected-response"
  | "forged-response";

/** What a `Handshaker` is made of. */
export interface HandshakerOptions {
  /** Our static private key. */
  readonly staticPrivateKey: Uint8Array;
  /** Our static public key. */
  readonly staticPublicKey: Uint8Array;
  /** The peer's static public key. */
  readonly peerPublicKey: Uint8Array;
  /** 32 bytes; all zero when there is none. */
  readonly presharedKey: Uint8Array;
  /** 24 bits, unique in this node: the upper part of all our indices. */
  readonly connectionId: number;
  /** Ties `Instant` to the wall clock, for timestamps. */
  readonly epoch: Epoch;
  /** Makes ephemeral keys. */
  readonly random: RandomSource;
  /** For how long an initiation of ours may be answered, in ms. */
  readonly answerWithinMs: number;
}

/** An accepted initiation: what to answer, and the session that begins. */
export interface Response {
  /** The response. */
  readonly message: Uint8Array;
  /** Must not send before data arrived on it, p2p spec §5.4. */
  readonly session: Session;
}

/** An accepted response: the session that begins. */
export interface Completion {
  /** Ready to send and receive. */
  readonly session: Session;
  /** When the initiation that was answered was sent. */
  readonly initiatedAt: Instant;
}

interface Outstanding {
  readonly initiation: SentInitiation;
  readonly sentAt: Instant;
}

/** Makes and answers the handshake messages of one tunnel, in both roles, without timers. */
export class Handshaker {
  /** `undefined` if the peer's static key is a point of small order, and after `erase`. */
  #keys: HandshakeKeys | undefined;
  readonly #connectionId: number;
  readonly #epoch: Epoch;
  readonly #random: RandomSource;
  readonly #answerWithinMs: number;
  readonly #macs: HandshakeMacs;
  readonly #timestamps = new TimestampSource();
  #latestTimestamp = new Uint8Array(TIMESTAMP_BYTES);
  #sessionId = 0;
  #sessions = 0;
  #newest: Outstanding | undefined;
  #previous: Outstanding | undefined;

  /** Computes the secret of both static keys. */
  constructor(options: HandshakerOptions) {
    const { staticPrivateKey, staticPublicKey, peerPublicKey } = options;
    const staticShared = x25519(staticPrivateKey, peerPublicKey);
    this.#keys = staticShared && {
      own: { privateKey: staticPrivateKey, publicKey: staticPublicKey },
      peerPublicKey,
      staticShared,
      presharedKey: options.presharedKey.slice(),
    };
    this.#connectionId = options.connectionId;
    this.#epoch = options.epoch;
    this.#random = options.random;
    this.#answerWithinMs = options.answerWithinMs;
    this.#macs = new HandshakeMacs(peerPublicKey);
  }

  /**
   * Returns an initiation to send, or `undefined` if the peer's static key is a point of small order.
   *
   * The one before it may still be answered, older ones no longer.
   */
  initiate(now: Instant): Uint8Array | undefined {
    if (!this.#keys) return undefined;
    const initiation = createInitiation(
      this.#keys,
      this.#nextIndex(),
      this.#timestamps.next(unixAt(this.#epoch, now)),
      randomBytes(this.#random, KEY_BYTES),
    );
    if (!initiation) return undefined;

    eraseInitiation(this.#previous);
    this.#previous = this.#newest;
    this.#newest = { initiation, sentAt: now };
    this.#macs.seal(initiation.message, now);
    return initiation.message;
  }

  /** Answers an initiation of the peer. A refusal leaves everything as it was. */
  respond(
    opened: OpenedInitiation,
    now: Instant,
  ): Response | HandshakeRefusal {
    if (!this.#keys) return "weak-key";
    const proved = proveInitiation(opened, this.#keys.staticShared);
    if (!proved) return "forged-initiation";
    if (!isLaterTai64n(proved.timestamp, this.#latestTimestamp)) {
      return "old-timestamp";
    }
    const ephemeral = randomBytes(this.#random, KEY_BYTES);
    const index = this.#nextIndex();
    const response = createResponse(
      this.#keys,
      opened,
      proved,
      index,
      ephemeral,
    );
    ephemeral.fill(0);
    if (!response) return "weak-key";

    this.#latestTimestamp.set(proved.timestamp);
    this.#macs.seal(response.message, now);
    const session = new Session({
      isInitiator: false,
      ordinal: this.#sessions++,
      localIndex: index,
      remoteIndex: opened.senderIndex,
      keys: response.keys,
      now,
    });
    return { message: response.message, session };
  }

  /** Takes the response to one of our last two initiations. */
  complete(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): Completion | HandshakeRefusal {
    if (wireguardMessageType(bytes, start, end) !== HANDSHAKE_RESPONSE.TYPE) {
      return "unexpected-response";
    }
    const index = readU32LE(bytes, start + HANDSHAKE_RESPONSE.RECEIVER);
    const sent = this.#outstanding(index, now);
    if (!sent || !this.#keys) return "unexpected-response";
    const response = readResponse(this.#keys, sent.initiation, bytes, start);
    if (!response) return "forged-response";

    if (sent === this.#newest) this.#newest = undefined;
    eraseInitiation(this.#previous);
    this.#previous = undefined;
    eraseInitiation(sent);
    const session = new Session({
      isInitiator: true,
      ordinal: this.#sessions++,
      localIndex: index,
      remoteIndex: response.remoteIndex,
      keys: response.keys,
      now,
    });
    return { session, initiatedAt: sent.sentAt };
  }

  /** Takes a cookie for the messages to come. */
  handleCookieReply(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): CookieReplyVerdict {
    return this.#macs.handleReply(bytes, start, end, now);
  }

  /** Overwrites all secrets of this tunnel. Nothing can be sent or accepted afterwards. */
  erase(): void {
    eraseInitiation(this.#newest);
    eraseInitiation(this.#previous);
    this.#newest = undefined;
    this.#previous = undefined;
    this.#keys?.staticShared.fill(0);
    this.#keys?.presharedKey.fill(0);
    this.#keys = undefined;
  }

  #outstanding(index: number, now: Instant): Outstanding | undefined {
    for (const sent of [this.#newest, this.#previous]) {
      if (sent?.initiation.localIndex !== index) continue;
      const isTimely = elapsedMs(sent.sentAt, now) < this.#answerWithinMs;
      return isTimely ? sent : undefined;
    }
    return undefined;
  }

  /** Composes the index of the next handshake message, p2p spec §5.3. */
  #nextIndex(): number {
    this.#sessionId = (this.#sessionId + 1) % SESSION_IDS;
    return ((this.#connectionId << 8) | this.#sessionId) >>> 0;
  }
}

function eraseInitiation(sent: Outstanding | undefined): void {
  sent?.initiation.ephemeralPrivate.fill(0);
  sent?.initiation.state.erase();
}
