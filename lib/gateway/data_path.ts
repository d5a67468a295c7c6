import {
  type Arena,
  Counters,
  type Datagram,
  type DatagramSink,
  type Instant,
  PACKET_ROOM_BYTES,
  type PacketSink,
} from "../base/mod.ts";
import { SEND_VERDICTS, type SendVerdict } from "../connection/mod.ts";
import type { FlowTracker } from "../flow_log/mod.ts";
import {
  applyOuterEcn,
  IcmpErrorView,
  IpPacketView,
  PACKET_REFUSALS,
  type PacketRefusal,
} from "../wire/mod.ts";
import type { Client } from "./client.ts";
import type { ClientDirectory } from "./client_directory.ts";
import type { DomainService } from "./domain_service.ts";
import type { GatewayNode } from "./gateway_node.ts";
import { IcmpReplies, type IcmpReplyOutcome } from "./icmp_replies.ts";
import {
  INBOUND_DROPS,
  type InboundDrop,
  type InboundScratch,
  judgeInbound,
} from "./inbound.ts";
import {
  judgeOutbound,
  OUTBOUND_VERDICTS,
  type OutboundVerdict,
} from "./outbound.ts";
import {
  includesAddress,
  isTunnelAddress,
  type TunnelAddresses,
} from "../policy/mod.ts";

/** What became of a packet from a client. */
export type OutboundOutcome = PacketRefusal | OutboundVerdict;

/** What became of a packet from the TUN device. */
export type InboundOutcome = PacketRefusal | InboundDrop | SendVerdict;

/** What a data path is made of. */
export interface DataPathOptions {
  /** The connections to all clients. */
  readonly node: GatewayNode;
  /** The memory that packets lie in. */
  readonly arena: Arena;
  /** The records of all clients. */
  readonly clients: ClientDirectory;
  /** Takes the messages that clients send to us. */
  readonly domains: DomainService;
  /** Sees all packets of resources that pass. */
  readonly flows: FlowTracker;
}

/**
 * Carries packets between clients and the TUN device, as far as policy lets them pass.
 *
 * Every packet is counted under exactly one outcome. Nothing here allocates
 * but for in-tunnel messages.
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
    ...SEND_VERDICTS,
  ]);
  readonly #node: GatewayNode;
  readonly #clients: ClientDirectory;
  readonly #domains: DomainService;
  readonly #flows: FlowTracker;
  readonly #icmpReplies: IcmpReplies;
  readonly #packet = new IpPacketView();
  readonly #scratch: InboundScratch;

  /** Creates a data path for the connections of `node` and the records in `clients`. */
  constructor({ node, arena, clients, domains, flows }: DataPathOptions) {
    this.#node = node;
    this.#clients = clients;
    this.#domains = domains;
    this.#flows = flows;
    this.#icmpReplies = new IcmpReplies(node, arena);
    this.#scratch = {
      icmpError: new IcmpErrorView(),
      bytes: arena.bytes,
      rebuiltAt: arena.allocate(PACKET_ROOM_BYTES),
      rebuiltLength: 0,
    };
  }

  /** ICMP errors that clients were owed by what became of them. */
  get icmpReplies(): Counters<IcmpReplyOutcome> {
    return this.#icmpReplies.counters;
  }

  /** Takes the packet that `node` has just decrypted from `datagram` into the reserved room of `packets`. `gateway`: our own addresses. */
  handleReceived(
    datagram: Datagram,
    now: Instant,
    packets: PacketSink,
    datagrams: DatagramSink,
    gateway: TunnelAddresses | undefined,
  ): void {
    const { peer, start, end, ecn } = this.#node.received;
    const packet = this.#packet;
    const refusal = packet.attach(packets.bytes, start, end);
    if (refusal !== "ok") return this.outbound.increment(refusal);

    const client = this.#clients.byId(peer);
    const { icmpError } = this.#scratch;
    const verdict = judgeOutbound(packet, client, gateway, icmpError, now);
    this.outbound.increment(verdict);
    if (verdict === "forward") {
      this.#trackOutbound(client, gateway, datagram, now);
      applyOuterEcn(packet, ecn);
      packets.commit(end - start);
    } else if (client === undefined) {
      return;
    } else if (verdict === "control") {
      this.#domains.handleControl(packet, client, now);
    } else {
      if (verdict !== "multicast") client.drops.note(verdict, "client", now);
      this.#icmpReplies.answer(verdict, packet, client, now, datagrams);
    }
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
    const refusal = this.#packet.attach(bytes, start, end);
    this.inbound.increment(
      refusal === "ok" ? this.#forward(now, datagrams, gateway) : refusal,
    );
  }

  #forward(
    now: Instant,
    datagrams: DatagramSink,
    gateway: TunnelAddresses | undefined,
  ): InboundOutcome {
    const packet = this.#packet;
    const { version, bytes, destinationAt } = packet;
    if (!isTunnelAddress(version, bytes, destinationAt)) return "not-a-peer";
    const client = this.#clients.byAddress(version, bytes, destinationAt);
    if (client === undefined || gateway === undefined) return "no-peer-state";

    this.#flows.seeInbound(packet);
    const verdict = judgeInbound(packet, client, gateway, this.#scratch, now);
    switch (verdict) {
      case "forward":
      case "forward-rebuilt": {
        const sent = this.#send(verdict, client, now, datagrams);
        if (sent !== "sent") client.drops.note(sent, "resource", now);
        return sent;
      }
      default:
        client.drops.note(verdict, "resource", now);
        return verdict;
    }
  }

  /** Sends the judged packet, or what was built in its place. */
  #send(
    verdict: "forward" | "forward-rebuilt",
    client: Client,
    now: Instant,
    datagrams: DatagramSink,
  ): SendVerdict {
    if (verdict === "forward-rebuilt") {
      const { rebuiltAt, rebuiltLength } = this.#scratch;
      const end = rebuiltAt + rebuiltLength;
      return this.#node.sendPacket(
        client.id,
        rebuiltAt,
        end,
        now,
        datagrams,
        0,
      );
    }
    const { start, end, ecn } = this.#packet;
    const sent = this.#node.sendPacket(
      client.id,
      start,
      end,
      now,
      datagrams,
      ecn,
    );
    if (sent === "sent") this.#trackInbound(client, now);
    return sent;
  }

  /** Traffic to ourselves belongs to no resource. */
  #trackOutbound(
    client: Client | undefined,
    gateway: TunnelAddresses | undefined,
    datagram: Datagram,
    now: Instant,
  ): void {
    if (client === undefined || gateway === undefined) return;
    const packet = this.#packet;
    const { version, bytes, destinationAt } = packet;
    if (includesAddress(gateway, version, bytes, destinationAt)) return;
    const owner = client.flowOwner;
    if (owner === undefined) return;
    const domain = client.translation?.domain;
    this.#flows.handleOutbound(packet, owner, domain, datagram, now);
  }

  #trackInbound(client: Client, now: Instant): void {
    if (!this.#flows.hasSeenInbound) return;
    const owner = client.flowOwner;
    if (owner !== undefined) this.#flows.countInbound(owner, now);
  }
}
