import {
  after,
  EMPTY,
  type Instant,
  readU64LE,
  writeU32LE,
  writeU64LE,
} from "../base/mod.ts";
import { aeadSeal, type PacketCipher } from "../crypto/mod.ts";
import { DATA_MESSAGE } from "../wire/mod.ts";
import {
  COUNTER_LIMIT,
  INITIATOR_SENDS_UNTIL_MS,
  REJECT_AFTER_TIME_MS,
  TAG_BYTES,
} from "./constants.ts";
import type { TransportKeys } from "./handshake.ts";
import { ReplayWindow } from "./replay_window.ts";

/** Why a session did not open a data message. */
export type SessionRefusal =
  | "counter-limit"
  | "duplicate"
  | "too-old"
  | "forged";

/** What a session is made of. */
export interface SessionOptions {
  /** Whether we sent the initiation that led to it. */
  readonly isInitiator: boolean;
  /** How many sessions the tunnel had before it. */
  readonly ordinal: number;
  /** By which the peer addresses us. */
  readonly localIndex: number;
  /** By which we address the peer. */
  readonly remoteIndex: number;
  /** Its keys. Erased by `erase`. */
  readonly keys: TransportKeys;
  /** The current time. */
  readonly now: Instant;
}

/** One pair of transport keys with its counters, whitepaper §5.4.6. */
export class Session {
  /** Whether we sent the initiation that led to it. */
  readonly isInitiator: boolean;
  /** How many sessions the tunnel had before it: the greater, the newer. */
  readonly ordinal: number;
  /** By which the peer addresses us. */
  readonly localIndex: number;
  /** When the keys came to be. */
  readonly establishedAt: Instant;
  /** When the session ends, p2p spec §5.7. */
  readonly expiresAt: Instant;
  /** An initiator stops earlier than a responder, p2p spec §5.4. */
  readonly #sendsUntil: Instant;
  readonly #remoteIndex: number;
  readonly #keys: TransportKeys;
  readonly #window = new ReplayWindow();
  #sendCounter = 0;

  /** Starts with both counters at 0. */
  constructor(options: SessionOptions) {
    this.isInitiator = options.isInitiator;
    this.ordinal = options.ordinal;
    this.localIndex = options.localIndex;
    this.establishedAt = options.now;
    this.expiresAt = after(options.now, REJECT_AFTER_TIME_MS);
    this.#sendsUntil = options.isInitiator
      ? after(options.now, INITIATOR_SENDS_UNTIL_MS)
      : this.expiresAt;
    this.#remoteIndex = options.remoteIndex;
    this.#keys = options.keys;
  }

  /** Tells whether the session has ended. */
  isExpired(now: Instant): boolean {
    return now >= this.expiresAt;
  }

  /** Tells whether the session may send. */
  maySend(now: Instant): boolean {
    return now < this.#sendsUntil && this.#sendCounter < COUNTER_LIMIT;
  }

  /**
   * Writes a data message that holds `length` bytes at arena address `source` to `target`.
   *
   * No padding (p2p spec §5.2), so it takes `length` + 32 bytes, which is also
   * returned. With `later` they are complete when the cipher finishes. Only
   * while `maySend`.
   */
  seal(
    cipher: PacketCipher,
    source: number,
    length: number,
    target: number,
    later: boolean,
  ): number {
    const bytes = cipher.arena.bytes;
    const counter = this.#sendCounter++;
    this.#writeHeader(bytes, target, counter);
    const payload = target + DATA_MESSAGE.PAYLOAD;
    const key = this.#keys.sendKey;
    if (later) cipher.sealLater(key, counter, source, length, payload);
    else cipher.seal(key, counter, source, length, payload);
    return DATA_MESSAGE.PAYLOAD + length + TAG_BYTES;
  }

  /** Returns a data message without content. Only while `maySend`. */
  sealKeepalive(): Uint8Array {
    const message = new Uint8Array(DATA_MESSAGE.LENGTH_OF_EMPTY);
    const counter = this.#sendCounter++;
    this.#writeHeader(message, 0, counter);
    const tag = aeadSeal(this.#keys.sendKey, counter, EMPTY, EMPTY);
    message.set(tag, DATA_MESSAGE.PAYLOAD);
    return message;
  }

  /** Decrypts the data message in `[start, end)` of the arena to `target`: 32 bytes fewer. Garbage lies there after a refusal. */
  open(
    cipher: PacketCipher,
    start: number,
    end: number,
    target: number,
  ): "opened" | SessionRefusal {
    const counter = readU64LE(cipher.arena.bytes, start + DATA_MESSAGE.COUNTER);
    if (counter >= COUNTER_LIMIT) return "counter-limit";
    const verdict = this.#window.check(counter);
    if (verdict !== "fresh") return verdict;

    const source = start + DATA_MESSAGE.PAYLOAD;
    const key = this.#keys.receiveKey;
    if (!cipher.open(key, counter, source, end - source, target)) {
      return "forged";
    }
    this.#window.accept(counter);
    return "opened";
  }

  /** Begins to decrypt the data message in `[start, end)`, which `open` is going to be given. Returns `false` when the cipher has no room for more. */
  openAhead(cipher: PacketCipher, start: number, end: number): boolean {
    const counter = readU64LE(cipher.arena.bytes, start + DATA_MESSAGE.COUNTER);
    const isWanted = counter < COUNTER_LIMIT &&
      this.#window.check(counter) === "fresh";
    if (!isWanted) return true;

    const source = start + DATA_MESSAGE.PAYLOAD;
    const key = this.#keys.receiveKey;
    return cipher.openAhead(key, counter, source, end - source);
  }

  /** Overwrites the keys, and what `cipher` has left of them. The session must not be used afterwards. */
  erase(cipher: PacketCipher): void {
    cipher.wipe();
    this.#keys.sendKey.fill(0);
    this.#keys.receiveKey.fill(0);
  }

  #writeHeader(bytes: Uint8Array, at: number, counter: number): void {
    writeU32LE(bytes, at, DATA_MESSAGE.TYPE);
    writeU32LE(bytes, at + DATA_MESSAGE.RECEIVER, this.#remoteIndex);
    writeU64LE(bytes, at + DATA_MESSAGE.COUNTER, counter);
  }
}
