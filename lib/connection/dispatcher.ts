import {
  type Datagram,
  type Ecn,
  type Instant,
  type PacketSink,
  type RandomSource,
  type SocketAddress,
  toHex,
  type Transmit,
} from "../base/mod.ts";
import type { CheckVerdict, TransactionTable } from "../ice/mod.ts";
import {
  ChannelDataView,
  IpPacketView,
  isP2pControl,
  P2P_GOODBYE,
  p2pControlEvent,
  peerFormat,
  RELAY_PORT,
  relayFormat,
  StunView,
  wireguardMessageType,
  wireguardReceiver,
} from "../wire/mod.ts";
import {
  HandshakeGate,
  type IndexTable,
  openInitiation,
} from "../wireguard/mod.ts";
import type { Allocations, Relay } from "./allocations.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionTable } from "./connection_table.ts";
import type { PeerId } from "./peer_config.ts";
import type { DatagramVerdict, ReceivedPacket } from "./refusals.ts";
import { channelTransmit, directTransmit } from "./route.ts";

/** What a `Dispatcher` is made of: parts that it shares with the node. */
export interface DispatcherOptions {
  /** The node's static private key. */
  readonly staticPrivateKey: Uint8Array;
  /** The node's static public key. */
  readonly staticPublicKey: Uint8Array;
  /** The current time. */
  readonly now: Instant;
  /** Makes the cookie secret. */
  readonly random: RandomSource;
  /** The relays. */
  readonly allocations: Allocations;
  /** The peers. */
  readonly connections: ConnectionTable;
  /** The peers by receiver index. */
  readonly indices: IndexTable<Connection>;
  /** The checks under way. */
  readonly transactions: TransactionTable;
  /** Sends a message that belongs to no connection. */
  readonly transmit: (transmit: Transmit) => void;
  /** Takes note that a peer has said goodbye. */
  readonly handleGoodbye: (connection: Connection) => void;
}

/** How a message reached us through a relay. */
interface Channel {
  readonly relay: Relay;
  readonly number: number;
  readonly peer: SocketAddress;
}

/** First byte of a WireGuard data message. */
const DATA = 4;
/** First byte of a WireGuard handshake initiation. */
const INITIATION = 1;
/** First byte of a WireGuard handshake response. */
const RESPONSE = 2;

/** Inner packets with this first nibble and next header may be in-tunnel messages; all others need no closer look. */
const IPV6_NIBBLE = 6;
const IPV6_NEXT_HEADER = 6;
const P2P_CONTROL_PROTOCOL = 255;

/**
 * Finds out what each datagram is and whose, p2p spec §6.
 *
 * Data messages are told apart by their receiver index alone: nothing is
 * allocated for them, and two peers behind one NAT never get mixed up.
 */
export class Dispatcher {
  /** The packet of the last verdict `packet`. */
  readonly received: ReceivedPacket & Mutable = {
    peer: "",
    start: 0,
    end: 0,
    ecn: 0,
  };
  readonly #options: DispatcherOptions;
  readonly #gate: HandshakeGate;
  readonly #stun = new StunView();
  readonly #channelData = new ChannelDataView();
  readonly #inner = new IpPacketView();

  /** Creates the dispatcher of a node. */
  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#gate = new HandshakeGate(options);
  }

  /** Handles one datagram. */
  dispatch(
    datagram: Datagram,
    now: Instant,
    packets: PacketSink,
  ): DatagramVerdict {
    const { start, end } = datagram;
    if (datagram.sourcePort === RELAY_PORT) {
      const verdict = this.#handleRelayPort(datagram, now, packets);
      if (verdict !== undefined) return verdict;
    }
    return this.#handleMessage(datagram, start, end, undefined, now, packets);
  }

  /** Rules 1 and 2. `undefined` when the datagram is a peer's after all. */
  #handleRelayPort(
    datagram: Datagram,
    now: Instant,
    packets: PacketSink,
  ): DatagramVerdict | undefined {
    const { bytes, start, end } = datagram;
    const format = relayFormat(
      bytes,
      start,
      end,
      this.#stun,
      this.#channelData,
    );
    if (format === "none") return undefined;
    const { allocations } = this.#options;
    const relay = allocations.senderOf(datagram);
    if (relay === undefined) {
      const isFormer = allocations.isFormer(datagram.source().ip);
      return isFormer ? "former-relay" : undefined;
    }
    if (format === "channel-data") {
      return this.#handleChannelData(datagram, relay, now, packets);
    }
    const source = datagram.source();
    allocations.handleStun(relay, source, datagram.local(), this.#stun, now);
    return "consumed";
  }

  #handleChannelData(
    datagram: Datagram,
    relay: Relay,
    now: Instant,
    packets: PacketSink,
  ): DatagramVerdict {
    const { channel: number, dataStart, dataEnd } = this.#channelData;
    const peer = relay.allocation.peerOf(number, now);
    if (peer === undefined) return "unknown-channel";
    if (dataStart < dataEnd && datagram.bytes[dataStart] === DATA) {
      return this.#handleData(datagram, dataStart, dataEnd, now, packets);
    }
    const channel = { relay, number, peer };
    return this.#handleMessage(
      datagram,
      dataStart,
      dataEnd,
      channel,
      now,
      packets,
    );
  }

  /** Rules 3 to 5. */
  #handleMessage(
    datagram: Datagram,
    start: number,
    end: number,
    channel: Channel | undefined,
    now: Instant,
    packets: PacketSink,
  ): DatagramVerdict {
    const { bytes } = datagram;
    switch (peerFormat(bytes, start, end, this.#stun)) {
      case "check-request":
        return this.#handleCheckRequest(datagram, channel, now);
      case "check-response":
        return this.#handleCheckResponse(now);
      case "ignored-stun":
        return "ignored-stun";
      case "unknown":
        return start === end ? "empty" : "unknown-format";
      case "wireguard":
        break;
    }
    switch (bytes[start]) {
      case DATA:
        return this.#handleData(datagram, start, end, now, packets);
      case INITIATION:
      case RESPONSE:
        return this.#handleHandshake(datagram, start, end, channel, now);
      default:
        return this.#handleCookieReply(bytes, start, end, now);
    }
  }

  #handleData(
    datagram: Datagram,
    start: number,
    end: number,
    now: Instant,
    packets: PacketSink,
  ): DatagramVerdict {
    const { bytes } = datagram;
    if (wireguardMessageType(bytes, start, end) !== DATA) {
      return "unknown-format";
    }
    const { connections, indices } = this.#options;
    const connection = indices.find(wireguardReceiver(bytes, start));
    if (connection === undefined) return "unknown-index";
    const at = packets.reserve();
    const length = connection.tunnel.open(bytes, start, end, at, now);
    connections.touch(connection);
    if (length < 0) return "refused-data";
    if (length === 0) return "consumed";

    connection.noteActivity(now);
    if (this.#isGoodbye(packets.bytes, at, length)) {
      this.#options.handleGoodbye(connection);
      return "consumed";
    }
    this.received.peer = connection.id;
    this.received.start = at;
    this.received.end = at + length;
    this.received.ecn = datagram.ecn;
    return "packet";
  }

  #isGoodbye(bytes: Uint8Array, at: number, length: number): boolean {
    return bytes[at]! >>> 4 === IPV6_NIBBLE &&
      bytes[at + IPV6_NEXT_HEADER] === P2P_CONTROL_PROTOCOL &&
      this.#inner.attach(bytes, at, at + length) === "ok" &&
      isP2pControl(this.#inner) &&
      p2pControlEvent(this.#inner) === P2P_GOODBYE;
  }

  #handleHandshake(
    datagram: Datagram,
    start: number,
    end: number,
    channel: Channel | undefined,
    now: Instant,
  ): DatagramVerdict {
    const { bytes } = datagram;
    const source = channel?.peer ?? datagram.source();
    const verdict = this.#gate.check(bytes, start, end, source.ip, now);
    if (verdict !== "ok") {
      const reply = this.#gate.takeCookieReply();
      if (reply) this.#answer(datagram, channel, reply, now);
      return verdict;
    }
    return bytes[start] === INITIATION
      ? this.#handleInitiation(bytes, start, end, now)
      : this.#handleResponse(bytes, start, end, now);
  }

  #handleInitiation(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): DatagramVerdict {
    const { staticPrivateKey, staticPublicKey, connections } = this.#options;
    const opened = openInitiation(
      staticPrivateKey,
      staticPublicKey,
      bytes,
      start,
      end,
    );
    if (!opened) return "unopenable-initiation";
    const connection = connections.ofPublicKey(opened.peerPublicKey);
    if (!connection) return "unknown-public-key";
    connections.touch(connection);
    const verdict = connection.tunnel.handleInitiation(opened, now);
    return verdict === "accepted" ? "consumed" : "refused-handshake";
  }

  #handleResponse(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): DatagramVerdict {
    const connection = this.#addressee(bytes, start);
    if (!connection) return "unknown-index";
    const { tunnel } = connection;
    const verdict = tunnel.handleResponse(bytes, start, end, now);
    return verdict === "accepted" ? "consumed" : "refused-handshake";
  }

  #handleCookieReply(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): DatagramVerdict {
    const connection = this.#addressee(bytes, start);
    if (!connection) return "unknown-index";
    const { tunnel } = connection;
    const verdict = tunnel.handleCookieReply(bytes, start, end, now);
    return verdict === "accepted" ? "consumed" : "refused-handshake";
  }

  #addressee(bytes: Uint8Array, start: number): Connection | undefined {
    const { connections, indices } = this.#options;
    const connection = indices.find(wireguardReceiver(bytes, start));
    if (connection) connections.touch(connection);
    return connection;
  }

  #handleCheckRequest(
    datagram: Datagram,
    channel: Channel | undefined,
    now: Instant,
  ): DatagramVerdict {
    const { connections } = this.#options;
    const connection = connections.ofUsername(this.#stun.username() ?? "");
    if (!connection) return "unknown-username";
    const source = channel?.peer ?? datagram.source();
    const local = channel
      ? channel.relay.allocation.relayed(source.ip.family)
      : datagram.local();
    if (!local) return "not-a-local-candidate";
    connections.touch(connection);
    return verdictOf(
      connection.agent.handleRequest(this.#stun, source, local, now),
    );
  }

  #handleCheckResponse(now: Instant): DatagramVerdict {
    const { connections, transactions } = this.#options;
    const transactionId = toHex(this.#stun.transactionId());
    const check = transactions.find(transactionId, now);
    if (!check) return "unknown-transaction";
    const connection = connections.ofUsername(check.agent.username);
    if (connection?.agent !== check.agent) return "unknown-transaction";
    connections.touch(connection);
    return verdictOf(check.agent.handleResponse(this.#stun, check, now));
  }

  /**
   * Answers on the path that a message came.
   *
   * Deviation: upstream sends cookies to the path that ICE selected, for which
   * it must do the key agreement that cookies are there to save.
   */
  #answer(
    datagram: Datagram,
    channel: Channel | undefined,
    message: Uint8Array,
    now: Instant,
  ): void {
    const { transmit } = this.#options;
    if (!channel) {
      const source = datagram.source();
      return transmit(directTransmit(datagram.local().ip, source, message));
    }
    const { allocation } = channel.relay;
    if (!allocation.activeSocket) return;
    allocation.noteChannelDataSent(now);
    transmit(channelTransmit(allocation.activeSocket, channel.number, message));
  }
}

/** `received` as its one writer sees it: one object, reused for each packet. */
interface Mutable {
  peer: PeerId;
  start: number;
  end: number;
  ecn: Ecn;
}

function verdictOf(verdict: CheckVerdict): DatagramVerdict {
  return verdict === "accepted" ? "consumed" : verdict;
}
