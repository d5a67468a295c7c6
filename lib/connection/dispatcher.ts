import {
  type Datagram,
  type Ecn,
  type Instant,
  type PacketSink,
} from "../base/mod.ts";
import type { CheckVerdict, TransactionTable } from "../ice/mod.ts";
import {
  ChannelDataView,
  IpPacketView,
  isP2pControl,
  P2P_GOODBYE,
  p2pControlEvent,
  pathProbeIdentifier,
  pathProbeSequence,
  pathProbeType,
  peerFormat,
  PROBE_REQUEST,
  RELAY_PORT,
  relayFormat,
  StunView,
  wireguardMessageType,
  wireguardReceiver,
} from "../wire/mod.ts";
import type { Allocations, Relay } from "./allocations.ts";
import { Arrival } from "./arrival.ts";
import type { Connection } from "./connection.ts";
import { Handshakes, type HandshakesOptions } from "./handshakes.ts";
import type { IcelessFinder } from "./iceless_finder.ts";
import type { PeerId } from "./peer_config.ts";
import type { DatagramVerdict, ReceivedPacket } from "./refusals.ts";

/** What a `Dispatcher` is made of: parts that it shares with the node. */
export interface DispatcherOptions extends HandshakesOptions {
  /** The relays. */
  readonly allocations: Allocations;
  /** The checks under way. */
  readonly transactions: TransactionTable;
  /** Takes note that a peer has said goodbye. */
  readonly handleGoodbye: (connection: Connection) => void;
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
  readonly #handshakes: Handshakes;
  readonly #arrival = new Arrival();
  readonly #stun = new StunView();
  readonly #channelData = new ChannelDataView();
  readonly #inner = new IpPacketView();

  /** Creates the dispatcher of a node. */
  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#handshakes = new Handshakes(options);
  }

  /** Handles one datagram. */
  dispatch(
    datagram: Datagram,
    now: Instant,
    packets: PacketSink,
  ): DatagramVerdict {
    const { start, end } = datagram;
    this.#arrival.begin(datagram);
    if (datagram.sourcePort === RELAY_PORT) {
      const verdict = this.#handleRelayPort(datagram, now, packets);
      if (verdict !== undefined) return verdict;
    }
    return this.#handleMessage(datagram, start, end, now, packets);
  }

  /**
   * Begins to decrypt a datagram that `dispatch` is going to be given, if it is
   * a data message. Returns `false` when the cipher has no room for more.
   */
  openAhead(datagram: Datagram, now: Instant): boolean {
    const { bytes } = datagram;
    let { start, end } = datagram;
    const channelData = this.#channelData;
    const isRelayed = datagram.sourcePort === RELAY_PORT &&
      channelData.attach(bytes, start, end);
    if (isRelayed) {
      start = channelData.dataStart;
      end = channelData.dataEnd;
    }
    if (wireguardMessageType(bytes, start, end) !== DATA) return true;
    const connection = this.#options.indices.find(
      wireguardReceiver(bytes, start),
    );
    return connection?.tunnel.openAhead(bytes, start, end, now) ?? true;
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
    this.#arrival.unwrap(relay, number, peer);
    if (dataStart < dataEnd && datagram.bytes[dataStart] === DATA) {
      return this.#handleData(datagram, dataStart, dataEnd, now, packets);
    }
    return this.#handleMessage(datagram, dataStart, dataEnd, now, packets);
  }

  /** Rules 3 to 5. */
  #handleMessage(
    datagram: Datagram,
    start: number,
    end: number,
    now: Instant,
    packets: PacketSink,
  ): DatagramVerdict {
    const { bytes } = datagram;
    switch (peerFormat(bytes, start, end, this.#stun)) {
      case "check-request":
        return this.#handleCheckRequest(now);
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
        return this.#handshakes.handle(bytes, start, end, this.#arrival, now);
      default:
        return this.#handshakes.handleCookieReply(bytes, start, end, now);
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
    const { finder } = connection;
    finder.noteData();
    if (length === 0) return "consumed";

    if (finder.mode === "iceless") {
      const probe = pathProbeType(packets.bytes, at, at + length);
      if (probe !== 0) {
        return this.#handleProbe(finder, probe, packets.bytes, at, now);
      }
    }
    connection.noteActivity(now);
    connection.traffic.noteReceived(length);
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

  /** Consumes a probe at once, p2p spec §3.5: applications know nothing of it. */
  #handleProbe(
    finder: IcelessFinder,
    type: number,
    bytes: Uint8Array,
    at: number,
    now: Instant,
  ): DatagramVerdict {
    const arrival = this.#arrival;
    const { ends } = arrival;
    if (!ends) return "not-a-local-candidate";
    const identifier = pathProbeIdentifier(bytes, at);
    const sequence = pathProbeSequence(bytes, at);
    if (type === PROBE_REQUEST) {
      const reply = finder.handleProbe(ends, identifier, sequence, now);
      const transmit = reply && arrival.answer(reply, now);
      if (transmit) this.#options.transmit(transmit);
      return "consumed";
    }
    const verdict = finder.handleProbeReply(ends, identifier, sequence, now);
    return verdict === "accepted" ? "consumed" : verdict;
  }

  #handleCheckRequest(now: Instant): DatagramVerdict {
    const { connections } = this.#options;
    const connection = connections.ofUsername(this.#stun.username() ?? "");
    if (connection?.finder.mode !== "ice") return "unknown-username";
    const { ends } = this.#arrival;
    if (!ends) return "not-a-local-candidate";
    const { remote, local } = ends;
    const { agent } = connection.finder;
    connections.touch(connection);
    return verdictOf(agent.handleRequest(this.#stun, remote, local, now));
  }

  #handleCheckResponse(now: Instant): DatagramVerdict {
    const { connections, transactions } = this.#options;
    const check = transactions.find(this.#stun.transactionId(), now);
    if (!check) return "unknown-transaction";
    const { agent } = check;
    const connection = connections.ofUsername(agent.username);
    const isCurrent = connection?.finder.mode === "ice" &&
      connection.finder.agent === agent;
    if (!isCurrent) return "unknown-transaction";
    connections.touch(connection);
    return verdictOf(agent.handleResponse(this.#stun, check, now));
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
