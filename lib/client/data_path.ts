import {
  Counters,
  type DatagramSink,
  type Instant,
  type PacketSink,
} from "../base/mod.ts";
import { SEND_VERDICTS, type SendVerdict } from "../connection/mod.ts";
import {
  includesAddress,
  isMulticastAddress,
  isTunnelAddress,
  type TunnelAddresses,
} from "../policy/mod.ts";
import {
  applyOuterEcn,
  IcmpErrorView,
  IpPacketView,
  isP2pControl,
  P2P_DOMAIN_STATUS,
  p2pControlEvent,
  PACKET_REFUSALS,
  type PacketRefusal,
  SELECTOR_OTHER_ICMP,
  selectorKind,
} from "../wire/mod.ts";
import type { ClientNode } from "./client_node.ts";
import type { Gateway, Gateways } from "./gateways.ts";
import { IcmpReplies, type IcmpReplyOutcome } from "./icmp_replies.ts";
import type { NatSetups } from "./nat_setups.ts";
import type { Requests, WaitOutcome } from "./requests.ts";
import type { Route, Routes } from "./routes.ts";

/** What became of a packet from the TUN device. */
export type OutboundOutcome =
  | PacketRefusal
  | SendVerdict
  | WaitOutcome
  | "awaiting-translation"
  | OutboundDrop;

/** What became of a packet from a gateway. */
export type InboundOutcome = PacketRefusal | InboundVerdict;

/** Why a packet from the TUN device goes nowhere. */
export type OutboundDrop =
  | "not-configured"
  | "foreign-source"
  | "multicast"
  | "unknown-tunnel-address"
  | "unsupported-protocol"
  | "no-resource"
  | "filtered";

/** What is to become of a packet from a gateway. */
export type InboundVerdict =
  | "forward"
  | "not-configured"
  | "unknown-gateway"
  | "control"
  | "foreign-destination"
  | "foreign-source";

const OUTBOUND_DROPS: readonly OutboundDrop[] = [
  "not-configured",
  "foreign-source",
  "multicast",
  "unknown-tunnel-address",
  "unsupported-protocol",
  "no-resource",
  "filtered",
];

const WAIT_OUTCOMES: readonly WaitOutcome[] = ["waiting", "held-off"];

const INBOUND_VERDICTS: readonly InboundVerdict[] = [
  "forward",
  "not-configured",
  "unknown-gateway",
  "control",
  "foreign-destination",
  "foreign-source",
];

const ICMP_CODE = 1;
const ICMPV4_UNREACHABLE = 3;
const ICMPV4_PROHIBITED = 13;
const ICMPV6_UNREACHABLE = 1;
const ICMPV6_PROHIBITED = 1;

/** What the data path works with. */
export interface DataPathDeps {
  /** The connections. */
  readonly node: ClientNode;
  /** From addresses to resources. */
  readonly routes: Routes;
  /** Who the connections lead to. */
  readonly gateways: Gateways;
  /** Takes packets without access. */
  readonly requests: Requests;
  /** Takes packets for names that the gateway does not know yet. */
  readonly setups: NatSetups;
}

/**
 * Carries packets between the TUN device and the gateways.
 *
 * Every packet is counted under exactly one outcome. A packet for a resource
 * that we have access to is carried without an allocation.
 */
export class DataPath {
  /** Packets from the TUN device by what became of them. */
  readonly outbound: Counters<OutboundOutcome> = new Counters<OutboundOutcome>([
    ...PACKET_REFUSALS,
    ...OUTBOUND_DROPS,
    ...WAIT_OUTCOMES,
    "awaiting-translation",
    ...SEND_VERDICTS,
  ]);
  /** Packets from gateways by what became of them. */
  readonly inbound: Counters<InboundOutcome> = new Counters<InboundOutcome>([
    ...PACKET_REFUSALS,
    ...INBOUND_VERDICTS,
  ]);
  readonly #deps: DataPathDeps;
  readonly #icmpReplies = new IcmpReplies();
  readonly #packet = new IpPacketView();
  readonly #icmpError = new IcmpErrorView();

  /** Creates a data path. */
  constructor(deps: DataPathDeps) {
    this.#deps = deps;
  }

  /** ICMP errors that applications were owed by what became of them. */
  get icmpReplies(): Counters<IcmpReplyOutcome> {
    return this.#icmpReplies.counters;
  }

  /** Takes the packet `[start, end)` from the TUN device, where a refusal goes by way of `packets`. `own`: our addresses, once they are known. */
  handlePacket(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
    datagrams: DatagramSink,
    packets: PacketSink,
    own: TunnelAddresses | undefined,
  ): void {
    const packet = this.#packet;
    const refusal = packet.attach(bytes, start, end);
    const outcome = refusal === "ok"
      ? this.#forward(now, datagrams, own)
      : refusal;
    this.outbound.increment(outcome);
    if (isProhibition(outcome)) {
      this.#icmpReplies.prohibit(packet, now, packets);
    }
  }

  /**
   * Takes the packet that the node has just decrypted into the reserved room of `packets`.
   *
   * Returns the route whose access the gateway has just denied, if the packet
   * says so (data-plane spec §12).
   */
  handleReceived(
    packets: PacketSink,
    now: Instant,
    own: TunnelAddresses | undefined,
  ): Route | undefined {
    const { received } = this.#deps.node;
    const gateway = this.#deps.gateways.byId(received.peer);
    const { start, end } = received;
    const refusal = this.#packet.attach(packets.bytes, start, end);
    const outcome = refusal === "ok" ? this.#judge(gateway, own) : refusal;
    this.inbound.increment(outcome);
    if (outcome === "control" && gateway) this.#handleControl(gateway, now);
    if (outcome !== "forward") return undefined;

    const denied = this.#deniedRoute(gateway);
    applyOuterEcn(this.#packet, received.ecn);
    packets.commit(end - start);
    return denied;
  }

  #forward(
    now: Instant,
    datagrams: DatagramSink,
    own: TunnelAddresses | undefined,
  ): OutboundOutcome {
    const { version, bytes, sourceAt, destinationAt, destinationSelector } =
      this.#packet;
    if (own === undefined) return "not-configured";
    if (!includesAddress(own, version, bytes, sourceAt)) {
      return "foreign-source";
    }
    if (isMulticastAddress(version, bytes, destinationAt)) return "multicast";
    const { gateways, routes } = this.#deps;
    if (isTunnelAddress(version, bytes, destinationAt)) {
      const gateway = gateways.byAddress(version, bytes, destinationAt);
      if (gateway === undefined) return "unknown-tunnel-address";
      return this.#send(gateway, now, datagrams);
    }
    if (selectorKind(destinationSelector) >= SELECTOR_OTHER_ICMP) {
      return "unsupported-protocol";
    }
    const route = routes.select(
      version,
      bytes,
      destinationAt,
      destinationSelector,
    );
    if (route === "filtered" || route === "no-resource") return route;
    route.usedAt = now;
    const { access } = route;
    const { start, end } = this.#packet;
    if (access.kind !== "granted") {
      return this.#deps.requests.wait(route, bytes, start, end, now);
    }
    const { selectedName } = routes;
    const isAdmitted = selectedName === undefined ||
      this.#deps.setups
        .admit(route, access, selectedName, bytes, start, end, now);
    return isAdmitted
      ? this.#send(access.gateway, now, datagrams)
      : "awaiting-translation";
  }

  #send(gateway: Gateway, now: Instant, datagrams: DatagramSink): SendVerdict {
    const { start, end, ecn } = this.#packet;
    return this.#deps.node.sendPacket(
      gateway.id,
      start,
      end,
      now,
      datagrams,
      ecn,
    );
  }

  /** A gateway may speak for itself and for what goes through it, and to us only (data-plane spec §18.4). */
  #judge(
    gateway: Gateway | undefined,
    own: TunnelAddresses | undefined,
  ): InboundVerdict {
    const packet = this.#packet;
    const { version, bytes, sourceAt, destinationAt } = packet;
    if (own === undefined) return "not-configured";
    if (gateway === undefined) return "unknown-gateway";
    if (isP2pControl(packet)) return "control";
    if (!includesAddress(own, version, bytes, destinationAt)) {
      return "foreign-destination";
    }
    const { names } = this.#deps.routes;
    return gateway.mayBeSource(version, bytes, sourceAt, names)
      ? "forward"
      : "foreign-source";
  }

  #handleControl(gateway: Gateway, now: Instant): void {
    const packet = this.#packet;
    if (p2pControlEvent(packet) !== P2P_DOMAIN_STATUS) return;
    this.#deps.setups.handleStatus(gateway, packet, now);
  }

  #deniedRoute(gateway: Gateway | undefined): Route | undefined {
    const packet = this.#packet;
    if (selectorKind(packet.sourceSelector) !== SELECTOR_OTHER_ICMP) {
      return undefined;
    }
    if (!isProhibited(packet)) return undefined;
    const quoted = this.#icmpError;
    if (quoted.attach(packet) !== "error") return undefined;
    const route = this.#deps.routes.select(
      packet.version,
      packet.bytes,
      quoted.destinationAt,
      quoted.destinationSelector,
    );
    if (route === "filtered" || route === "no-resource") return undefined;
    const { access } = route;
    return access.kind === "granted" && access.gateway === gateway
      ? route
      : undefined;
  }
}

/** Tells whether a packet was dropped because nothing permits it, so that its sender is told. */
function isProhibition(outcome: OutboundOutcome): boolean {
  switch (outcome) {
    case "unknown-tunnel-address":
    case "unsupported-protocol":
    case "no-resource":
    case "filtered":
      return true;
    default:
      return false;
  }
}

function isProhibited({ version, bytes, transportAt }: IpPacketView): boolean {
  const type = bytes[transportAt]!;
  const code = bytes[transportAt + ICMP_CODE]!;
  return version === 4
    ? type === ICMPV4_UNREACHABLE && code === ICMPV4_PROHIBITED
    : type === ICMPV6_UNREACHABLE && code === ICMPV6_PROHIBITED;
}
