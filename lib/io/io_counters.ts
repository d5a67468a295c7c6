import { Counters } from "../base/mod.ts";
import type { PoolCount } from "../crypto/mod.ts";
import type { SendRefusal } from "./send_refusal.ts";

/** What the shell counts. The first four are traffic; the next two count what had to leave one by one because the kernel did not take it as a whole; each other one is a reason why something was dropped. */
export type IoCounterName =
  | "datagrams-received"
  | "datagrams-sent"
  | "packets-read"
  | "packets-written"
  | "tun-merge-refused"
  | "send-segments-refused"
  | "datagram-empty"
  | "datagram-oversized"
  | "datagram-without-local-address"
  | "datagram-without-segment-size"
  | "datagram-over-share"
  | "receive-error"
  | "send-blocked"
  | SendRefusal
  | "send-without-socket"
  | "port-refused"
  | "tun-read-over-share"
  | "tun-read-runt"
  | "tun-read-bad-checksum-range"
  | "tun-read-unknown-segmentation"
  | "tun-read-wrong-protocol"
  | "tun-read-without-segment-size"
  | "tun-read-without-payload"
  | "tun-read-too-many-segments"
  | "tun-write-error"
  | PoolCount
  | "log-line-suppressed";

const NAMES: Readonly<Record<IoCounterName, true>> = {
  "datagrams-received": true,
  "datagrams-sent": true,
  "packets-read": true,
  "packets-written": true,
  "tun-merge-refused": true,
  "send-segments-refused": true,
  "datagram-empty": true,
  "datagram-oversized": true,
  "datagram-without-local-address": true,
  "datagram-without-segment-size": true,
  "datagram-over-share": true,
  "receive-error": true,
  "send-blocked": true,
  "send-forbidden": true,
  "send-unroutable": true,
  "send-too-long": true,
  "send-queue-full": true,
  "send-error": true,
  "send-without-socket": true,
  "port-refused": true,
  "tun-read-over-share": true,
  "tun-read-runt": true,
  "tun-read-bad-checksum-range": true,
  "tun-read-unknown-segmentation": true,
  "tun-read-wrong-protocol": true,
  "tun-read-without-segment-size": true,
  "tun-read-without-payload": true,
  "tun-read-too-many-segments": true,
  "tun-write-error": true,
  "crypto-pool-packets": true,
  "crypto-pool-late": true,
  "crypto-pool-blocked": true,
  "log-line-suppressed": true,
};

/** The counters of one event loop and its devices. */
export type IoCounters = Counters<IoCounterName>;

/** Creates all counters at zero. */
export function createIoCounters(): IoCounters {
  return new Counters(Object.keys(NAMES) as IoCounterName[]);
}
