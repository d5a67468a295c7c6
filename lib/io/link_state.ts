import { cString } from "./libc.ts";
import {
  findAttribute,
  type NetlinkReply,
  type NetlinkRequest,
  textOf,
} from "./netlink_message.ts";
import { readU32LE, readU64LE } from "../base/mod.ts";

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const IFLA_IFNAME = 3;
const IFLA_STATS64 = 23;

/** `ifinfomsg`: family, type, interface index (4), flags (4), mask (4). */
const FIXED_BYTES = 16;
const FLAGS = 8;
const IFF_UP = 1;

/** Offset of `tx_dropped` in `rtnl_link_stats64`: the eighth number of 64 bits. */
const STATS_SENT_DROPPED = 7 * 8;

/** A network interface at a moment. */
export interface LinkState {
  /** Whether it is there, and whether it carries packets. */
  readonly state: "up" | "down" | "missing";
  /** Packets for it that the kernel dropped. Of a TUN interface: because we read too slowly. */
  readonly drops: number;
}

/** Asks about the interface of a name. */
export function linkNamed(name: string): NetlinkRequest {
  return {
    type: RTM_GETLINK,
    flags: 0,
    body: new Uint8Array(FIXED_BYTES),
    attributes: [{ type: IFLA_IFNAME, value: cString(name) }],
  };
}

/** Reads the answer. A message that makes no sense is no interface. */
export function linkStateOf({ body }: NetlinkReply): LinkState {
  if (body.length < FIXED_BYTES) return { state: "missing", drops: 0 };
  const isUp = (readU32LE(body, FLAGS) & IFF_UP) !== 0;
  const stats = findAttribute(body, FIXED_BYTES, IFLA_STATS64);
  const hasDrops = stats && stats.length >= STATS_SENT_DROPPED + 8;
  return {
    state: isUp ? "up" : "down",
    drops: hasDrops ? readU64LE(stats, STATS_SENT_DROPPED) : 0,
  };
}

/** Tells whether a message says that the interface of a name does not carry packets. */
export function isDownOf(
  { type, body }: Pick<NetlinkReply, "type" | "body">,
  name: string,
): boolean {
  if (type !== RTM_NEWLINK || body.length < FIXED_BYTES) return false;
  const named = findAttribute(body, FIXED_BYTES, IFLA_IFNAME);
  const isUp = (readU32LE(body, FLAGS) & IFF_UP) !== 0;
  return named !== undefined && textOf(named) === name && !isUp;
}
