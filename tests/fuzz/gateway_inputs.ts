import type { FilterRule } from "../../lib/policy/mod.ts";
import type { Resource } from "../../lib/portal/mod.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  dnsResource,
  GATEWAY,
  internetResource,
  type TestClient,
  uuidOf,
  WIKI_PROXIES,
} from "../support/gateway_harness.ts";
import {
  echoRequest,
  icmpPacket,
  ipPacket,
  tcpPacket,
  udpPacket,
} from "../support/ip_packet.ts";
import type { Choices } from "./choices.ts";

/** Who attacks. */
export const CLIENTS: readonly TestClient[] = [ALICE, BOB];

/** Addresses that names have. */
export const REALS: readonly string[] = [
  ...["10.1.2.3", "10.9.0.1", "10.9.0.2", "1.1.1.1"],
  ...["2001:db8::5", "2001:db8:9::1"],
];

const NETWORKS = [
  ...["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "100.64.0.0/10", "1.1.1.0/24"],
  ...["::/0", "2001:db8::/32", "2001:db8::5/128", "fd00::/8"],
];

const PLACES = [
  ...["10.0.0.1", "8.8.8.8", "192.168.1.1", "224.0.0.1", "0.0.0.0"],
  ...["2001:db8::1", "2606:4700::1", "::1", "::", "fe80::1", "ff02::1"],
  ...[ALICE.ipv4, BOB.ipv4, GATEWAY.ipv4, "100.95.255.255", "100.127.0.1"],
  ...[ALICE.ipv6, BOB.ipv6, GATEWAY.ipv6],
  ...WIKI_PROXIES,
  ...WIKI_PROXIES,
  ...REALS,
];
const PLACES_V4 = PLACES.filter((place) => !place.includes(":"));
const PLACES_V6 = PLACES.filter((place) => place.includes(":"));
const PORTS = [0, 22, 80, 443, 65_535];

const [INTERNET_ID, DNS_ID, OTHER_DNS_ID] = [uuidOf(4), uuidOf(5), uuidOf(6)];

/** The resources that there are. Ids are UUIDs because clients name them. */
export const RESOURCE_IDS: readonly string[] = [
  ...[uuidOf(1), uuidOf(2), uuidOf(3)],
  ...[INTERNET_ID, DNS_ID, OTHER_DNS_ID],
];

/** A resource of the kind that its id has for ever, with any filters. */
export function anyResource(choices: Choices): Resource {
  const id = choices.pick(RESOURCE_IDS);
  if (id === INTERNET_ID) return internetResource(id);
  const filters: FilterRule[] = Array.from(
    { length: choices.below(3) },
    () => {
      const protocol = choices.pick(["tcp", "udp", "icmp"] as const);
      if (protocol === "icmp") return { protocol };
      return { protocol, start: choices.pick(PORTS), end: choices.pick(PORTS) };
    },
  );
  return id === DNS_ID || id === OTHER_DNS_ID
    ? dnsResource(id, filters)
    : cidrResource(id, choices.pick(NETWORKS), filters);
}

/** A packet of any kind between a client, mostly, and a place on either side of a border. */
export function packetOf(
  choices: Choices,
  client: TestClient,
  direction: "outbound" | "inbound",
): Uint8Array {
  const isV6 = choices.below(2) === 1;
  const places = isV6 ? PLACES_V6 : PLACES_V4;
  const own = isV6 ? client.ipv6 : client.ipv4;
  const near = choices.below(8) === 0 ? choices.pick(places) : own;
  const far = choices.pick(places);
  const addresses = direction === "outbound"
    ? { source: near, destination: far }
    : { source: far, destination: near };
  const sourcePort = choices.pick(PORTS);
  const destinationPort = choices.pick(PORTS);
  const ports = { sourcePort, destinationPort };
  switch (choices.below(7)) {
    case 0:
    case 1:
      return tcpPacket({ ...addresses, ...ports });
    case 2:
    case 3:
      return udpPacket({ ...addresses, ...ports });
    case 4:
      return echoRequest({ ...addresses, identifier: sourcePort });
    case 5: {
      const { source: destination, destination: source } = addresses;
      const body = udpPacket({ source, destination, ...ports });
      const type = choices.pick(isV6 ? [1, 2, 3, 135] : [3, 11, 13, 5]);
      return icmpPacket({ ...addresses, type, body });
    }
    default:
      return isV6 && sourcePort > 80
        ? ipPacket(addresses, 43, Uint8Array.of(59, 0, 4, 1, 0, 0, 0, 0))
        : ipPacket(addresses, 47, new Uint8Array(4));
  }
}
