import {
  assert,
  type Datagram,
  type Instant,
  type SocketAddress,
  type Transmit,
} from "../base/mod.ts";
import type { PathEnds } from "../path/mod.ts";
import type { Relay } from "./allocations.ts";
import { channelTransmit, directTransmit } from "./route.ts";

/**
 * How a datagram reached us: from a peer itself, or from a relay.
 *
 * One object serves all datagrams, and makes addresses only when asked, so
 * that data messages cost no allocation. Valid while the datagram is.
 */
export class Arrival {
  #datagram: Datagram | undefined;
  #relay: Relay | undefined;
  #channel = 0;
  #peer: SocketAddress | undefined;

  /** Begins with a datagram that a peer sent to us, as far as is known. */
  begin(datagram: Datagram): void {
    this.#datagram = datagram;
    this.#relay = undefined;
    this.#peer = undefined;
  }

  /** Notes that the datagram holds a message that came through a channel. */
  unwrap(relay: Relay, channel: number, peer: SocketAddress): void {
    this.#relay = relay;
    this.#channel = channel;
    this.#peer = peer;
  }

  /** The peer's address, even when a relay stands before it. */
  get source(): SocketAddress {
    const source = this.#peer ?? this.#datagram?.source();
    assert(source !== undefined, "Nothing has arrived yet");
    return source;
  }

  /** The address of ours that the peer sent to: a socket, or an address on a relay. */
  get local(): SocketAddress | undefined {
    if (!this.#peer) return this.#datagram?.local();
    return this.#relay?.allocation.relayed(this.#peer.ip.family);
  }

  /** Both ends; `undefined` if the relay has taken our address back. */
  get ends(): PathEnds | undefined {
    const { source, local } = this;
    return local && { local, remote: source };
  }

  /** Makes the transmit of a message that takes the way back. */
  answer(message: Uint8Array, now: Instant): Transmit | undefined {
    const { source } = this;
    if (!this.#peer) {
      const local = this.#datagram?.local();
      return local && directTransmit(local.ip, source, message);
    }
    const allocation = this.#relay?.allocation;
    if (!allocation?.activeSocket) return undefined;
    allocation.noteChannelDataSent(now);
    return channelTransmit(allocation.activeSocket, this.#channel, message);
  }
}
