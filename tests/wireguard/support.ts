import assert from "node:assert/strict";
import {
  after,
  Arena,
  fromHex,
  type Instant,
  instant,
  type IpAddress,
  NO_LOG,
  parseIp,
  type RandomSource,
  unixMs,
} from "../../lib/base/mod.ts";
import { PacketCipher, x25519PublicKey } from "../../lib/crypto/mod.ts";
import { wireguardMessageType } from "../../lib/wire/mod.ts";
import {
  HandshakeGate,
  ICE_TIMING,
  openInitiation,
  Tunnel,
  type TunnelEvent,
  type TunnelTiming,
} from "../../lib/wireguard/mod.ts";
import { SeededRandom } from "../support/random.ts";

const ROOM_BYTES = 2_048;

/** When every test starts. */
export const START: Instant = instant(1_000);

/** A wall clock for every test: 2023-11-14T22:13:20Z at `START`. */
export const EPOCH = { instant: START, unix: unixMs(1_700_000_000_000) };

/** Reads hexadecimal text that the test wrote down. */
export function hex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (!bytes) throw new Error(`Not hexadecimal: ${text}`);
  return bytes;
}

/** Reads an IP address that the test wrote down. */
export function ip(text: string): IpAddress {
  const address = parseIp(text);
  if (!address) throw new Error(`Not an address: ${text}`);
  return address;
}

/** Returns a key of 32 equal bytes. */
export function key(byte: number): Uint8Array {
  return new Uint8Array(32).fill(byte);
}

/** Builds an IPv4 packet of `length` bytes, at least 24, that carries `tag`. */
export function ipv4Packet(length: number, tag = 0): Uint8Array {
  const packet = new Uint8Array(length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45;
  view.setUint16(2, length);
  packet[9] = 253;
  view.setUint32(20, tag);
  return packet;
}

/** Reads the tag that `ipv4Packet` wrote. */
export function tagOf(packet: Uint8Array): number {
  return new DataView(packet.buffer, packet.byteOffset).getUint32(20);
}

/** Serves 32-byte draws from a list, so that keys are known, and zeros for everything else, so that there is no jitter. */
export class ScriptedRandom implements RandomSource {
  readonly #keys: Uint8Array[];

  constructor(...keys: Uint8Array[]) {
    this.#keys = keys;
  }

  fill(bytes: Uint8Array): void {
    const next = bytes.length === 32 ? this.#keys.shift() : undefined;
    bytes.fill(0);
    if (next) bytes.set(next);
  }
}

/** Settings of a `Peer` that differ from the usual. */
export interface PeerOptions {
  readonly timing?: TunnelTiming;
  readonly presharedKey?: Uint8Array;
  readonly connectionId?: number;
  readonly random?: RandomSource;
  readonly now?: Instant;
  /** Memory to share with others; its own otherwise. */
  readonly arena?: Arena;
  /** Makes the cipher. */
  readonly cipher?: (arena: Arena) => PacketCipher;
}

/** What became of a received message. */
export interface Received {
  /** The refusal, or `accepted`, `packet` or `keepalive`. */
  readonly verdict: string;
  readonly packet?: Uint8Array;
}

/** One end of a tunnel with the little that a node adds: its gate, its arena, its dispatch by message type. */
export class Peer {
  readonly tunnel: Tunnel;
  readonly gate: HandshakeGate;
  readonly arena: Arena;
  readonly events: TunnelEvent[] = [];
  readonly #privateKey: Uint8Array;
  readonly #publicKey: Uint8Array;
  readonly #source: number;
  readonly #target: number;

  constructor(
    privateKey: Uint8Array,
    peerPublicKey: Uint8Array,
    options: PeerOptions = {},
  ) {
    const random = options.random ?? new SeededRandom(privateKey[0] ?? 0);
    const now = options.now ?? START;
    this.arena = options.arena ?? new Arena(32 * ROOM_BYTES);
    this.#source = this.arena.allocate(ROOM_BYTES);
    this.#target = this.arena.allocate(ROOM_BYTES);
    this.#privateKey = privateKey;
    this.#publicKey = x25519PublicKey(privateKey);
    this.gate = new HandshakeGate({
      staticPublicKey: this.#publicKey,
      now,
      random: new SeededRandom(1),
    });
    this.tunnel = new Tunnel({
      staticPrivateKey: privateKey,
      staticPublicKey: this.#publicKey,
      peerPublicKey,
      presharedKey: options.presharedKey ?? key(0x55),
      connectionId: options.connectionId ?? 0xabcd,
      timing: options.timing ?? ICE_TIMING,
      epoch: EPOCH,
      now,
      random,
      cipher: options.cipher?.(this.arena) ?? new PacketCipher(this.arena),
      log: NO_LOG,
    });
  }

  /** Encrypts a packet. `undefined` when the tunnel refuses it. */
  seal(packet: Uint8Array, now: Instant): Uint8Array | undefined {
    this.arena.bytes.set(packet, this.#source);
    const length = this.tunnel.seal(
      this.#source,
      packet.length,
      this.#target,
      now,
    );
    if (length === 0) return undefined;
    return this.arena.bytes.slice(this.#target, this.#target + length);
  }

  /** Takes a message of any type, as a node that is not under load would. */
  receive(message: Uint8Array, now: Instant): Received {
    switch (wireguardMessageType(message, 0, message.length)) {
      case 1:
        return { verdict: this.#receiveInitiation(message, now) };
      case 2:
        return {
          verdict: this.tunnel.handleResponse(message, 0, message.length, now),
        };
      case 3:
        return {
          verdict: this.tunnel.handleCookieReply(
            message,
            0,
            message.length,
            now,
          ),
        };
      case 4:
        return this.#open(message, now);
      default:
        return { verdict: "not-wireguard" };
    }
  }

  /** Returns all messages that wait, and notes all events. */
  drain(): Uint8Array[] {
    for (;;) {
      const event = this.tunnel.pollEvent();
      if (!event) break;
      this.events.push(event);
    }
    const messages: Uint8Array[] = [];
    for (;;) {
      const message = this.tunnel.pollTransmit();
      if (!message) return messages;
      messages.push(message);
    }
  }

  #receiveInitiation(message: Uint8Array, now: Instant): string {
    const opened = openInitiation(
      this.#privateKey,
      this.#publicKey,
      message,
      0,
      message.length,
    );
    return opened
      ? this.tunnel.handleInitiation(opened, now)
      : "forged-initiation";
  }

  #open(message: Uint8Array, now: Instant): Received {
    this.arena.bytes.set(message, this.#source);
    const length = this.tunnel.open(
      this.arena.bytes,
      this.#source,
      this.#source + message.length,
      this.#target,
      now,
    );
    if (length < 0) return { verdict: this.tunnel.lastRefusal ?? "" };
    if (length === 0) return { verdict: "keepalive" };
    const packet = this.arena.bytes.slice(this.#target, this.#target + length);
    return { verdict: "packet", packet };
  }
}

/** Two peers, a virtual clock and a perfect link. `a` is the client, `b` the gateway. */
export class Pair {
  readonly a: Peer;
  readonly b: Peer;
  now = START;

  constructor(a: PeerOptions = {}, b: PeerOptions = {}) {
    this.a = new Peer(key(0x11), x25519PublicKey(key(0x22)), a);
    this.b = new Peer(key(0x22), x25519PublicKey(key(0x11)), {
      connectionId: 0xef01,
      ...b,
    });
  }

  /** Returns a pair with a session that `a` initiated and both use. */
  static connected(a: PeerOptions = {}, b: PeerOptions = {}): Pair {
    const pair = new Pair(a, b);
    pair.a.tunnel.startHandshake(pair.now);
    pair.deliver();
    assert.ok(pair.a.tunnel.hasSession && pair.b.tunnel.hasSession);
    return pair;
  }

  /** Returns a connected pair whose ends live in one arena, so that one opens in place what the other sealed. */
  static connectedInOneArena(): Pair {
    const arena = new Arena(32 * ROOM_BYTES);
    return Pair.connected({ arena }, { arena });
  }

  /** Delivers what waits on both sides until nothing does. */
  deliver(): void {
    for (;;) {
      const fromA = this.a.drain();
      const fromB = this.b.drain();
      if (fromA.length + fromB.length === 0) return;
      for (const message of fromA) this.b.receive(message, this.now);
      for (const message of fromB) this.a.receive(message, this.now);
    }
  }

  /** Sends one packet of data and tells what became of it. */
  send(from: Peer, packet = ipv4Packet(100)): string {
    const message = from.seal(packet, this.now);
    if (!message) return from.tunnel.lastRefusal ?? "";
    const to = from === this.a ? this.b : this.a;
    return to.receive(message, this.now).verdict;
  }

  /** Lets time pass without waking anybody. */
  pass(ms: number): void {
    this.now = after(this.now, ms);
  }

  /** Lets time pass and wakes both sides at each of their deadlines, exactly; delivers if `isLinkUp`. */
  run(ms: number, isLinkUp = true): void {
    const end = after(this.now, ms);
    for (;;) {
      const next = Math.min(
        this.a.tunnel.pollTimeout(),
        this.b.tunnel.pollTimeout(),
      );
      if (next > end) break;
      this.now = instant(Math.max(next, this.now));
      this.wake();
      if (isLinkUp) this.deliver();
    }
    this.now = end;
  }

  /** Calls `handleTimeout` on both sides. */
  wake(): void {
    this.a.tunnel.handleTimeout(this.now);
    this.b.tunnel.handleTimeout(this.now);
  }
}
