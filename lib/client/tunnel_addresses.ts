import { type IpAddress, ipEqualsBytes } from "../base/mod.ts";

/** The two addresses of a node inside the tunnel. */
export interface TunnelAddresses {
  /** In 100.64.0.0/11. */
  readonly ipv4: IpAddress;
  /** In fd00:2021:1111::/107. */
  readonly ipv6: IpAddress;
}

/** Tells whether the address at `bytes[at…]` is one of the two. Allocates nothing. */
export function includesAddress(
  addresses: TunnelAddresses,
  version: 4 | 6,
  bytes: Uint8Array,
  at: number,
): boolean {
  const own = version === 4 ? addresses.ipv4 : addresses.ipv6;
  return ipEqualsBytes(own, bytes, at);
}
