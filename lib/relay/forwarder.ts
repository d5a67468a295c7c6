import {
  copyBytes,
  type Counters,
  type Datagram,
  type DatagramSink,
  type Instant,
  MAX_DATAGRAM_BYTES,
} from "../base/mod.ts";
import {
  CHANNEL_DATA_HEADER_LENGTH,
  ChannelDataView,
  writeChannelDataHeader,
} from "../wire/mod.ts";
import type { AllocationTable } from "./allocation_table.ts";
import type { ClientTable } from "./client_table.ts";
import type { RelayCount } from "./counts.ts";
import type { RelayChannel } from "./relay_allocation.ts";

/** Moves data between clients and peers (p2p spec §8.9). Allocates nothing. */
export class Forwarder {
  readonly #clients: ClientTable;
  readonly #allocations: AllocationTable;
  readonly #counters: Counters<RelayCount>;
  readonly #view = new ChannelDataView();
  readonly #sourceIp = new Uint8Array(16);

  /** Works on the tables of a relay and counts what it does. */
  constructor(
    clients: ClientTable,
    allocations: AllocationTable,
    counters: Counters<RelayCount>,
  ) {
    this.#clients = clients;
    this.#allocations = allocations;
    this.#counters = counters;
  }

  /** Takes ChannelData from a client and sends what is in it to the peer of the channel. */
  fromClient(datagram: Datagram, now: Instant, out: DatagramSink): void {
    const view = this.#view;
    if (!view.attach(datagram.bytes, datagram.start, datagram.end)) {
      return this.#counters.increment("malformed-channel-data");
    }
    const family = datagram.copySourceIp(this.#sourceIp);
    const port = datagram.sourcePort;
    const client = this.#clients.find(this.#sourceIp, family, port);
    const allocation = client?.allocation;
    if (allocation === undefined || now >= allocation.dueAt) {
      return this.#counters.increment("unknown-client");
    }
    const channel = allocation.channel(view.channel);
    if (channel === undefined || now >= channel.activeUntil) {
      return this.#counters.increment("no-active-channel");
    }
    const { dataStart, dataEnd } = view;
    if (channel.isOwn) {
      this.#loop(channel, datagram.bytes, dataStart, dataEnd, now, out);
    } else this.#toPeer(channel, datagram.bytes, dataStart, dataEnd, out);
  }

  /** Takes a datagram from a peer at the port of an allocation and sends it to the client as ChannelData. */
  fromPeer(datagram: Datagram, now: Instant, out: DatagramSink): void {
    const allocation = this.#allocations.at(datagram.localPort);
    if (allocation === undefined || now >= allocation.dueAt) {
      return this.#counters.increment("unallocated-port");
    }
    const family = datagram.copySourceIp(this.#sourceIp);
    const port = datagram.sourcePort;
    const channel = allocation.channelOf(this.#sourceIp, family, port);
    if (channel === undefined || now >= channel.activeUntil) {
      return this.#counters.increment("unknown-peer");
    }
    this.#toClient(channel, datagram.bytes, datagram.start, datagram.end, out);
  }

  /**
   * Hands data to another allocation of this relay, as if it had come back from the network.
   *
   * The receiving client sees it come from our public address, which is also
   * that of the peer, and the sender's port.
   */
  #loop(
    channel: RelayChannel,
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
    out: DatagramSink,
  ): void {
    const { ip, port } = channel.peer;
    const target = this.#allocations.at(port);
    if (target === undefined || now >= target.dueAt) {
      return this.#counters.increment("unallocated-port");
    }
    const senderPort = channel.allocation.port;
    const back = target.channelOf(ip.bytes, ip.family, senderPort);
    if (back === undefined || now >= back.activeUntil) {
      return this.#counters.increment("unknown-peer");
    }
    this.#counters.increment("looped");
    this.#toClient(back, bytes, start, end, out);
  }

  #toPeer(
    channel: RelayChannel,
    bytes: Uint8Array,
    start: number,
    end: number,
    out: DatagramSink,
  ): void {
    const length = end - start;
    if (length > MAX_DATAGRAM_BYTES) {
      return this.#counters.increment("too-large");
    }
    copyBytes(bytes, start, end, out.bytes, out.reserve());
    out.commit(length, null, channel.allocation.port, channel.peer, 0);
    this.#counters.increment("to-peer");
    this.#counters.add("to-peer-bytes", length);
  }

  #toClient(
    channel: RelayChannel,
    bytes: Uint8Array,
    start: number,
    end: number,
    out: DatagramSink,
  ): void {
    const length = end - start;
    if (length + CHANNEL_DATA_HEADER_LENGTH > MAX_DATAGRAM_BYTES) {
      return this.#counters.increment("too-large");
    }
    const at = out.reserve();
    writeChannelDataHeader(out.bytes, at, channel.number, length);
    copyBytes(bytes, start, end, out.bytes, at + CHANNEL_DATA_HEADER_LENGTH);
    const { address, localIp } = channel.allocation.client;
    const total = length + CHANNEL_DATA_HEADER_LENGTH;
    out.commit(total, localIp, MAIN_PORT, address, 0);
    this.#counters.increment("to-client");
    this.#counters.add("to-client-bytes", length);
  }
}

/** Stands for the port that clients talk to (`Transmit.localPort`). */
const MAIN_PORT = 0;
