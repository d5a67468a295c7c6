import type {
  DatagramSink,
  Ecn,
  IpAddress,
  PacketSink,
  SocketAddress,
} from "../../lib/base/mod.ts";

/** What was committed to a `SimDatagramSink`. */
export interface CommittedDatagram {
  readonly payload: Uint8Array;
  readonly source: IpAddress | null;
  readonly localPort: number;
  readonly destination: SocketAddress;
  readonly ecn: Ecn;
}

/** A datagram sink with one slot that hands out copies. */
export class SimDatagramSink implements DatagramSink {
  readonly bytes: Uint8Array;
  readonly #at: number;
  readonly #take: (datagram: CommittedDatagram) => void;

  constructor(
    bytes: Uint8Array,
    at: number,
    take: (datagram: CommittedDatagram) => void,
  ) {
    this.bytes = bytes;
    this.#at = at;
    this.#take = take;
  }

  reserve(): number {
    return this.#at;
  }

  commit(
    length: number,
    source: IpAddress | null,
    localPort: number,
    destination: SocketAddress,
    ecn: Ecn,
  ): void {
    const payload = this.bytes.slice(this.#at, this.#at + length);
    this.#take({ payload, source, localPort, destination, ecn });
  }
}

/** A packet sink with one slot that hands out copies. */
export class SimPacketSink implements PacketSink {
  readonly bytes: Uint8Array;
  readonly #at: number;
  readonly #take: (packet: Uint8Array) => void;

  constructor(
    bytes: Uint8Array,
    at: number,
    take: (packet: Uint8Array) => void,
  ) {
    this.bytes = bytes;
    this.#at = at;
    this.#take = take;
  }

  reserve(): number {
    return this.#at;
  }

  commit(length: number): void {
    this.#take(this.bytes.slice(this.#at, this.#at + length));
  }
}
