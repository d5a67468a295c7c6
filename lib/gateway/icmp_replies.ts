import {
  type Arena,
  Counters,
  type DatagramSink,
  type Instant,
  PACKET_ROOM_BYTES,
  unreachable,
} from "../base/mod.ts";
import {
  ICMP_REPLY_REFUSALS,
  type IcmpReplyRefusal,
  judgeIcmpReply,
} from "../policy/mod.ts";
import {
  type IcmpReplyKind,
  type IpPacketView,
  writeIcmpReply,
} from "../wire/mod.ts";
import { SEND_VERDICTS, type SendVerdict } from "../connection/mod.ts";
import type { Client } from "./client.ts";
import type { GatewayNode } from "./gateway_node.ts";
import type { OutboundVerdict } from "./outbound.ts";

/** What became of the ICMP error that a client was owed. */
export type IcmpReplyOutcome = SendVerdict | IcmpReplyRefusal;

/**
 * Tells clients why a packet of theirs went nowhere (data-plane spec §12).
 *
 * An error quotes the packet as it came and goes back on the connection that
 * it came from, up to a rate for each client.
 */
export class IcmpReplies {
  /** Errors that were owed by what became of them. */
  readonly counters: Counters<IcmpReplyOutcome> = new Counters(
    [
      ...SEND_VERDICTS,
      ...ICMP_REPLY_REFUSALS,
    ],
  );
  readonly #node: GatewayNode;
  readonly #bytes: Uint8Array;
  readonly #at: number;

  /** Takes room for one packet from `arena`. */
  constructor(node: GatewayNode, arena: Arena) {
    this.#node = node;
    this.#bytes = arena.bytes;
    this.#at = arena.allocate(PACKET_ROOM_BYTES);
  }

  /** Answers `packet` of `client`, if the verdict on it calls for an answer. */
  answer(
    verdict: OutboundVerdict,
    packet: IpPacketView,
    client: Client,
    now: Instant,
    datagrams: DatagramSink,
  ): void {
    const kind = replyKind(verdict);
    if (kind === undefined) return;
    this.counters.increment(this.#send(kind, packet, client, now, datagrams));
  }

  #send(
    kind: IcmpReplyKind,
    packet: IpPacketView,
    client: Client,
    now: Instant,
    datagrams: DatagramSink,
  ): IcmpReplyOutcome {
    const judgement = judgeIcmpReply(packet, client.icmpBudget, now);
    if (judgement !== "allowed") return judgement;
    const at = this.#at;
    const length = writeIcmpReply(packet, kind, this.#bytes, at);
    return this.#node.sendPacket(
      client.id,
      at,
      at + length,
      now,
      datagrams,
      0,
    );
  }
}

/** Policy is prohibited, everything else unreachable (data-plane spec §12): clients ask for access after the first only. */
function replyKind(verdict: OutboundVerdict): IcmpReplyKind | undefined {
  switch (verdict) {
    case "prohibited-source":
    case "prohibited-tunnel-address":
    case "prohibited-destination":
    case "prohibited-by-filter":
      return "prohibited";
    case "unreachable-by-internet":
    case "unreachable-no-translation":
    case "unreachable-no-address":
      return "unreachable";
    case "forward":
    case "multicast":
    case "unknown-client":
    case "control":
    case "icmp-error":
    case "source-routed":
    case "unsupported-protocol":
    case "nat-exhausted":
    case "nat-table-full":
      return undefined;
    default:
      return unreachable(verdict);
  }
}
