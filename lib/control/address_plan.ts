import {
  assert,
  type Cidr,
  cidrContains,
  type IpAddress,
  ipFromBytes,
  parseCidr,
  readU32,
  utf8,
  writeU32,
} from "../base/mod.ts";
import { sha256 } from "../crypto/mod.ts";
import {
  TUNNEL_RANGE_V4,
  TUNNEL_RANGE_V6,
  type TunnelAddresses,
} from "../policy/mod.ts";

/** What no resource may lie in: tunnel, proxy and sentinel addresses (data-plane spec §1.1). */
export const RESERVED_RANGES: readonly Cidr[] = [
  knownCidr("100.64.0.0/10"),
  knownCidr("fd00:2021:1111::/48"),
];

const OFFSET_BITS = 21;
const LAST_OFFSET = 2 ** OFFSET_BITS - 2;

/**
 * Hands out tunnel addresses that depend on the device alone.
 *
 * A device's place in the range is a hash of its key, so that addresses stay
 * when entries are added or removed. Where two hashes meet, the later caller
 * gets the next free place. Reserve all fixed addresses first.
 */
export class AddressPlan {
  readonly #secret: string;
  readonly #taken = new Set<number>();

  /** Creates a plan whose places depend on `secret`. */
  constructor(secret: string) {
    this.#secret = secret;
  }

  /** Sets an address of either family aside. Returns `false` when it is outside the ranges or taken. */
  reserve(ip: IpAddress): boolean {
    const range = ip.family === 4 ? TUNNEL_RANGE_V4 : TUNNEL_RANGE_V6;
    if (!cidrContains(range, ip)) return false;
    const place = placeOf(ip);
    if (this.#taken.has(place)) return false;
    this.#taken.add(place);
    return true;
  }

  /** Returns the two addresses of the device called `key`. */
  allocate(key: string): TunnelAddresses {
    const digest = sha256(utf8(`${this.#secret}|address|${key}`));
    let offset = 1 + readU32(digest, 0) % LAST_OFFSET;
    while (this.#taken.has(offset) || this.#taken.has(-offset)) {
      offset = offset === LAST_OFFSET ? 1 : offset + 1;
    }
    this.#taken.add(offset).add(-offset);
    return {
      ipv4: at(TUNNEL_RANGE_V4, offset),
      ipv6: at(TUNNEL_RANGE_V6, offset),
    };
  }
}

/** An IPv4 address counts as its offset, an IPv6 address as its negative. */
function placeOf(ip: IpAddress): number {
  const low = readU32(ip.bytes, ip.bytes.length - 4) & (2 ** OFFSET_BITS - 1);
  return ip.family === 4 ? low : -low;
}

function at(range: Cidr, offset: number): IpAddress {
  const bytes = range.ip.bytes.slice();
  const low = bytes.length - 4;
  writeU32(bytes, low, readU32(bytes, low) + offset);
  return ipFromBytes(bytes);
}

function knownCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  assert(cidr !== undefined, "A constant network must be well-formed");
  return cidr;
}
