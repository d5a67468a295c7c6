import {
  after,
  type Datagram,
  type Epoch,
  type Instant,
  parseSocketAddress,
  type RandomSource,
  type SocketAddress,
  type Transmit,
} from "../../lib/base/mod.ts";
import { x25519PublicKey } from "../../lib/crypto/mod.ts";
import { Handshaker } from "../../lib/wireguard/handshaker.ts";
import { wireguardMessageType } from "../../lib/wire/mod.ts";

/** What a storm of one client is made of. */
export interface StormSettings {
  readonly staticPrivateKey: Uint8Array;
  readonly gatewayPublicKey: Uint8Array;
  readonly presharedKey: Uint8Array;
  /** Where the gateway receives, such as `192.0.2.1:52625`. */
  readonly target: string;
}

/** After this time without an answer the next initiation follows, in ms. */
const PATIENCE_MS = 500;

const RESPONSE = 2;
const COOKIE_REPLY = 3;

/**
 * A client that renews its keys without end: whenever an initiation is answered, another one follows.
 *
 * It takes cookies, as it must, but completes nothing: only the gateway's work counts.
 */
export class Storm {
  /** How many initiations were answered. */
  answered = 0;
  readonly #handshaker: Handshaker;
  readonly #target: SocketAddress;
  readonly #localPort: number;
  #dueAt: Instant;

  constructor(
    settings: StormSettings,
    localPort: number,
    epoch: Epoch,
    random: RandomSource,
    now: Instant,
  ) {
    const target = parseSocketAddress(settings.target);
    if (!target) throw new TypeError(`Not a target: ${settings.target}`);
    this.#target = target;
    this.#localPort = localPort;
    this.#dueAt = now;
    this.#handshaker = new Handshaker({
      staticPrivateKey: settings.staticPrivateKey,
      staticPublicKey: x25519PublicKey(settings.staticPrivateKey),
      peerPublicKey: settings.gatewayPublicKey,
      presharedKey: settings.presharedKey,
      connectionId: localPort,
      epoch,
      random,
      answerWithinMs: PATIENCE_MS,
    });
  }

  get dueAt(): Instant {
    return this.#dueAt;
  }

  /** Takes what answers an initiation. Returns whether it was that. */
  handleDatagram({ bytes, start, end }: Datagram, now: Instant): boolean {
    switch (wireguardMessageType(bytes, start, end)) {
      case RESPONSE:
        this.answered++;
        this.#dueAt = now;
        return true;
      case COOKIE_REPLY: {
        const cookie = this.#handshaker.handleCookieReply(
          bytes,
          start,
          end,
          now,
        );
        if (cookie === "accepted") this.#dueAt = now;
        return true;
      }
      default:
        return false;
    }
  }

  /** Returns the next initiation if it is time for it. */
  poll(now: Instant): Transmit | undefined {
    if (now < this.#dueAt) return undefined;
    this.#dueAt = after(now, PATIENCE_MS);
    const payload = this.#handshaker.initiate(now);
    return payload && {
      source: null,
      localPort: this.#localPort,
      destination: this.#target,
      payload,
    };
  }
}
