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
import { BATCH_SIZE, MessageRing } from "./message_ring.ts";
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

/** One byte more than allowed, so that what is too long shows. */
const RECEIVE_LENGTH = MAX_DATAGRAM_BYTES + 1;

/** What is wrong with a received datagram, before anybody has looked into it. */
export type DatagramDefect =
  | "datagram-empty"
  | "datagram-oversized"
  | "datagram-without-local-address";

/** Receives datagrams in batches and shows them one at a time. One ring serves all sockets of a loop. */
export class ReceiveRing {
  readonly #libc: Libc = libc();
  readonly #ring: MessageRing;
  readonly #ancillary = new AncillaryView();
  readonly #datagram: ReceivedDatagram;

  /** Allocates the ring in the arena of `memory`. */
  constructor(memory: NativeMemory) {
    this.#ring = new MessageRing(memory);
    this.#datagram = new ReceivedDatagram(this.#ring, this.#ancillary);
    for (let i = 0; i < BATCH_SIZE; i++) {
      this.#ring.setPayloadLength(i, RECEIVE_LENGTH);
      this.#prepare(i);
    }
  }

  /** The datagram that `select` chose. Valid until the next call of `select` or `receive`. */
  get selected(): Datagram {
    return this.#datagram;
  }

  /** Takes what waits at a socket. Returns how many datagrams came, or a negative number when the call failed. */
  receive(fd: number): number {
    return this.#libc.recvmmsg(fd, this.#ring.pointer(0), BATCH_SIZE, 0, null);
  }

  /** Shows datagram `index` of the batch as `selected`, or says why it cannot be used. */
  select(index: number, localPort: number): "ok" | DatagramDefect {
    const ring = this.#ring;
    const length = ring.receivedLength(index);
    const flags = ring.flags(index);
    const controlLength = ring.controlLength(index);
    this.#prepare(index);

    if (length === 0) return "datagram-empty";
    if (length > MAX_DATAGRAM_BYTES || (flags & MSG_TRUNC) !== 0) {
      return "datagram-oversized";
    }
    this.#ancillary.attach(ring.bytes, ring.controlAt(index), controlLength);
    if (this.#ancillary.localAt < 0) return "datagram-without-local-address";

    this.#datagram.point(index, length, localPort);
    return "ok";
  }

  /** Undoes what the kernel overwrites, so that the slot can receive again. Keeps the data readable. */
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
