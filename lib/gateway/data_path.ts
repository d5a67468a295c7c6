import {
  Counters,
  type DatagramSink,
  type Instant,
  type PacketSink,
} from "../base/mod.ts";
import type { SendVerdict } from "../connection/mod.ts";
import {
  applyOuterEcn,
  IcmpErrorView,
  IpPacketView,
  PACKET_REFUSALS,
  type PacketRefusal,
} from "../wire/mod.ts";
import type { ClientDirectory } from "./client_directory.ts";
import { type GatewayNode, SEND_VERDICTS } from "./gateway_node.ts";
import { INBOUND_DROPS, type InboundDrop, judgeInbound } from "./inbound.ts";
import {
  judgeOutbound,
  OUTBOUND_VERDICTS,
  type OutboundVerdict,
} from "./outbound.ts";
import type { TunnelAddresses } from "../policy/mod.ts";

/** What became of a packet from a client. */
export type OutboundOutcome = PacketRefusal | OutboundVerdict;

/** What became of a packet from the TUN device. */
export type InboundOutcome = PacketRefusal | InboundDrop | SendVerdict;

/**
 * Carries packets between clients and the TUN device, as far as policy lets them pass.
 *
 * Every packet is counted under exactly one outcome. Nothing here allocates.
 */
export class DataPath {
  /** Packets from clients by what became of them. */
  readonly outbound: Counters<OutboundOutcome> = new Counters<OutboundOutcome>([
    ...PACKET_REFUSALS,
    ...OUTBOUND_VERDICTS,
  ]);
  /** Packets from the TUN device by what became of them. */
  readonly inbound: Counters<InboundOutcome> = new Counters<InboundOutcome>([
    ...PACKET_REFUSALS,
    ...INBOUND_DROPS,
    ...Object.keys(SEND_VERDICTS) as SendVerdict[],
  ]);
  readonly #node: GatewayNode;
  readonly #clients: ClientDirectory;
  readonly #packet = new IpPacketView();
  readonly #icmpError = new IcmpErrorView();

  /** Creates a data path for the connections of `node` and the records in `clients`. */
  constructor(node: GatewayNode, clients: ClientDirectory) {
    this.#node = node;
    this.#clients = clients;
  }

  /** Takes the packet that `node` has just decrypted into the reserved room of `packets`. `gateway`: our own addresses. */
  handleReceived(
    packets: PacketSink,
    gateway: TunnelAddresses | undefined,
  ): void {
    const { start, end } = this.#node.received;
    const outcome = this.#judgeReceived(packets.bytes, start, end, gateway);
    this.outbound.increment(outcome);
    if (outcome !== "forward") return;

    applyOuterEcn(this.#packet, this.#node.received.ecn);
    packets.commit(end - start);
  }

  /** Takes the packet `[start, end)` from the TUN device and sends it to the client it is for. */
  handlePacket(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
    datagrams: DatagramSink,
    gateway: TunnelAddresses | undefined,
  ): void {
    this.inbound.increment(
      this.#forward(bytes, start, end, now, datagrams, gateway),
    );
  }

  #judgeReceived(
    bytes: Uint8Array,
    start: number,
    end: number,
    gateway: TunnelAddresses | undefined,
  ): OutboundOutcome {
    const refusal = this.#packet.attach(bytes, start, end);
    if (refusal !== "ok") return refusal;
    const client = this.#clients.byId(this.#node.received.peer);
    return judgeOutbound(this.#packet, client, gateway, this.#icmpError);
  }

  #forward(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
    datagrams: DatagramSink,
    gateway: TunnelAddresses | undefined,
  ): InboundOutcome {
    const packet = this.#packet;
    const refusal = packet.attach(bytes, start, end);
    if (refusal !== "ok") return refusal;
    const client = this.#clients.byAddress(
      packet.version,
      bytes,
      packet.destinationAt,
    );
    const verdict = judgeInbound(packet, client, gateway, this.#icmpError);
    if (verdict !== "forward") return verdict;
    if (client === undefined) return "no-peer-state";
    return this.#node.sendPacket(
      client.id,
      start,
      end,
      now,
      datagrams,
      packet.ecn,
    );
  }
}
