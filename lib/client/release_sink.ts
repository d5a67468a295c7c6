import {
  type Arena,
  DATAGRAM_ROOM_BYTES,
  type DatagramSink,
  type IpAddress,
  MAX_PACKET_BYTES,
  Queue,
  type SocketAddress,
  type Transmit,
} from "../base/mod.ts";
import { RELEASE_QUEUE_LIMIT } from "./constants.ts";

/**
 * Sends packets that waited for the portal.
 *
 * Their moment comes with a message, when the shell lends no sink: what a
 * packet becomes is copied and polled as a control datagram. Its congestion
 * bits are lost on the way.
 */
export class ReleaseSink implements DatagramSink {
  readonly #arena: Arena;
  readonly #packet: number;
  readonly #datagram: number;
  readonly #transmits = new Queue<Transmit>(RELEASE_QUEUE_LIMIT);

  /** Takes room for one packet and one datagram from the arena. */
  constructor(arena: Arena) {
    this.#arena = arena;
    this.#packet = arena.allocate(MAX_PACKET_BYTES);
    this.#datagram = arena.allocate(DATAGRAM_ROOM_BYTES);
  }

  /** The arena. */
  get bytes(): Uint8Array {
    return this.#arena.bytes;
  }

  /** Copies a packet into the arena and returns its address, valid until the next call. */
  place(packet: Uint8Array): number {
    this.bytes.set(packet, this.#packet);
    return this.#packet;
  }

  /** Returns the room for a datagram. */
  reserve(): number {
    return this.#datagram;
  }

  /** Keeps a copy of the datagram in the room. */
  commit(
    length: number,
    source: IpAddress | null,
    localPort: number,
    destination: SocketAddress,
  ): void {
    const at = this.#datagram;
    const payload = this.bytes.slice(at, at + length);
    this.#transmits.push({ source, localPort, destination, payload });
  }

  /** Returns the next datagram. */
  pollTransmit(): Transmit | undefined {
    return this.#transmits.shift();
  }
}
