import {
  assert,
  type Cidr,
  cidrContainsBytes,
  type IpAddress,
  ipFromBytes,
  parseCidr,
  parseIp,
  readU32,
  writeU32,
} from "../base/mod.ts";
import { PROXY_RANGE_V4, PROXY_RANGE_V6 } from "../policy/mod.ts";

/** Our own DNS service, IPv4 (data-plane spec §1.1). */
export const DNS_SENTINEL_V4: IpAddress = address("100.100.111.1");
/** Our own DNS service, IPv6. */
export const DNS_SENTINEL_V6: IpAddress = address(
  "fd00:2021:1111:8000:100:100:111:1",
);

/** Addresses of DNS services of clients; they stand for no name (data-plane spec §1.1). */
const SENTINELS_V4 = network("100.100.111.0/24");

/** First address that stands for a name: the address of the range itself is left out in IPv4 only (data-plane spec §18.1). */
const FIRST_V4 = readU32(PROXY_RANGE_V4.ip.bytes, 0) + 1;
const SENTINELS_FROM = readU32(SENTINELS_V4.ip.bytes, 0);
const SENTINEL_COUNT = 2 ** (32 - SENTINELS_V4.prefixLength);

/** Where the last 32 bits of an IPv6 address begin: what lies before is the same for all proxy addresses. */
const LOW_BITS_AT = 12;

/** Returns the proxy address number `n` of IPv4, counted from 0 without the addresses of DNS services. */
export function proxyIpv4(n: number): IpAddress {
  const plain = FIRST_V4 + n;
  const bytes = new Uint8Array(4);
  writeU32(
    bytes,
    0,
    plain < SENTINELS_FROM ? plain : plain + SENTINEL_COUNT,
  );
  assert(
    cidrContainsBytes(PROXY_RANGE_V4, bytes, 0),
    "The proxy addresses are used up",
  );
  return ipFromBytes(bytes);
}

/** Returns the proxy address number `n` of IPv6, counted from 0. */
export function proxyIpv6(n: number): IpAddress {
  const bytes = PROXY_RANGE_V6.ip.bytes.slice();
  writeU32(bytes, LOW_BITS_AT, n);
  assert(
    cidrContainsBytes(PROXY_RANGE_V6, bytes, 0),
    "The proxy addresses are used up",
  );
  return ipFromBytes(bytes);
}

function address(text: string): IpAddress {
  const ip = parseIp(text);
  assert(ip !== undefined, "An address of ours is malformed");
  return ip;
}

function network(text: string): Cidr {
  const cidr = parseCidr(text);
  assert(cidr !== undefined, "A network of ours is malformed");
  return cidr;
}
