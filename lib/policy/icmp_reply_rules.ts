import { type Instant, TokenBucket } from "../base/mod.ts";
import { type IpPacketView, isIcmpErrorMessage } from "../wire/mod.ts";
import { isMulticastAddress } from "./address_plan.ts";

/** Reasons not to answer with an ICMP error: RFC 1122 §3.2.2, RFC 4443 §2.4, and a limit. */
export const ICMP_REPLY_REFUSALS = [
  "about-icmp-error",
  "about-no-host",
  "rate-limited",
] as const;

/** Why a packet is not answered with an ICMP error. */
export type IcmpReplyRefusal = (typeof ICMP_REPLY_REFUSALS)[number];

/**
 * Most ICMP errors for one host, per second and at once. Our own choice.
 *
 * Each application needs one error for each connection that policy denies,
 * and path discovery a few dozen. A flood costs us no more than this in
 * return traffic.
 */
const ICMP_REPLIES_PER_SECOND = 1_000;

/** Returns the allowance for ICMP errors of one host. */
export function icmpReplyBudget(): TokenBucket {
  return new TokenBucket(ICMP_REPLIES_PER_SECOND);
}

/** Tells whether a packet may be answered with an ICMP error, and takes a token if so. Allocates nothing. */
export function judgeIcmpReply(
  packet: IpPacketView,
  budget: TokenBucket,
  now: Instant,
): "allowed" | IcmpReplyRefusal {
  if (isIcmpErrorMessage(packet)) return "about-icmp-error";
  if (!isFromHost(packet)) return "about-no-host";
  return budget.take(now) ? "allowed" : "rate-limited";
}

/** Tells whether the source is an address that an error can be sent to: neither a group nor unspecified. */
function isFromHost(packet: IpPacketView): boolean {
  const { version, bytes, sourceAt, addressLength } = packet;
  if (isMulticastAddress(version, bytes, sourceAt)) return false;
  for (let i = 0; i < addressLength; i++) {
    if (bytes[sourceAt + i] !== 0) return true;
  }
  return false;
}
