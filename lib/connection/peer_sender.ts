import {
  type DatagramSink,
  type Ecn,
  type Instant,
  Queue,
  type SocketAddress,
  type Transmit,
} from "../base/mod.ts";
import {
  CHANNEL_DATA_HEADER_LENGTH,
  writeChannelDataHeader,
} from "../wire/mod.ts";
import type { Tunnel } from "../wireguard/mod.ts";
import type { Relay } from "./allocations.ts";
import type { SendVerdict } from "./connection_event.ts";
import { ChannelBudget } from "./channel_budget.ts";
import { PacketRing } from "./packet_ring.ts";
import { channelTransmit, directTransmit, type Way } from "./route.ts";

/** Messages of a tunnel kept until there is a path, p2p spec §1.5. */
const HELD_MESSAGES = 128;

/** Most transmits that wait to be polled. */
const TRANSMIT_LIMIT = 1024;

/** Sends what one peer is to receive, from our own socket or through our relay. */
export class PeerSender {
  /** The relay to send through; `undefined` while there is none to be had. */
  relay: Relay | undefined;
  readonly #budget = new ChannelBudget();
  #refusedBinds = 0;
  readonly #held = new PacketRing(HELD_MESSAGES);
  readonly #transmits = new Queue<Transmit>(TRANSMIT_LIMIT);

  /** Creates a sender that has sent nothing. */
  constructor(relay: Relay) {
    this.relay = relay;
  }

  /** Encrypts the packet of `length` bytes at arena address `source` and commits it to `out`. Allocates nothing. */
  sendPacket(
    tunnel: Tunnel,
    way: Way,
    source: number,
    length: number,
    now: Instant,
    out: DatagramSink,
    ecn: Ecn,
  ): SendVerdict {
    if (way.viaRelay) {
      return this.#relayPacket(tunnel, way, source, length, now, out, ecn);
    }
    const target = out.reserve();
    const later = out.awaitsCipher ?? false;
    const messageLength = tunnel.seal(source, length, target, now, later);
    if (messageLength === 0) return "no-session";
    out.commit(messageLength, way.source, 0, way.destination, ecn);
    return "sent";
  }

  /** Sends a message. */
  sendMessage(
    { viaRelay, source, destination }: Way,
    message: Uint8Array,
    now: Instant,
  ): void {
    if (viaRelay) return this.#relayMessage(destination, message, now);
    this.#transmits.push(directTransmit(source, destination, message));
  }

  /** Keeps a message of the tunnel until there is a path. */
  holdMessage(message: Uint8Array): void {
    this.#held.push(message);
  }

  /** Sends the messages that waited for a path. */
  flush(way: Way, now: Instant): void {
    for (const message of this.#held.takeAll()) {
      this.sendMessage(way, message, now);
    }
  }

  /** Binds a channel to an address of the peer, unless the peer has too many already. */
  bindChannel(address: SocketAddress, now: Instant): void {
    const allocation = this.relay?.allocation;
    if (!allocation) return;
    const isBound = (address: SocketAddress): boolean =>
      allocation.channelTo(address, now) !== 0;
    if (this.#budget.admit(address, isBound, now)) {
      allocation.bindChannel(address, now);
    } else this.#refusedBinds++;
  }

  /** Returns how many channels were refused since the last time. */
  takeRefusedBinds(): number {
    const refused = this.#refusedBinds;
    this.#refusedBinds = 0;
    return refused;
  }

  /** Returns the next datagram to send. */
  pollTransmit(): Transmit | undefined {
    return this.#transmits.shift();
  }

  #relayPacket(
    tunnel: Tunnel,
    way: Way,
    source: number,
    length: number,
    now: Instant,
    out: DatagramSink,
    ecn: Ecn,
  ): SendVerdict {
    const allocation = this.relay?.allocation;
    const relaySocket = allocation?.activeSocket;
    if (allocation === undefined || relaySocket === undefined) {
      return "no-relay";
    }
    const channel = allocation.channelTo(way.destination, now);
    if (channel === 0) {
      this.bindChannel(way.destination, now);
      return "no-channel";
    }
    const at = out.reserve();
    const message = at + CHANNEL_DATA_HEADER_LENGTH;
    const later = out.awaitsCipher ?? false;
    const messageLength = tunnel.seal(source, length, message, now, later);
    if (messageLength === 0) return "no-session";
    writeChannelDataHeader(out.bytes, at, channel, messageLength);
    const datagramLength = CHANNEL_DATA_HEADER_LENGTH + messageLength;
    out.commit(datagramLength, null, 0, relaySocket, ecn);
    allocation.noteChannelDataSent(now);
    return "sent";
  }

  /** Without a channel the message is lost, but the next one will have it. */
  #relayMessage(
    peer: SocketAddress,
    message: Uint8Array,
    now: Instant,
  ): void {
    const allocation = this.relay?.allocation;
    if (!allocation?.activeSocket) return;
    const channel = allocation.channelTo(peer, now);
    if (channel === 0) return this.bindChannel(peer, now);
    allocation.noteChannelDataSent(now);
    this.#transmits.push(
      channelTransmit(allocation.activeSocket, channel, message),
    );
  }
}
