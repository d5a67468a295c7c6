import type { GatewaySnapshot } from "../gateway/mod.ts";
import type { DataPlaneSnapshot, IoCounterName } from "../io/mod.ts";

/**
 * Where something was dropped: packets of clients, packets of resources,
 * datagrams from the network, what peers signalled, at the kernel's doors, or
 * at sockets and device by us.
 */
export type DropSource =
  | "client"
  | "resource"
  | "datagram"
  | "signal"
  | "io"
  | "kernel";

/** How much was dropped for one reason. */
export interface DropCount {
  /** Where. */
  readonly source: DropSource;
  /** Why: the literal that the code uses. */
  readonly reason: string;
  /** How often since the start. */
  readonly count: number;
}

/** Outcomes of packets of clients that are no drops. */
const CLIENT_PASSES: readonly string[] = ["forward", "control"];

/** Outcomes of packets of resources that are no drops. */
const RESOURCE_PASSES: readonly string[] = ["sent"];

/** Counters of the shell that are no drops: traffic, and what only took another way. */
const IO_PASSES: readonly IoCounterName[] = [
  "datagrams-received",
  "datagrams-sent",
  "packets-read",
  "packets-written",
  "tun-merge-refused",
  "send-segments-refused",
  "log-line-suppressed",
];

/** Lists all reasons for drops with their counts, also those that never happened. */
export function dropCounts(
  { io, loop }: DataPlaneSnapshot,
  { outbound, inbound, node }: GatewaySnapshot,
  linkDrops: number,
): DropCount[] {
  return [
    ...countsOf("client", outbound, CLIENT_PASSES),
    ...countsOf("resource", inbound, RESOURCE_PASSES),
    ...countsOf("datagram", node.datagrams, []),
    ...countsOf("signal", node.inputs, []),
    ...countsOf("io", io, IO_PASSES),
    {
      source: "kernel",
      reason: "socket-queue-full",
      count: loop.socketDrops,
    },
    { source: "kernel", reason: "tun-queue-full", count: linkDrops },
  ];
}

function countsOf(
  source: DropSource,
  counts: Readonly<Record<string, number>>,
  passes: readonly string[],
): DropCount[] {
  return Object.entries(counts)
    .filter(([reason]) => !passes.includes(reason))
    .map(([reason, count]) => ({ source, reason, count }));
}
