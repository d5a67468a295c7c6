import {
  Counters,
  type Instant,
  type PacketSink,
  type TokenBucket,
} from "../base/mod.ts";
import {
  ICMP_REPLY_REFUSALS,
  icmpReplyBudget,
  type IcmpReplyRefusal,
  judgeIcmpReply,
} from "../policy/mod.ts";
import { type IpPacketView, writeIcmpReply } from "../wire/mod.ts";

/** What became of the ICMP error that an application was owed. */
export type IcmpReplyOutcome = "written" | IcmpReplyRefusal;

/**
 * Tells applications of this host that a packet of theirs may not go through the tunnel.
 *
 * Otherwise they would wait for a time-out. The gateway would say the same
 * and in the same form (data-plane spec §12), if the packet went there.
 */
export class IcmpReplies {
  /** Errors that were owed by what became of them. */
  readonly counters: Counters<IcmpReplyOutcome> = new Counters([
    "written",
    ...ICMP_REPLY_REFUSALS,
  ]);
  readonly #budget: TokenBucket = icmpReplyBudget();

  /** Answers `packet` by way of the TUN device. Allocates nothing. */
  prohibit(packet: IpPacketView, now: Instant, packets: PacketSink): void {
    const judgement = judgeIcmpReply(packet, this.#budget, now);
    if (judgement !== "allowed") return this.counters.increment(judgement);
    const at = packets.reserve();
    packets.commit(writeIcmpReply(packet, "prohibited", packets.bytes, at));
    this.counters.increment("written");
  }
}
