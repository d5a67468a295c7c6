import { equalIps, type IpAddress, ipEqualsBytes } from "../base/mod.ts";

/** The addresses of one client or gateway inside the tunnel. */
export interface TunnelAddresses {
  /** Its IPv4 address. */
  readonly ipv4: IpAddress;
  /** Its IPv6 address. */
  readonly ipv6: IpAddress;
}

/** Tells whether the address at `bytes[at…]` is one of `addresses`. Allocates nothing. */
export function includesAddress(
  addresses: TunnelAddresses,
  version: 4 | 6,
  bytes: Uint8Array,
  at: number,
): boolean {
  return ipEqualsBytes(
    version === 4 ? addresses.ipv4 : addresses.ipv6,
    bytes,
    at,
  );
}

/** Tells whether both addresses are the same. */
export function equalTunnelAddresses(
  a: TunnelAddresses,
  b: TunnelAddresses,
): boolean {
  return equalIps(a.ipv4, b.ipv4) && equalIps(a.ipv6, b.ipv6);
}
