import {
  type Arena,
  type Datagram,
  DATAGRAM_ROOM_BYTES,
  type DatagramSink,
  earlier,
  type Epoch,
  formatIp,
  type Instant,
  type IpAddress,
  NEVER,
  NO_LOG,
  PACKET_ROOM_BYTES,
  type PacketSink,
  Queue,
  type RandomSource,
  type Transmit,
} from "../../lib/base/mod.ts";
import {
  Client,
  type ClientEvent,
  type ClientInput,
} from "../../lib/client/mod.ts";
import { Node } from "../../lib/connection/mod.ts";
import { PacketCipher } from "../../lib/crypto/mod.ts";
import type { Core, ShellRequest } from "../../lib/io/mod.ts";
import type { RoleContext } from "../../lib/io/serve_data_plane.ts";
import { icmpPacket } from "./ip_packet.ts";
import { Storm, type StormSettings } from "./storm.ts";

/** What the core of a swarm is told. Clients are numbered by their ports. */
export type SwarmMessage =
  /** A client with this key, whose sockets have this port. */
  | {
    readonly kind: "add";
    readonly port: number;
    readonly staticPrivateKey: Uint8Array;
  }
  /** A client hears from its portal. */
  | {
    readonly kind: "portal";
    readonly port: number;
    readonly message: ClientInput;
  }
  /** An application of a client's host sends an echo request. */
  | {
    readonly kind: "ping";
    readonly port: number;
    readonly destination: IpAddress;
  }
  /** A client goes on to renew its keys without end, with nothing else to do. */
  | { readonly kind: "storm"; readonly port: number } & StormSettings;

/** State of a swarm. */
export interface SwarmSnapshot {
  readonly clients: number;
  /** Initiations of storms that the gateway has answered. */
  readonly answered: number;
  /** Datagrams that there was no room for. */
  readonly lost: number;
}

/** What the core of a swarm tells. */
export type SwarmEvent =
  /** A client has something to say. */
  | { readonly port: number; readonly event: ClientEvent }
  /** The answer to a client's echo request came out of its tunnel. */
  | { readonly port: number; readonly event: { readonly kind: "pong" } };

/** Most events, and most datagrams, that wait to be polled. */
const QUEUE_LIMIT = 65_536;

/** Timers of clients are looked at this often, in ms: each look takes all of them. */
const TIMER_GRAIN_MS = 5;

const ECHO_REQUEST = 8;
const ECHO_REPLY = 0;
const PROTOCOL_ICMP = 1;

interface Member {
  readonly port: number;
  readonly client: Client;
  readonly datagrams: DatagramSink;
  ipv4: IpAddress | undefined;
  storm: Storm | undefined;
  dueAt: Instant;
}

/**
 * Many clients as one core: each a whole `Client` with sockets of its own port, without TUN device.
 *
 * To gateway, relays and NATs they look like as many hosts as they have ports.
 */
export class SwarmCore implements Core<SwarmMessage, SwarmEvent> {
  readonly #arena: Arena;
  readonly #epoch: Epoch;
  readonly #random: RandomSource;
  readonly #cipher: PacketCipher;
  readonly #packetAt: number;
  readonly #receiveAt: number;
  readonly #datagramAt: number;
  readonly #members = new Map<number, Member>();
  readonly #events = new Queue<SwarmEvent | ShellRequest>(QUEUE_LIMIT);
  readonly #transmits = new Queue<Transmit>(QUEUE_LIMIT);
  #dueAt: Instant = NEVER;
  #lookedAt: Instant;

  constructor({ arena, epoch, now, random }: RoleContext) {
    this.#arena = arena;
    this.#epoch = epoch;
    this.#random = random;
    this.#cipher = new PacketCipher(arena);
    this.#packetAt = arena.allocate(PACKET_ROOM_BYTES);
    this.#receiveAt = arena.allocate(PACKET_ROOM_BYTES);
    this.#datagramAt = arena.allocate(DATAGRAM_ROOM_BYTES);
    this.#lookedAt = now;
  }

  handleMessage(message: SwarmMessage, now: Instant): void {
    if (message.kind === "add") return this.#add(message, now);
    const member = this.#members.get(message.port);
    if (!member) throw new Error(`No client has port ${message.port}`);
    switch (message.kind) {
      case "portal":
        member.client.handleMessage(message.message, now);
        break;
      case "ping":
        this.#ping(member, message.destination, now);
        break;
      case "storm":
        member.storm = new Storm(
          ...[message, message.port, this.#epoch, this.#random, now] as const,
        );
    }
    this.#settle(member, now);
  }

  handleDatagram(datagram: Datagram, now: Instant): void {
    const member = this.#members.get(datagram.localPort);
    if (!member) return;
    if (!member.storm?.handleDatagram(datagram, now)) {
      member.client.handleDatagram(datagram, now, this.#packetsOf(member));
    }
    this.#settle(member, now);
  }

  handlePacket(): void {
    throw new Error("A swarm has no TUN device");
  }

  stop(now: Instant): void {
    for (const member of this.#members.values()) {
      member.client.stop(now);
      this.#settle(member, now);
    }
  }

  handleTimeout(now: Instant): void {
    if (now < this.pollTimeout()) return;
    this.#lookedAt = now;
    this.#dueAt = NEVER;
    for (const member of this.#members.values()) {
      if (member.dueAt <= now) {
        member.client.handleTimeout(now);
        this.#settle(member, now);
      } else this.#dueAt = earlier(this.#dueAt, member.dueAt);
    }
  }

  pollTimeout(): Instant {
    const next = this.#lookedAt + TIMER_GRAIN_MS as Instant;
    return this.#dueAt > next ? this.#dueAt : next;
  }

  pollTransmit(): Transmit | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): SwarmEvent | ShellRequest | undefined {
    return this.#events.shift();
  }

  snapshot(): SwarmSnapshot {
    let answered = 0;
    for (const { storm } of this.#members.values()) {
      answered += storm?.answered ?? 0;
    }
    const lost = this.#transmits.refused;
    return { clients: this.#members.size, answered, lost };
  }

  #add(
    { port, staticPrivateKey }: SwarmMessage & { kind: "add" },
    now: Instant,
  ): void {
    const node = new Node({
      role: "controlling",
      staticPrivateKey,
      epoch: this.#epoch,
      now,
      random: this.#random,
      cipher: this.#cipher,
      log: NO_LOG,
    });
    const arena = this.#arena;
    this.#members.set(port, {
      port,
      client: new Client({ node, arena, usesInternet: false, log: NO_LOG }),
      datagrams: this.#datagramsOf(port),
      ipv4: undefined,
      storm: undefined,
      dueAt: NEVER,
    });
    this.#events.push({ kind: "open-port", port });
  }

  #ping(member: Member, destination: IpAddress, now: Instant): void {
    const { bytes } = this.#arena;
    if (!member.ipv4) {
      throw new Error("A client pinged before it had addresses");
    }
    const packet = icmpPacket({
      source: formatIp(member.ipv4),
      destination: formatIp(destination),
      type: ECHO_REQUEST,
      body: new Uint8Array(32),
    });
    const at = this.#packetAt;
    bytes.set(packet, at);
    const end = at + packet.length;
    const { client, datagrams } = member;
    client.handlePacket(
      bytes,
      at,
      end,
      now,
      datagrams,
      this.#packetsOf(member),
    );
  }

  /** Takes all that a client has to say and to send, and notes when it is due. */
  #settle(member: Member, now: Instant): void {
    const { client, port, storm } = member;
    for (let e = client.pollEvent(); e; e = client.pollEvent()) {
      if (e.kind === "configure-interface") member.ipv4 = e.ipv4;
      this.#events.push({ port, event: e });
    }
    for (let t = client.pollTransmit(); t; t = client.pollTransmit()) {
      this.#transmits.push({ ...t, localPort: port });
    }
    const initiation = storm?.poll(now);
    if (initiation) this.#transmits.push(initiation);
    member.dueAt = earlier(client.pollTimeout(), storm?.dueAt ?? NEVER);
    this.#dueAt = earlier(this.#dueAt, member.dueAt);
  }

  #packetsOf({ port }: Member): PacketSink {
    const { bytes } = this.#arena;
    const at = this.#receiveAt;
    return {
      bytes,
      reserve: () => at,
      commit: () => {
        const isReply = bytes[at + 9] === PROTOCOL_ICMP &&
          bytes[at + 20] === ECHO_REPLY;
        if (isReply) this.#events.push({ port, event: { kind: "pong" } });
      },
    };
  }

  #datagramsOf(localPort: number): DatagramSink {
    const { bytes } = this.#arena;
    const at = this.#datagramAt;
    return {
      bytes,
      reserve: () => at,
      commit: (length, source, _localPort, destination) => {
        const payload = bytes.slice(at, at + length);
        this.#transmits.push({ source, localPort, destination, payload });
      },
    };
  }
}
