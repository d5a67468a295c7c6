import {
  Arena,
  type Ecn,
  type Epoch,
  type Instant,
  type IpAddress,
  NO_LOG,
  type RandomSource,
  type SocketAddress,
  unixMs,
} from "../../lib/base/mod.ts";
import {
  Node,
  type NodeEvent,
  type PeerId,
  type SendVerdict,
} from "../../lib/connection/mod.ts";
import { PacketCipher } from "../../lib/crypto/mod.ts";
import { receivedDatagram } from "./received_datagram.ts";
import { SimDatagramSink, SimPacketSink } from "./sim_sink.ts";
import { hasAddress, type SimDatagram, type SimHost } from "./world.ts";

/** The port that nodes prefer, p2p spec §7. */
const NODE_PORT = 52_625;

/** An inner packet that a node received. */
export interface ReceivedInner {
  readonly peer: PeerId;
  readonly packet: Uint8Array;
  readonly ecn: Ecn;
}

/** A `Node` on a host of the simulated network. */
export class SimNode implements SimHost {
  readonly name: string;
  addresses: readonly IpAddress[];
  readonly node: Node;
  /** All events so far. */
  readonly events: NodeEvent[] = [];
  /** All inner packets received so far. */
  readonly inbox: ReceivedInner[] = [];
  /** All datagrams that were refused so far, by reason. */
  readonly refusals: string[] = [];
  /** Called with each event when it happens. */
  onEvent: (event: NodeEvent) => void = () => {};
  /** The memory that packets of this node lie in. */
  readonly arena: Arena;
  readonly #port: number;
  readonly #receiveAt: number;
  readonly #packetAt: number;
  readonly #packets: SimPacketSink;
  readonly #datagrams: SimDatagramSink;
  readonly #outbox: SimDatagram[] = [];

  constructor(options: {
    readonly name: string;
    readonly role: "controlling" | "controlled";
    readonly addresses: readonly IpAddress[];
    readonly random: RandomSource;
    readonly now: Instant;
    readonly port?: number;
  }) {
    const { name, role, addresses, random, now, port = NODE_PORT } = options;
    this.#port = port;
    this.name = name;
    this.addresses = addresses;
    this.arena = new Arena(32 * 2048);
    const staticPrivateKey = new Uint8Array(32);
    random.fill(staticPrivateKey);
    const epoch: Epoch = { instant: now, unix: unixMs(1_700_000_000_000) };
    this.node = new Node({
      role,
      staticPrivateKey,
      epoch,
      now,
      random,
      cipher: new PacketCipher(this.arena),
      log: NO_LOG,
    });
    const { bytes } = this.arena;
    this.#receiveAt = this.arena.allocate(2048);
    this.#packetAt = this.arena.allocate(2048);
    this.#packets = new SimPacketSink(
      bytes,
      this.arena.allocate(2048),
      () => {},
    );
    this.#datagrams = new SimDatagramSink(
      bytes,
      this.arena.allocate(2048),
      ({ payload, source, destination, ecn }) =>
        this.#queue(source, destination, payload, ecn),
    );
  }

  /** Encrypts and sends an inner packet. */
  send(
    peer: PeerId,
    packet: Uint8Array,
    now: Instant,
    ecn: Ecn = 0,
  ): SendVerdict {
    this.arena.bytes.set(packet, this.#packetAt);
    const end = this.#packetAt + packet.length;
    return this.node.sendPacket(
      peer,
      this.#packetAt,
      end,
      now,
      this.#datagrams,
      ecn,
    );
  }

  handleDatagram(datagram: SimDatagram, now: Instant): void {
    const { bytes } = this.arena;
    const verdict = this.node.handleDatagram(
      receivedDatagram(datagram, bytes, this.#receiveAt),
      now,
      this.#packets,
    );
    if (verdict === "packet") {
      const { peer, start, end, ecn } = this.node.received;
      const packet = this.arena.bytes.slice(start, end);
      this.inbox.push({ peer, packet, ecn });
    } else if (verdict !== "consumed") this.refusals.push(verdict);
  }

  handleTimeout(now: Instant): void {
    this.node.handleTimeout(now);
  }

  pollTimeout(): Instant {
    return this.node.pollTimeout();
  }

  pollDatagram(): SimDatagram | undefined {
    for (let e = this.node.pollEvent(); e; e = this.node.pollEvent()) {
      this.events.push(e);
      this.onEvent(e);
    }
    const transmit = this.node.pollTransmit();
    if (!transmit) return this.#outbox.shift();
    const { source, destination, payload } = transmit;
    this.#queue(source, destination, payload, 0);
    return this.#outbox.shift();
  }

  /** Pins the source as asked, or chooses the first address of the family as the kernel would. Sending from an address that is gone fails silently. */
  #queue(
    pinned: IpAddress | null,
    destination: SocketAddress,
    payload: Uint8Array,
    ecn: Ecn,
  ): void {
    const { family } = destination.ip;
    const ip = pinned ?? this.addresses.find((ip) => ip.family === family);
    if (!ip || !hasAddress(this, ip)) return;
    const source = { ip, port: this.#port };
    const isPinned = pinned !== null;
    this.#outbox.push({ source, destination, payload, ecn, isPinned });
  }
}
