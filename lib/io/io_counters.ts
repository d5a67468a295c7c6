import { Counters } from "../base/mod.ts";

/** What the shell counts. The first four are traffic; each other one is a reason why something was dropped. */
export type IoCounterName =
  | "datagrams-received"
  | "datagrams-sent"
  | "packets-read"
  | "packets-written"
  | "datagram-empty"
  | "datagram-oversized"
  | "datagram-without-local-address"
  | "receive-error"
  | "send-blocked"
  | "send-error"
  | "send-forbidden"
  | "send-without-socket"
  | "port-refused"
  | "tun-read-runt"
  | "tun-read-segmented"
  | "tun-read-bad-checksum-range"
  | "tun-write-error"
  | "log-line-suppressed";

const NAMES: Readonly<Record<IoCounterName, true>> = {
  "datagrams-received": true,
  "datagrams-sent": true,
  "packets-read": true,
  "packets-written": true,
  "datagram-empty": true,
  "datagram-oversized": true,
  "datagram-without-local-address": true,
  "receive-error": true,
  "send-blocked": true,
  "send-error": true,
  "send-forbidden": true,
  "send-without-socket": true,
  "port-refused": true,
  "tun-read-runt": true,
  "tun-read-segmented": true,
  "tun-read-bad-checksum-range": true,
  "tun-write-error": true,
  "log-line-suppressed": true,
};

/** The counters of one event loop and its devices. */
export type IoCounters = Counters<IoCounterName>;

/** Creates all counters at zero. */
export function createIoCounters(): IoCounters {
  return new Counters(Object.keys(NAMES) as IoCounterName[]);
}
