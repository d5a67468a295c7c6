import { readU64LE } from "../base/mod.ts";
import { type Libc, libc } from "./libc.ts";
import { findAttribute, type NetlinkRequest, u32 } from "./netlink_message.ts";
import type { NetlinkSocket } from "./netlink_socket.ts";

const SOL_SOCKET = 1;

/** Asks for `sk_meminfo`: nine counters of 32 bits. */
const SO_MEMINFO = 55;
const MEMORY_COUNTERS = 9;
const RECEIVED_BYTES = 0;
const RECEIVE_BUFFER = 1;
const DROPS = 8;

/** A receive buffer that is filled to this part is about to overflow. */
const NEARLY_FULL = 0.5;

/** `rtnetlink.h`: statistics of one interface, and of these `rtnl_link_stats64`. */
const RTM_GETSTATS = 94;
const STATS_FIXED_BYTES = 12;
const IFLA_STATS_LINK_64 = 1;
const FILTER_LINK_64 = 1;
const TX_DROPPED_AT = 7 * 8;

/** Returns a function that tells whether the kernel has dropped what a socket was to receive since it was called last, or soon will. */
export function socketLosses(
  fd: number,
  calls: Pick<Libc, "getsockopt"> = libc(),
): () => boolean {
  const counters = new Uint32Array(MEMORY_COUNTERS);
  const length = new Uint32Array(1);
  let dropsBefore = 0;
  return () => {
    length[0] = counters.byteLength;
    const result = calls.getsockopt(
      fd,
      SOL_SOCKET,
      SO_MEMINFO,
      counters,
      length,
    );
    if (result < 0) return false;
    const drops = counters[DROPS]!;
    const hasDropped = drops !== dropsBefore;
    dropsBefore = drops;
    const limit = counters[RECEIVE_BUFFER]! * NEARLY_FULL;
    return hasDropped || counters[RECEIVED_BYTES]! > limit;
  };
}

/** Returns a function that tells whether the kernel has dropped what an interface was to take since it was called last. */
export function interfaceLosses(
  netlink: Pick<NetlinkSocket, "ask">,
  index: number,
): () => boolean {
  let dropsBefore: number | undefined;
  return () => {
    const replies = netlink.ask(getStatistics(index));
    const body = typeof replies === "number" ? undefined : replies[0]?.body;
    if (body === undefined) return false;
    const statistics = findAttribute(
      body,
      STATS_FIXED_BYTES,
      IFLA_STATS_LINK_64,
    );
    if (statistics === undefined) return false;
    const drops = readU64LE(statistics, TX_DROPPED_AT);
    const hasDropped = dropsBefore !== undefined && drops !== dropsBefore;
    dropsBefore = drops;
    return hasDropped;
  };
}

function getStatistics(index: number): NetlinkRequest {
  const body = new Uint8Array(STATS_FIXED_BYTES);
  body.set(u32(index), 4);
  body.set(u32(FILTER_LINK_64), 8);
  return { type: RTM_GETSTATS, flags: 0, body, attributes: [] };
}
