import {
  type Cidr,
  type IpAddress,
  type IpFamily,
  ipFromBytes,
  readU32LE,
} from "../base/mod.ts";
import {
  findAttribute,
  type NetlinkReply,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
  u32,
} from "./netlink_message.ts";
import { addressFamily } from "./sockaddr.ts";

/** Message types of rtnetlink, `rtnetlink.h`. */
const RTM_NEWLINK = 16;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const RTM_NEWRULE = 32;
const RTM_DELRULE = 33;

const IFF_UP = 1;
const IFLA_MTU = 4;
const IFLA_TXQLEN = 13;
const IFLA_AF_SPEC = 26;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;

/** `ifaddrmsg`: family, prefix length, flags, scope, interface index (4). */
const ADDRESS_FIXED_BYTES = 8;
const ADDRESS_PREFIX = 1;
const ADDRESS_INTERFACE = 4;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_CACHEINFO = 6;
/** `ifa_cacheinfo`: how long it is preferred and valid (s), and two times that only the kernel sets. */
const DEPRECATED_FOREVER = Uint8Array.of(
  ...[...u32(0), ...u32(0xffff_ffff), ...u32(0), ...u32(0)],
);
/** A tunnel has no neighbours to detect a duplicate at, and a tentative address cannot be bound. */
const IFA_F_NODAD = 2;

/** `rtmsg`: family, lengths of destination and source, TOS, table, protocol, scope, type, flags (4). */
const ROUTE_FIXED_BYTES = 12;
const ROUTE_TABLE = 4;
const ROUTE_SCOPE = 6;
const ROUTE_TYPE = 7;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PREFSRC = 7;
const RTA_TABLE = 15;
const RTPROT_STATIC = 4;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
const RT_TABLE_UNSPEC = 0;
const RTN_UNICAST = 1;
const RTN_THROW = 9;

/** `fib_rule_hdr`: family, lengths, TOS, table, two reserved bytes, action, flags (4). */
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_PROTOCOL = 21;
const FR_ACT_TO_TBL = 1;
const FIB_RULE_INVERT = 2;
const RTPROT_KERNEL = 2;
const WHOLE_MARK = 0xffff_ffff;

/** A rule "with this mark, or without it: look into `table`" (data-plane spec §3.3). */
export interface MarkRule {
  /** Which packets: IPv4 or IPv6. */
  readonly family: IpFamily;
  /** The mark. */
  readonly mark: number;
  /** Whether the rule is for the packets that have the mark, instead of for all others. */
  readonly isForMarked: boolean;
  /** The routing table. */
  readonly table: number;
  /** Order among all rules of the host. */
  readonly priority: number;
}

/** Sets the queue length of an interface. */
export function setQueueLength(index: number, packets: number): NetlinkRequest {
  return changeLink(index, 0, [{ type: IFLA_TXQLEN, value: packets }]);
}

/** Stops the kernel from giving an interface an IPv6 link-local address. */
export function disableLinkLocal(index: number): NetlinkRequest {
  const mode = Uint8Array.of(IN6_ADDR_GEN_MODE_NONE);
  return changeLink(index, 0, [{
    type: IFLA_AF_SPEC,
    value: [{
      type: addressFamily(6),
      value: [{ type: IFLA_INET6_ADDR_GEN_MODE, value: mode }],
    }],
  }]);
}

/** Sets the MTU of an interface. */
export function setMtu(index: number, bytes: number): NetlinkRequest {
  return changeLink(index, 0, [{ type: IFLA_MTU, value: bytes }]);
}

/** Brings an interface up. */
export function bringUp(index: number): NetlinkRequest {
  return changeLink(index, IFF_UP, []);
}

/** Lists the addresses of an interface and a family. Filter the replies with `addressOf`. */
export function listAddresses(index: number, family: IpFamily): NetlinkRequest {
  return {
    type: RTM_GETADDR,
    flags: 0,
    body: addressBody(index, { ip: anyIp(family), prefixLength: 0 }, 0),
    attributes: [],
  };
}

/** Reads the address out of a listed entry, `undefined` when it is another interface's or makes no sense. */
export function addressOf(
  reply: NetlinkReply,
  index: number,
): Cidr | undefined {
  const { type, body } = reply;
  if (type !== RTM_NEWADDR || body.length < ADDRESS_FIXED_BYTES) {
    return undefined;
  }
  if (readU32LE(body, ADDRESS_INTERFACE) !== index) return undefined;
  const bytes = findAttribute(body, ADDRESS_FIXED_BYTES, IFA_LOCAL) ??
    findAttribute(body, ADDRESS_FIXED_BYTES, IFA_ADDRESS);
  const length = body[0] === addressFamily(4) ? 4 : 16;
  if (bytes?.length !== length) return undefined;
  return { ip: ipFromBytes(bytes), prefixLength: body[ADDRESS_PREFIX]! };
}

/** Gives an address to an interface. */
export function addAddress(index: number, address: Cidr): NetlinkRequest {
  return {
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: addressBody(index, address, IFA_F_NODAD),
    attributes: addressAttributes(address),
  };
}

/**
 * Gives an interface an address that services can be bound to, but that no packet leaves from by itself.
 *
 * For IPv4 that is one which counts inside the host only, for IPv6 a deprecated one.
 */
export function addServiceAddress(
  index: number,
  address: Cidr,
): NetlinkRequest {
  const isIpv4 = address.ip.family === 4;
  const request = addAddress(index, address);
  const scope = isIpv4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  const lifetime = { type: IFA_CACHEINFO, value: DEPRECATED_FOREVER };
  return {
    ...request,
    body: addressBody(index, address, IFA_F_NODAD, scope),
    attributes: isIpv4 ? request.attributes : [...request.attributes, lifetime],
  };
}

/** Takes an address from an interface. */
export function removeAddress(index: number, address: Cidr): NetlinkRequest {
  return {
    type: RTM_DELADDR,
    flags: 0,
    body: addressBody(index, address, 0),
    attributes: addressAttributes(address),
  };
}

/** Routes a network into an interface. */
export function addRoute(
  index: number,
  table: number,
  network: Cidr,
): NetlinkRequest {
  return {
    type: RTM_NEWROUTE,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    ...routeParts(index, table, network),
  };
}

/** Undoes `addRoute`. */
export function removeRoute(
  index: number,
  table: number,
  network: Cidr,
): NetlinkRequest {
  return { type: RTM_DELROUTE, flags: 0, ...routeParts(index, table, network) };
}

/** Makes a table say nothing of a host, so that the next rule decides. */
export function addException(table: number, host: IpAddress): NetlinkRequest {
  return {
    type: RTM_NEWROUTE,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    ...exceptionParts(table, host),
  };
}

/** Undoes `addException`. */
export function removeException(
  table: number,
  host: IpAddress,
): NetlinkRequest {
  return { type: RTM_DELROUTE, flags: 0, ...exceptionParts(table, host) };
}

/** Returns the request that puts a listed route to a neighbouring network into another table as well; `undefined` when it is none, is in another table than `from` or leads to the interface `except`. */
export function copyLinkRoute(
  reply: NetlinkReply,
  from: number,
  to: number,
  except: number,
): NetlinkRequest | undefined {
  const { type, body } = reply;
  if (type !== RTM_NEWROUTE || body.length < ROUTE_FIXED_BYTES) {
    return undefined;
  }
  const attribute = (type: number) =>
    findAttribute(body, ROUTE_FIXED_BYTES, type);
  const destination = attribute(RTA_DST);
  const device = attribute(RTA_OIF);
  const isIpv4 = body[0] === addressFamily(4);
  const isLink = body[ROUTE_TYPE] === RTN_UNICAST &&
    !attribute(RTA_GATEWAY) &&
    (!isIpv4 || body[ROUTE_SCOPE] === RT_SCOPE_LINK);
  if (!isLink || tableOf(reply) !== from || !destination) return undefined;
  if (device?.length !== 4 || readU32LE(device, 0) === except) return undefined;

  const copy = body.slice(0, ROUTE_FIXED_BYTES);
  copy[ROUTE_TABLE] = RT_TABLE_UNSPEC;
  const source = attribute(RTA_PREFSRC);
  return {
    type: RTM_NEWROUTE,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: copy,
    attributes: [
      { type: RTA_DST, value: destination },
      { type: RTA_OIF, value: device },
      { type: RTA_TABLE, value: to },
      ...(source ? [{ type: RTA_PREFSRC, value: source }] : []),
    ],
  };
}

/** Lists the routes of a table and a family. Filter the replies with `removeListedRoute`. */
export function listRoutes(family: IpFamily, table: number): NetlinkRequest {
  const body = new Uint8Array(ROUTE_FIXED_BYTES);
  body[0] = addressFamily(family);
  const attributes = [{ type: RTA_TABLE, value: table }];
  return { type: RTM_GETROUTE, flags: 0, body, attributes };
}

/** Returns the request that removes a listed route, `undefined` when it is in another table. */
export function removeListedRoute(
  reply: NetlinkReply,
  table: number,
): NetlinkRequest | undefined {
  const { type, body } = reply;
  if (type !== RTM_NEWROUTE || body.length < ROUTE_FIXED_BYTES) {
    return undefined;
  }
  if (tableOf(reply) !== table) return undefined;
  return { type: RTM_DELROUTE, flags: 0, body, attributes: [] };
}

/** Adds a rule. */
export function addRule(rule: MarkRule): NetlinkRequest {
  return {
    type: RTM_NEWRULE,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    ...ruleParts(rule),
  };
}

/** Removes a rule. */
export function removeRule(rule: MarkRule): NetlinkRequest {
  return { type: RTM_DELRULE, flags: 0, ...ruleParts(rule) };
}

/** `ifinfomsg`: family, padding, type, index (4), flags (4), flags to change (4). */
function changeLink(
  index: number,
  flags: number,
  attributes: NetlinkRequest["attributes"],
): NetlinkRequest {
  const body = new Uint8Array(16);
  body.set(u32(index), 4);
  body.set(u32(flags), 8);
  body.set(u32(flags), 12);
  return { type: RTM_NEWLINK, flags: 0, body, attributes };
}

function addressBody(
  index: number,
  address: Cidr,
  flags: number,
  scope = RT_SCOPE_UNIVERSE,
): Uint8Array {
  const family = addressFamily(address.ip.family);
  return Uint8Array.of(
    ...[family, address.prefixLength, flags, scope],
    ...u32(index),
  );
}

function addressAttributes(address: Cidr): NetlinkRequest["attributes"] {
  const value = address.ip.bytes;
  return [{ type: IFA_LOCAL, value }, { type: IFA_ADDRESS, value }];
}

/** Table numbers above 255 are told by attribute only. */
function tableOf({ body }: NetlinkReply): number | undefined {
  const named = findAttribute(body, ROUTE_FIXED_BYTES, RTA_TABLE);
  return named?.length === 4 ? readU32LE(named, 0) : body[ROUTE_TABLE];
}

function exceptionParts(
  table: number,
  host: IpAddress,
): Pick<NetlinkRequest, "body" | "attributes"> {
  const network = { ip: host, prefixLength: host.bytes.length * 8 };
  return {
    body: routeBody(network, RTN_THROW),
    attributes: [
      { type: RTA_DST, value: host.bytes },
      { type: RTA_TABLE, value: table },
    ],
  };
}

function routeBody({ ip, prefixLength }: Cidr, type: number): Uint8Array {
  const body = new Uint8Array(ROUTE_FIXED_BYTES);
  body.set([addressFamily(ip.family), prefixLength], 0);
  body.set([RTPROT_STATIC, RT_SCOPE_UNIVERSE, type], 5);
  return body;
}

function routeParts(
  index: number,
  table: number,
  network: Cidr,
): Pick<NetlinkRequest, "body" | "attributes"> {
  return {
    body: routeBody(network, RTN_UNICAST),
    attributes: [
      { type: RTA_DST, value: network.ip.bytes },
      { type: RTA_OIF, value: index },
      { type: RTA_TABLE, value: table },
    ],
  };
}

function ruleParts(
  rule: MarkRule,
): Pick<NetlinkRequest, "body" | "attributes"> {
  const body = new Uint8Array(12);
  body[0] = addressFamily(rule.family);
  body[7] = FR_ACT_TO_TBL;
  body.set(u32(rule.isForMarked ? 0 : FIB_RULE_INVERT), 8);
  return {
    body,
    attributes: [
      { type: FRA_PRIORITY, value: rule.priority },
      { type: FRA_FWMARK, value: rule.mark },
      { type: FRA_FWMASK, value: WHOLE_MARK },
      { type: FRA_TABLE, value: rule.table },
      { type: FRA_PROTOCOL, value: Uint8Array.of(RTPROT_KERNEL) },
    ],
  };
}

function anyIp(family: IpFamily): IpAddress {
  return ipFromBytes(new Uint8Array(family === 4 ? 4 : 16));
}
