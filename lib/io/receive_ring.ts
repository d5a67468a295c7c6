import {
  type Datagram,
  type Ecn,
  ipEqualsBytes,
  type IpFamily,
  ipFromBytes,
  MAX_DATAGRAM_BYTES,
  type SocketAddress,
} from "../base/mod.ts";
import { ANCILLARY_ROOM_BYTES, AncillaryView } from "./ancillary_data.ts";
import { type Libc, libc } from "./libc.ts";
import { MessageRing, type RingShape, SLOT_BYTES } from "./message_ring.ts";
import type { NativeMemory } from "./native_memory.ts";
import {
  copySockaddrIp,
  readSockaddr,
  readSockaddrPort,
  SOCKADDR_ROOM_BYTES,
  sockaddrIs,
} from "./sockaddr.ts";

/** Flag of a payload that was cut to the room given for it. */
const MSG_TRUNC = 0x20;

/** One batch of datagrams that come singly (data-plane spec §14.1: up to 64). */
const SINGLE_SHAPE: RingShape = { count: 64, roomBytes: SLOT_BYTES };

/**
 * One batch where the kernel joins datagrams, up to 64 KiB of them. Our own
 * choice: a thousand datagrams at most, some 1.5 ms of work.
 */
const AGGREGATE_SHAPE: RingShape = { count: 16, roomBytes: 65_536 };

/** What is wrong with a received datagram, before anybody has looked into it. */
export type DatagramDefect =
  | "datagram-empty"
  | "datagram-oversized"
  | "datagram-without-local-address"
  | "datagram-without-segment-size";

/**
 * Receives datagrams in batches and shows them one at a time. One ring serves all sockets of a loop.
 *
 * A message of a batch is one datagram, or several that the kernel has joined:
 * all from one source to one address of ours, with the same congestion bits.
 */
export class ReceiveRing {
  readonly #libc: Libc = libc();
  readonly #ring: MessageRing;
  readonly #ancillary = new AncillaryView();
  readonly #datagram: ReceivedDatagram;
  readonly #count: number;
  /** How many messages the last batch had. */
  #received = 0;
  /** Where the message of the selected datagram ends, and the length of each datagram in it but the last. */
  #messageEnd = 0;
  #segmentSize = 0;

  /** Allocates the ring in the arena of `memory`. `aggregates`: whether sockets may give many datagrams as one. */
  constructor(memory: NativeMemory, aggregates: boolean) {
    const shape = aggregates ? AGGREGATE_SHAPE : SINGLE_SHAPE;
    this.#ring = new MessageRing(memory, shape);
    this.#datagram = new ReceivedDatagram(this.#ring, this.#ancillary);
    this.#count = shape.count;
    for (let i = 0; i < shape.count; i++) this.#prepare(i);
  }

  /** The datagram that `select` or `next` chose. Valid until the next call of either or of `receive`. */
  get selected(): Datagram {
    return this.#datagram;
  }

  /** Most messages of one batch. When fewer came, no more waited. */
  get capacity(): number {
    return this.#count;
  }

  /** Takes what waits at a socket. Returns how many messages came, or a negative number when the call failed. */
  receive(fd: number): number {
    for (let i = 0; i < this.#received; i++) this.#prepare(i);
    const pointer = this.#ring.pointer(0);
    const count = this.#libc.recvmmsg(fd, pointer, this.#count, 0, null);
    this.#received = Math.max(count, 0);
    return count;
  }

  /** Shows the first datagram of message `index` of the batch as `selected`, or says why the message cannot be used. May be asked again. */
  select(index: number, localPort: number): "ok" | DatagramDefect {
    const ring = this.#ring;
    const length = ring.receivedLength(index);
    const flags = ring.flags(index);
    const controlLength = ring.controlLength(index);

    if (length === 0) return "datagram-empty";
    this.#ancillary.attach(ring.bytes, ring.controlAt(index), controlLength);
    const { localAt, segmentSize } = this.#ancillary;
    if (segmentSize === 0) return "datagram-without-segment-size";
    const size = segmentSize < 0 ? length : Math.min(segmentSize, length);
    if (size > MAX_DATAGRAM_BYTES || (flags & MSG_TRUNC) !== 0) {
      return "datagram-oversized";
    }
    if (localAt < 0) return "datagram-without-local-address";

    this.#segmentSize = size;
    this.#messageEnd = ring.slotAt(index) + length;
    this.#datagram.point(index, size, localPort);
    return "ok";
  }

  /** Shows the next datagram of the selected message as `selected`. Returns `false` when there is none. */
  next(): boolean {
    const datagram = this.#datagram;
    if (datagram.end >= this.#messageEnd) return false;
    datagram.start = datagram.end;
    datagram.end = Math.min(
      datagram.start + this.#segmentSize,
      this.#messageEnd,
    );
    return true;
  }

  /** Undoes what the kernel overwrote, so that the slot can receive again. */
  #prepare(index: number): void {
    this.#ring.setNameLength(index, SOCKADDR_ROOM_BYTES);
    this.#ring.setControlLength(index, ANCILLARY_ROOM_BYTES);
  }
}

/** The one `Datagram` of a ring, pointed at one slot after the other. */
class ReceivedDatagram implements Datagram {
  readonly bytes: Uint8Array;
  start = 0;
  end = 0;
  sourcePort = 0;
  localPort = 0;
  readonly #ring: MessageRing;
  readonly #ancillary: AncillaryView;
  #index = 0;

  constructor(ring: MessageRing, ancillary: AncillaryView) {
    this.bytes = ring.bytes;
    this.#ring = ring;
    this.#ancillary = ancillary;
  }

  get ecn(): Ecn {
    return this.#ancillary.ecn;
  }

  point(index: number, length: number, localPort: number): void {
    this.#index = index;
    this.start = this.#ring.slotAt(index);
    this.end = this.start + length;
    this.sourcePort = readSockaddrPort(this.bytes, this.#ring.nameAt(index));
    this.localPort = localPort;
  }

  isFrom(address: SocketAddress): boolean {
    return sockaddrIs(this.bytes, this.#ring.nameAt(this.#index), address);
  }

  isTo({ ip, port }: SocketAddress): boolean {
    const { localAt, localFamily } = this.#ancillary;
    return port === this.localPort && ip.family === localFamily &&
      ipEqualsBytes(ip, this.bytes, localAt);
  }

  copySourceIp(target: Uint8Array): IpFamily {
    return copySockaddrIp(this.bytes, this.#ring.nameAt(this.#index), target);
  }

  source(): SocketAddress {
    return readSockaddr(this.bytes, this.#ring.nameAt(this.#index));
  }

  local(): SocketAddress {
    const { localAt, localFamily } = this.#ancillary;
    const ip = this.bytes.slice(
      localAt,
      localAt + (localFamily === 4 ? 4 : 16),
    );
    return { ip: ipFromBytes(ip), port: this.localPort };
  }
}
