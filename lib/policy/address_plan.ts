import {
  assert,
  type Cidr,
  cidrContainsBytes,
  parseCidr,
} from "../base/mod.ts";

/** Addresses of clients and gateways inside the tunnel, IPv4 (data-plane spec §1.1). */
export const TUNNEL_RANGE_V4: Cidr = network("100.64.0.0/11");
/** Addresses of clients and gateways inside the tunnel, IPv6. */
export const TUNNEL_RANGE_V6: Cidr = network("fd00:2021:1111::/107");

/** Addresses that clients invent for the names of DNS resources, IPv4 (data-plane spec §1.1). */
export const PROXY_RANGE_V4: Cidr = network("100.96.0.0/11");
/** Addresses that clients invent for the names of DNS resources, IPv6. */
export const PROXY_RANGE_V6: Cidr = network("fd00:2021:1111:8000::/107");

const MULTICAST_V4 = network("224.0.0.0/4");
const MULTICAST_V6 = network("ff00::/8");

/** What an Internet resource does not cover (data-plane spec §5.1). */
const REFUSED_V4 = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "100.64.0.0/10",
  "224.0.0.0/4",
  "240.0.0.0/4",
].map(network);
const REFUSED_V6 = [
  "::1/128",
  "::ffff:0:0/96",
  "fc00::/7",
  "fe80::/10",
  "ff00::/8",
].map(network);

/** Tells whether the address at `bytes[at…]` is that of a client or gateway. */
export function isTunnelAddress(
  version: 4 | 6,
  bytes: Uint8Array,
  at: number,
): boolean {
  const range = version === 4 ? TUNNEL_RANGE_V4 : TUNNEL_RANGE_V6;
  return cidrContainsBytes(range, bytes, at);
}

/** Tells whether the address at `bytes[at…]` stands for the name of a DNS resource. */
export function isProxyAddress(
  version: 4 | 6,
  bytes: Uint8Array,
  at: number,
): boolean {
  const range = version === 4 ? PROXY_RANGE_V4 : PROXY_RANGE_V6;
  return cidrContainsBytes(range, bytes, at);
}

/** Tells whether the address at `bytes[at…]` is a multicast group. */
export function isMulticastAddress(
  version: 4 | 6,
  bytes: Uint8Array,
  at: number,
): boolean {
  const range = version === 4 ? MULTICAST_V4 : MULTICAST_V6;
  return cidrContainsBytes(range, bytes, at);
}

/** Tells whether an Internet resource does not cover the address at `bytes[at…]`. */
export function isRefusedByInternet(
  version: 4 | 6,
  bytes: Uint8Array,
  at: number,
): boolean {
  const refused = version === 4 ? REFUSED_V4 : REFUSED_V6;
  for (let i = 0; i < refused.length; i++) {
    if (cidrContainsBytes(refused[i]!, bytes, at)) return true;
  }
  return false;
}

/**
 * Returns the low 21 bits of the address at `bytes[at…]`.
 *
 * Tunnel and proxy ranges leave as many to tell addresses apart (/11 and
 * /107), so within one range and family a small number is a perfect key.
 */
export function addressKey(
  version: 4 | 6,
  bytes: Uint8Array,
  at: number,
): number {
  const end = at + (version === 4 ? 4 : 16);
  return ((bytes[end - 3]! & 0x1f) << 16) | (bytes[end - 2]! << 8) |
    bytes[end - 1]!;
}

function network(text: string): Cidr {
  const cidr = parseCidr(text);
  assert(cidr !== undefined, "An address range of ours is malformed");
  return cidr;
}
