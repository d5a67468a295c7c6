import { readU32LE } from "../base/mod.ts";
import {
  findAttribute,
  type NetlinkReply,
  type NetlinkRequest,
  textOf,
} from "./netlink_message.ts";
import { addressFamily } from "./sockaddr.ts";

/** Message types of rtnetlink, `rtnetlink.h`. */
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;

/** `ifinfomsg`: family, padding, type, index (4), flags (4), change (4). */
const LINK_FIXED_BYTES = 16;
const LINK_INDEX = 4;
const IFLA_IFNAME = 3;

/** `ifaddrmsg`: family, prefix length, flags, scope, interface index (4). */
const ADDRESS_FIXED_BYTES = 8;
const ADDRESS_SCOPE = 3;
const ADDRESS_INTERFACE = 4;
const RT_SCOPE_UNIVERSE = 0;

/** An interface of the host. */
export interface Link {
  /** Its number. */
  readonly index: number;
  /** Its name. */
  readonly name: string;
}

/** Lists the interfaces. Read the replies with `linkOf`. */
export function listLinks(): NetlinkRequest {
  const body = new Uint8Array(LINK_FIXED_BYTES);
  return { type: RTM_GETLINK, flags: 0, body, attributes: [] };
}

/** Reads a listed interface, `undefined` when it makes no sense. */
export function linkOf({ type, body }: NetlinkReply): Link | undefined {
  if (type !== RTM_NEWLINK || body.length < LINK_FIXED_BYTES) return undefined;
  const name = findAttribute(body, LINK_FIXED_BYTES, IFLA_IFNAME);
  return name && { index: readU32LE(body, LINK_INDEX), name: textOf(name) };
}

/** Lists the IPv6 addresses of all interfaces. Read the replies with `globalAddressAt`. */
export function listIpv6Addresses(): NetlinkRequest {
  const body = new Uint8Array(ADDRESS_FIXED_BYTES);
  body[0] = addressFamily(6);
  return { type: RTM_GETADDR, flags: 0, body, attributes: [] };
}

/** Returns the number of the interface that has a listed address which counts beyond its link; `undefined` for any other. */
export function globalAddressAt(
  { type, body }: NetlinkReply,
): number | undefined {
  if (type !== RTM_NEWADDR || body.length < ADDRESS_FIXED_BYTES) {
    return undefined;
  }
  const isGlobal = body[ADDRESS_SCOPE] === RT_SCOPE_UNIVERSE;
  return isGlobal ? readU32LE(body, ADDRESS_INTERFACE) : undefined;
}
