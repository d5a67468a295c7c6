import { formatCidr } from "../../lib/base/mod.ts";
import type { Resource } from "../../lib/portal/mod.ts";
import { ALICE, GATEWAY, type TestClient } from "./gateway_harness.ts";
import {
  naiveAddress,
  naiveCovers,
  type NaiveEntry,
  naivePermits,
  naiveSelect,
} from "./naive_policy.ts";

/** A packet in words. `port` is that of the resource's side. */
export interface PacketFacts {
  readonly source: string;
  readonly destination: string;
  readonly kind:
    | "tcp"
    | "udp"
    | "echo"
    | "other-icmp"
    | "icmp-error"
    | "other-protocol";
  readonly port: number;
}

const TUNNEL = ["100.64.0.0/11", "fd00:2021:1111::/107"];
/** The addresses that clients make up for names. */
export const PROXY: readonly string[] = [
  "100.96.0.0/11",
  "fd00:2021:1111:8000::/107",
];
const MULTICAST = ["224.0.0.0/4", "ff00::/8"];
const REFUSED = [
  ...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8"],
  ...["169.254.0.0/16", "100.64.0.0/10", "224.0.0.0/4", "240.0.0.0/4"],
  ...["::1/128", "::ffff:0:0/96", "fc00::/7", "fe80::/10", "ff00::/8"],
];

/** Data-plane spec §5, row by row: does the packet of a client pass? None of its names is announced. */
export function naiveOutbound(
  resources: readonly Resource[],
  { source, destination, kind, port }: PacketFacts,
  client: TestClient = ALICE,
): boolean {
  if (resources.length === 0) return false;
  if (within(MULTICAST, destination)) return false;
  if (kind === "icmp-error") return false;
  if (source !== client.ipv4 && source !== client.ipv6) return false;
  if (destination === GATEWAY.ipv4 || destination === GATEWAY.ipv6) return true;
  if (within(TUNNEL, destination)) return false;
  if (within(PROXY, destination)) return false;
  return isAllowed(resources, destination, kind, port);
}

/** Data-plane spec §6, row by row: does the packet reach a client? It belongs to no flow that is translated. */
export function naiveInbound(
  resources: readonly Resource[],
  { source, destination, kind, port }: PacketFacts,
  client: TestClient = ALICE,
): boolean {
  if (resources.length === 0) return false;
  if (destination !== client.ipv4 && destination !== client.ipv6) return false;
  if (source === GATEWAY.ipv4 || source === GATEWAY.ipv6) return true;
  if (kind === "other-icmp" || kind === "other-protocol") return false;
  if (within(TUNNEL, source)) return false;
  if (kind === "icmp-error") return true;
  if (within(PROXY, source)) return false;
  return isAllowed(resources, source, kind, port);
}

function isAllowed(
  resources: readonly Resource[],
  address: string,
  kind: PacketFacts["kind"],
  port: number,
): boolean {
  const isProxy = within(PROXY, address);
  const hasInternet = resources.some((it) => it.kind === "internet");
  if (hasInternet) return !isProxy && !within(REFUSED, address);

  const transport = {
    kind: kind === "icmp-error" ? "other-icmp" as const : kind,
    value: port,
  };
  const entries = resources.flatMap((it): NaiveEntry[] =>
    it.kind === "cidr"
      ? [{ id: it.id, network: formatCidr(it.address), rules: it.filters }]
      : []
  );
  const best = naiveSelect(entries, naiveAddress(address), transport);
  return best !== undefined && naivePermits(best.rules, transport);
}

/** Tells whether one of the networks covers an address. */
export function within(networks: readonly string[], address: string): boolean {
  return networks.some((network) =>
    naiveCovers(network, naiveAddress(address))
  );
}
