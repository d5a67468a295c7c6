import { createSocket, type Socket } from "node:dgram";
import {
  after,
  Arena,
  type Instant,
  instant,
  type IpAddress,
  NO_LOG,
  parseIp,
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
} from "../../lib/wireguard/mod.ts";

const ROOM_BYTES = 2_048;

/** What a `TunnelShell` is made of. */
export interface TunnelShellOptions {
  readonly privateKey: Uint8Array;
  readonly peerPublicKey: Uint8Array;
  readonly presharedKey: Uint8Array;
}

/**
 * The least shell around one `Tunnel`: a UDP socket on the loopback and the real clock.
 *
 * The clock can be moved forward. Inner packets go to `onPacket`.
 */
export class TunnelShell implements AsyncDisposable {
  readonly tunnel: Tunnel;
  readonly gate: HandshakeGate;
  readonly events: TunnelEvent[] = [];
  /** Every message that was sent, oldest first. */
  readonly sent: Uint8Array[] = [];
  /** What the last message of type 3 came to. */
  cookieVerdict = "";
  /** Called with each decrypted packet, which it owns. */
  onPacket: (packet: Uint8Array) => void = () => {};
  /** Called before a handshake message is checked. */
  beforeCheck: () => void = () => {};
  /** UDP port of the peer. */
  peerPort = 0;

  readonly #socket: Socket;
  readonly #privateKey: Uint8Array;
  readonly #publicKey: Uint8Array;
  readonly #arena = new Arena(3 * ROOM_BYTES);
  readonly #source = this.#arena.allocate(ROOM_BYTES);
  readonly #target = this.#arena.allocate(ROOM_BYTES);
  #offsetMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(socket: Socket, options: TunnelShellOptions) {
    const random = {
      fill: (bytes: Uint8Array) =>
        void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
    };
    const now = this.now();
    this.#socket = socket;
    this.#privateKey = options.privateKey;
    this.#publicKey = x25519PublicKey(options.privateKey);
    const staticPublicKey = this.#publicKey;
    this.gate = new HandshakeGate({ staticPublicKey, now, random });
    this.tunnel = new Tunnel({
      staticPrivateKey: options.privateKey,
      staticPublicKey,
      peerPublicKey: options.peerPublicKey,
      presharedKey: options.presharedKey,
      connectionId: 0x5eed01,
      timing: ICE_TIMING,
      epoch: { instant: now, unix: unixMs(Date.now()) },
      now,
      random,
      cipher: new PacketCipher(this.#arena),
      log: NO_LOG,
    });
    socket.on("message", (message, from) => {
      this.#receive(new Uint8Array(message), addressOf(from.address));
    });
    this.#settle();
  }

  /** Binds a socket and creates the tunnel. */
  static async start(options: TunnelShellOptions): Promise<TunnelShell> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) =>
      socket.bind(0, "127.0.0.1", () => resolve())
    );
    return new TunnelShell(socket, options);
  }

  /** UDP port of ours. */
  get port(): number {
    return this.#socket.address().port;
  }

  /** How many handshakes were completed, as initiator or as responder. */
  completed(asInitiator: boolean): number {
    return this.events.filter((event) =>
      event.kind === "handshake-completed" && event.initiator === asInitiator
    ).length;
  }

  /** Reads the clock. */
  now(): Instant {
    return after(instant(performance.now()), this.#offsetMs);
  }

  /** Moves the clock forward and wakes the tunnel. */
  advance(ms: number): void {
    this.#offsetMs += ms;
    this.#wake();
  }

  /** Sends an initiation. */
  startHandshake(): void {
    this.tunnel.startHandshake(this.now());
    this.#settle();
  }

  /** Sends an inner packet. Returns `false` when there is no session. */
  sendPacket(packet: Uint8Array): boolean {
    this.#arena.bytes.set(packet, this.#source);
    const length = this.tunnel.seal(
      this.#source,
      packet.length,
      this.#target,
      this.now(),
    );
    if (length === 0) return false;
    this.#send(this.#arena.bytes.slice(this.#target, this.#target + length));
    this.#settle();
    return true;
  }

  /** Closes the socket and stops the timer. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #receive(message: Uint8Array, source: IpAddress): void {
    const { length } = message;
    const type = wireguardMessageType(message, 0, length);
    if (type === 1 || type === 2) this.#handshake(message, source, type);
    if (type === 3) {
      const now = this.now();
      this.cookieVerdict = this.tunnel.handleCookieReply(
        message,
        0,
        length,
        now,
      );
    }
    if (type === 4) this.#open(message);
    this.#settle();
  }

  #handshake(message: Uint8Array, source: IpAddress, type: 1 | 2): void {
    const now = this.now();
    const { length } = message;
    this.beforeCheck();
    const verdict = this.gate.check(message, 0, length, {
      source: { ip: source },
    }, now);
    if (verdict === "cookie-required") {
      const reply = this.gate.takeCookieReply();
      if (reply) this.#send(reply);
    }
    if (verdict !== "ok") return;
    if (type === 2) {
      this.tunnel.handleResponse(message, 0, length, now);
      return;
    }
    const keys = [this.#privateKey, this.#publicKey] as const;
    const opened = openInitiation(...keys, message, 0, length);
    if (opened) this.tunnel.handleInitiation(opened, now);
  }

  #open(message: Uint8Array): void {
    const { bytes } = this.#arena;
    const end = this.#source + message.length;
    bytes.set(message, this.#source);
    const length = this.tunnel.open(
      bytes,
      this.#source,
      end,
      this.#target,
      this.now(),
    );
    if (length > 0) {
      this.onPacket(bytes.slice(this.#target, this.#target + length));
    }
  }

  #wake(): void {
    this.tunnel.handleTimeout(this.now());
    this.#settle();
  }

  /** Takes all output and sets the timer again. */
  #settle(): void {
    for (;;) {
      const message = this.tunnel.pollTransmit();
      if (!message) break;
      this.#send(message);
    }
    for (;;) {
      const event = this.tunnel.pollEvent();
      if (!event) break;
      this.events.push(event);
    }
    clearTimeout(this.#timer);
    const waitMs = this.tunnel.pollTimeout() - this.now();
    if (waitMs === Infinity) return;
    this.#timer = setTimeout(() => this.#wake(), Math.max(1, waitMs));
  }

  #send(message: Uint8Array): void {
    this.sent.push(message);
    this.#socket.send(message, this.peerPort, "127.0.0.1");
  }
}

function addressOf(text: string): IpAddress {
  const address = parseIp(text);
  if (!address) throw new Error(`Not an address: ${text}`);
  return address;
}
