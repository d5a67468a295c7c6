import type { IpAddress, IpFamily, SocketAddress } from "./address.ts";

/** Explicit Congestion Notification bits of an IP header, RFC 3168 §5: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE. */
export type Ecn = 0 | 1 | 2 | 3;

/**
 * One received UDP datagram, borrowed for the duration of a call.
 *
 * `bytes` is the arena; the payload lies in `[start, end)`. The addresses are
 * made on demand, so data packets, which are told apart by their receiver
 * index, cost no allocation.
 */
export interface Datagram {
  /** The memory that holds the payload. */
  readonly bytes: Uint8Array;
  /** Index of the first payload byte. */
  readonly start: number;
  /** Index behind the last payload byte. */
  readonly end: number;
  /** UDP source port. */
  readonly sourcePort: number;
  /** Port of ours that received it. */
  readonly localPort: number;
  /** Congestion bits of the outer header. */
  readonly ecn: Ecn;
  /** Tells whether it came from `address`. Allocates nothing. */
  isFrom(address: SocketAddress): boolean;
  /** Tells whether it was sent to `address`, one of ours. Allocates nothing. */
  isTo(address: SocketAddress): boolean;
  /** Writes the 4 or 16 bytes of the source IP to the start of `target` and returns its family. Allocates nothing. */
  copySourceIp(target: Uint8Array): IpFamily;
  /** Makes the source address. Control path only: allocates. */
  source(): SocketAddress;
  /** Makes the address that the datagram was sent to. Control path only: allocates. */
  local(): SocketAddress;
}

/** A control-path datagram to send: STUN, TURN, a handshake. The receiver owns `payload`. */
export interface Transmit {
  /** Source address to pin, or `null` to leave the choice to the kernel (traffic to relays, p2p spec §7). */
  readonly source: IpAddress | null;
  /** Port of ours to send from; 0 for the node's main socket. A relay sends from the ports of its allocations. */
  readonly localPort: number;
  /** Where it goes. */
  readonly destination: SocketAddress;
  /** UDP payload. */
  readonly payload: Uint8Array;
}

/**
 * Takes data-path datagrams without a copy: reserve room, write, commit.
 *
 * A reservation that is not committed leaves no trace.
 */
export interface DatagramSink {
  /** The arena that `reserve` points into. */
  readonly bytes: Uint8Array;
  /** Whether nobody reads a datagram before the packet cipher has finished what was to be sealed later. No unless told. */
  readonly awaitsCipher?: boolean;
  /** Returns the address of room for one datagram of `MAX_DATAGRAM_BYTES` and a little slack. Never fails: flushes first when full. */
  reserve(): number;
  /** Sends the first `length` bytes at the last reserved address. `source` and `localPort` as in `Transmit`. */
  commit(
    length: number,
    source: IpAddress | null,
    localPort: number,
    destination: SocketAddress,
    ecn: Ecn,
  ): void;
}

/** Takes inner IP packets for the TUN device without a copy: reserve room, write, commit. */
export interface PacketSink {
  /** The arena that `reserve` points into. */
  readonly bytes: Uint8Array;
  /** Returns the address of room for one packet of `MAX_PACKET_BYTES` and its tag. Never fails: flushes first when full. */
  reserve(): number;
  /** Writes the `length` bytes at the last reserved address to the TUN device. */
  commit(length: number): void;
}

/** Largest inner IP packet, which is the MTU of the TUN device, in bytes (data-plane spec §1.2). */
export const MAX_PACKET_BYTES = 1280;

/** Largest UDP payload: inner packet, WireGuard data overhead (32), ChannelData header (4) (data-plane spec §1.2). */
export const MAX_DATAGRAM_BYTES = 1316;

/** What kernels may read and write behind a packet, in bytes. */
const SLACK_BYTES = 64;

/** Room to allocate for one packet that kernels work on. */
export const PACKET_ROOM_BYTES: number = MAX_PACKET_BYTES + SLACK_BYTES;

/** Room to allocate for one datagram that kernels work on. */
export const DATAGRAM_ROOM_BYTES: number = MAX_DATAGRAM_BYTES + SLACK_BYTES;
