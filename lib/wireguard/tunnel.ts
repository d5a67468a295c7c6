import {
  assert,
  Counters,
  earlier,
  elapsedMs,
  type Epoch,
  type Instant,
  type Logger,
  MAX_PACKET_BYTES,
  NEVER,
  Queue,
  type RandomSource,
  readU32LE,
} from "../base/mod.ts";
import type { PacketCipher } from "../crypto/mod.ts";
import { DATA_MESSAGE, wireguardMessageType } from "../wire/mod.ts";
import { SESSION_SLOTS, TAG_BYTES, type TunnelTiming } from "./constants.ts";
import type { OpenedInitiation } from "./handshake.ts";
import { Handshaker } from "./handshaker.ts";
import { innerLength } from "./inner_length.ts";
import type { Session } from "./session.ts";
import { TunnelTimers } from "./timers.ts";
import { TUNNEL_REFUSALS, type TunnelRefusal } from "./tunnel_refusal.ts";

const QUEUE_LIMIT = 16;
const SLOT_MASK = SESSION_SLOTS - 1;
const OVERHEAD = DATA_MESSAGE.PAYLOAD + TAG_BYTES;

/** What a tunnel reports. */
export type TunnelEvent =
  | {
    /** A session that both sides have is in use. */
    readonly kind: "handshake-completed";
    /** Whether we started the handshake. */
    readonly initiator: boolean;
    /** From the initiation to its response, or from our response to the first message on the session, in ms. */
    readonly tookMs: number;
  }
  | {
    /** The peer is out of reach; the tunnel is of no more use. */
    readonly kind: "expired";
  };

/** What a `Tunnel` is made of. */
export interface TunnelOptions {
  /** Our static private key. */
  readonly staticPrivateKey: Uint8Array;
  /** The public key that belongs to it. */
  readonly staticPublicKey: Uint8Array;
  /** The peer's static public key. */
  readonly peerPublicKey: Uint8Array;
  /** 32 bytes; all zero when there is none. */
  readonly presharedKey: Uint8Array;
  /** 24 bits, from `IndexTable.insert`. */
  readonly connectionId: number;
  /** `ICE_TIMING` or `ICELESS_TIMING`. */
  readonly timing: TunnelTiming;
  /** Ties `Instant` to the wall clock. */
  readonly epoch: Epoch;
  /** The current time. */
  readonly now: Instant;
  /** Makes ephemeral keys and jitter. */
  readonly random: RandomSource;
  /** Seals and opens packets. All addresses are in its arena. */
  readonly cipher: PacketCipher;
  /** Where state edges are logged. */
  readonly log: Logger;
}

/**
 * The WireGuard tunnel to one peer as a core without I/O, p2p spec §5.
 *
 * It knows nothing of addresses: whoever owns it decides where messages go.
 * After each call drain `pollTransmit` and `pollEvent`, and call
 * `handleTimeout` at `pollTimeout`.
 */
export class Tunnel {
  /** The peer's static public key. */
  readonly peerPublicKey: Uint8Array;
  /** How often each refusal happened. */
  readonly counters: Counters<TunnelRefusal> = new Counters(
    TUNNEL_REFUSALS,
  );
  readonly #cipher: PacketCipher;
  readonly #log: Logger;
  readonly #handshaker: Handshaker;
  readonly #timers: TunnelTimers;
  readonly #sessions: (Session | undefined)[] = new Array(SESSION_SLOTS)
    .fill(undefined);
  readonly #transmits = new Queue<Uint8Array>(QUEUE_LIMIT);
  readonly #events = new Queue<TunnelEvent>(QUEUE_LIMIT);
  #current: Session | undefined;
  #isExpired = false;
  #lastRefusal: TunnelRefusal | undefined;

  /** Creates a tunnel without a session. It sends nothing before `startHandshake` or an initiation of the peer. */
  constructor(options: TunnelOptions) {
    const { timing, now, random } = options;
    this.peerPublicKey = options.peerPublicKey;
    this.#cipher = options.cipher;
    this.#log = options.log;
    this.#timers = new TunnelTimers(timing, now, random);
    this.#handshaker = new Handshaker({
      ...options,
      answerWithinMs: timing.rekeyAttemptMs,
    });
  }

  /** Whether an initiation of ours waits for its response. */
  get handshakeInFlight(): boolean {
    return this.#timers.isAttempting;
  }

  /** Whether a session is in use, in which both sides have proved themselves. */
  get hasSession(): boolean {
    return this.#current !== undefined;
  }

  /** When the keys of the session in use came to be. */
  get sessionEstablishedAt(): Instant | undefined {
    return this.#current?.establishedAt;
  }

  /** Why the last `open` returned -1 or the last `seal` 0. */
  get lastRefusal(): TunnelRefusal | undefined {
    return this.#lastRefusal;
  }

  /** Sends an initiation at once. Does nothing while one is in flight. */
  startHandshake(now: Instant): void {
    if (this.#isExpired || this.handshakeInFlight) return;
    this.#initiate(now);
  }

  /**
   * Answers an initiation that `openInitiation` found to be this peer's.
   *
   * A refusal changes nothing. After `accepted` the response is the next
   * transmit; the new session is not used for sending before data arrives on it.
   */
  handleInitiation(
    opened: OpenedInitiation,
    now: Instant,
  ): "accepted" | TunnelRefusal {
    if (this.#isExpired) return this.#refuse("expired-tunnel");
    const response = this.#handshaker.respond(opened, now);
    if (typeof response === "string") return this.#refuse(response);

    this.#store(response.session);
    this.#timers.noteReceived();
    this.#timers.noteSession(false, now);
    this.#timers.noteSent();
    this.#transmits.push(response.message);
    this.#log.log("debug", "Handshake answered");
    return "accepted";
  }

  /** Takes the message of type 2 in `[start, end)`, once `HandshakeGate.check` let it pass. */
  handleResponse(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): "accepted" | TunnelRefusal {
    const completed = this.#handshaker.complete(bytes, start, end, now);
    if (typeof completed === "string") return this.#refuse(completed);

    const { session, initiatedAt } = completed;
    this.#store(session);
    this.#use(session);
    this.#timers.noteReceived();
    this.#timers.noteSession(true, now);
    this.#sendKeepalive(now);
    this.#report(session, elapsedMs(initiatedAt, now));
    return "accepted";
  }

  /** Takes the message of type 3 in `[start, end)`: a cookie for the handshake messages of the next two minutes. */
  handleCookieReply(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): "accepted" | TunnelRefusal {
    const verdict = this.#handshaker.handleCookieReply(bytes, start, end, now);
    if (verdict !== "accepted") return this.#refuse(verdict);

    this.#timers.noteReceived();
    return verdict;
  }

  /**
   * Decrypts the message of type 4 in `[start, end)` of the arena to address `target`.
   *
   * Returns the length of the inner packet, padding cut off; 0 for a keepalive;
   * -1 when refused, and then `lastRefusal` says why. `target` needs room for
   * `MAX_PACKET_BYTES` and a tag.
   */
  open(
    bytes: Uint8Array,
    start: number,
    end: number,
    target: number,
    now: Instant,
  ): number {
    assert(
      bytes === this.#cipher.arena.bytes,
      "Data messages are opened inside the arena",
    );
    if (wireguardMessageType(bytes, start, end) !== DATA_MESSAGE.TYPE) {
      return this.#refuseData("not-data");
    }
    const length = end - start - OVERHEAD;
    if (length > MAX_PACKET_BYTES) return this.#refuseData("too-long");
    const index = readU32LE(bytes, start + DATA_MESSAGE.RECEIVER);
    const session = this.#sessions[index & SLOT_MASK];
    if (session === undefined || session.localIndex !== index) {
      return this.#refuseData("unknown-session");
    }
    if (session.isExpired(now)) return this.#refuseData("expired-session");
    const verdict = session.open(this.#cipher, start, end, target);
    if (verdict !== "opened") return this.#refuseData(verdict);

    this.#timers.noteReceived();
    this.#confirm(session, now);
    if (length === 0) return 0;
    const inner = innerLength(bytes, target, length);
    if (inner === 0) return this.#refuseData("malformed-packet");
    this.#timers.noteDataReceived(now);
    return inner;
  }

  /**
   * Begins to decrypt the message in `[start, end)`, which `open` is going to be given.
   *
   * Changes nothing else: `open` still decides. Returns `false` when the cipher
   * has no room for more.
   */
  openAhead(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): boolean {
    const index = readU32LE(bytes, start + DATA_MESSAGE.RECEIVER);
    const session = this.#sessions[index & SLOT_MASK];
    if (session?.localIndex !== index || session.isExpired(now)) return true;
    return session.openAhead(this.#cipher, start, end);
  }

  /**
   * Encrypts the packet of `length` bytes at arena address `source` to address `target`.
   *
   * Returns the length of the message, `length` + 32, or 0 when refused, and
   * then `lastRefusal` says why. With `later` the message is complete when the
   * cipher finishes. A packet without a session is not kept and
   * starts no handshake (p2p spec §5.4).
   */
  seal(
    source: number,
    length: number,
    target: number,
    now: Instant,
    later = false,
  ): number {
    if (length > MAX_PACKET_BYTES) {
      this.#refuse("packet-too-long");
      return 0;
    }
    const session = this.#current;
    if (session === undefined || !session.maySend(now)) {
      this.#refuse("no-session");
      return 0;
    }
    this.#timers.noteDataSent(now);
    return session.seal(this.#cipher, source, length, target, later);
  }

  /** Advances to `now`. Safe to call early, late or twice. */
  handleTimeout(now: Instant): void {
    if (this.#isExpired) return;
    this.#endSessions(now);
    switch (this.#timers.due(now)) {
      case "expire":
        return this.#expire();
      case "initiate":
        return this.#initiate(now);
      case "keepalive":
        return this.#sendKeepalive(now);
      case "none":
        return;
    }
  }

  /** Returns when `handleTimeout` is to be called next. */
  pollTimeout(): Instant {
    if (this.#isExpired) return NEVER;
    let deadline = this.#timers.deadline();
    if (this.#current) deadline = earlier(deadline, this.#current.expiresAt);
    for (const session of this.#sessions) {
      if (session) deadline = earlier(deadline, session.expiresAt);
    }
    return deadline;
  }

  /** Returns the next message to send: an initiation, a response or a keepalive; its first byte tells which. */
  pollTransmit(): Uint8Array | undefined {
    return this.#transmits.shift();
  }

  /** Returns the next thing that happened. */
  pollEvent(): TunnelEvent | undefined {
    return this.#events.shift();
  }

  /** Overwrites all keys at once. Whoever gives up the tunnel calls it; nothing is sent or accepted afterwards. */
  close(): void {
    this.#isExpired = true;
    this.#handshaker.erase();
    this.#current?.erase(this.#cipher);
    this.#current = undefined;
    for (const session of this.#sessions) session?.erase(this.#cipher);
    this.#sessions.fill(undefined);
  }

  #initiate(now: Instant): void {
    const initiation = this.#handshaker.initiate(now);
    this.#timers.noteInitiation(now);
    if (!initiation) {
      this.#refuse("weak-key");
      return;
    }
    this.#transmits.push(initiation);
    this.#log.log("debug", "Handshake initiated");
  }

  #sendKeepalive(now: Instant): void {
    this.#timers.noteSent();
    if (this.#current?.maySend(now)) {
      this.#transmits.push(this.#current.sealKeepalive());
    }
  }

  #expire(): void {
    this.close();
    this.#events.push({ kind: "expired" });
    this.#log.log("debug", "Tunnel expired");
  }

  /** Makes a session decryptable, in place of the one eight messages before. */
  #store(session: Session): void {
    const slot = session.localIndex & SLOT_MASK;
    const replaced = this.#sessions[slot];
    this.#sessions[slot] = session;
    if (replaced !== this.#current) replaced?.erase(this.#cipher);
  }

  /** Data on a session proves that the peer has it: the newest such session is the one to send on. */
  #confirm(session: Session, now: Instant): void {
    if (this.#current && session.ordinal <= this.#current.ordinal) return;
    this.#use(session);
    this.#report(session, elapsedMs(session.establishedAt, now));
  }

  #use(session: Session): void {
    const replaced = this.#current;
    this.#current = session;
    if (replaced && !this.#sessions.includes(replaced)) {
      replaced.erase(this.#cipher);
    }
  }

  #report(session: Session, tookMs: number): void {
    const { isInitiator } = session;
    this.#events.push({
      kind: "handshake-completed",
      initiator: isInitiator,
      tookMs,
    });
    this.#log.log("debug", "Handshake completed", {
      initiator: isInitiator,
      tookMs,
    });
  }

  #endSessions(now: Instant): void {
    if (this.#current?.isExpired(now)) {
      this.#current.erase(this.#cipher);
      this.#current = undefined;
    }
    for (let slot = 0; slot < SESSION_SLOTS; slot++) {
      const session = this.#sessions[slot];
      if (!session?.isExpired(now)) continue;
      session.erase(this.#cipher);
      this.#sessions[slot] = undefined;
    }
  }

  #refuseData(reason: TunnelRefusal): -1 {
    this.#refuse(reason);
    return -1;
  }

  #refuse(reason: TunnelRefusal): TunnelRefusal {
    this.#lastRefusal = reason;
    this.counters.increment(reason);
    return reason;
  }
}
