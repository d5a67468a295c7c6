import fc from "fast-check";
import type { Resource } from "../../lib/portal/mod.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  dnsResource,
  GATEWAY,
  internetResource,
} from "../support/gateway_harness.ts";
import {
  echoRequest,
  icmpPacket,
  ipPacket,
  tcpPacket,
  udpPacket,
} from "../support/ip_packet.ts";
import type { PacketFacts } from "../support/naive_gateway.ts";
import { filterRules, ports } from "./policy.ts";

/** A packet and what it is, in words. */
export interface WorldPacket {
  readonly bytes: Uint8Array;
  readonly fields: PacketFacts;
}

const NETWORKS = [
  ...["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "100.64.0.0/10"],
  ...["1.1.1.0/24", "::/0", "2001:db8::/32", "2001:db8::5/128", "fd00::/8"],
];

/** Addresses on both sides of every border that the spec draws. */
const PLACES_V4 = [
  ...["10.0.0.1", "10.1.0.1", "10.1.2.3", "10.1.2.3", "1.1.1.1", "8.8.8.8"],
  ...["100.96.0.1", "100.95.255.255", "192.168.1.1", "169.254.169.254"],
  ...["224.0.0.1", "255.255.255.255", "0.0.0.0", ALICE.ipv4, BOB.ipv4],
  GATEWAY.ipv4,
];
const PLACES_V6 = [
  ...["2001:db8::1", "2001:db8::5", "2001:db8::5", "2606:4700::1", "::1", "::"],
  ...["fd00:2021:1111:8000::1", "fd12::1", "fe80::1", "ff02::1", ALICE.ipv6],
  ...[BOB.ipv6, GATEWAY.ipv6],
];

/** Sets of resources of all kinds, mostly overlapping. */
export function worldResources(): fc.Arbitrary<Resource[]> {
  const cidr = fc.record({
    network: fc.constantFrom(...NETWORKS),
    rules: filterRules(),
  });
  return fc.record({
    cidrs: fc.array(cidr, { maxLength: 6 }),
    hasInternet: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    hasDns: fc.boolean(),
  }).map(({ cidrs, hasInternet, hasDns }) => [
    ...cidrs.map(({ network, rules }, i) =>
      cidrResource(`c${i}`, network, rules)
    ),
    ...(hasInternet ? [internetResource("i")] : []),
    ...(hasDns ? [dnsResource("d")] : []),
  ]);
}

/** Packets of all kinds between Alice and everywhere; now and then also between strangers. */
export function worldPackets(
  direction: "outbound" | "inbound",
): fc.Arbitrary<WorldPacket[]> {
  const packet = fc.record({
    family: fc.constantFrom<4 | 6>(4, 6),
    here: fc.integer({ min: 0, max: 9 }),
    far: fc.nat(),
    stranger: fc.nat(),
    kind: fc.constantFrom(
      ...[
        "tcp",
        "udp",
        "tcp",
        "udp",
        "echo",
        "other-icmp",
        "icmp-error",
      ] as const,
      "other-protocol" as const,
    ),
    port: ports(),
    otherPort: ports(),
  }).map(({ family, here, far, stranger, kind, port, otherPort }) => {
    const places = family === 4 ? PLACES_V4 : PLACES_V6;
    const own = family === 4 ? ALICE.ipv4 : ALICE.ipv6;
    const near = here > 0 ? own : places[stranger % places.length]!;
    const remote = places[far % places.length]!;
    const isOutbound = direction === "outbound";
    const addresses = isOutbound
      ? { source: near, destination: remote }
      : { source: remote, destination: near };
    const bytes = build(
      kind,
      addresses,
      isOutbound ? [otherPort, port] : [port, otherPort],
    );
    return { bytes, fields: { ...addresses, kind, port } };
  });
  return fc.array(packet, { minLength: 1, maxLength: 12 });
}

function build(
  kind: PacketFacts["kind"],
  addresses: { readonly source: string; readonly destination: string },
  [sourcePort, destinationPort]: readonly [number, number],
): Uint8Array {
  const isV6 = addresses.source.includes(":");
  switch (kind) {
    case "tcp":
      return tcpPacket({ ...addresses, sourcePort, destinationPort });
    case "udp":
      return udpPacket({ ...addresses, sourcePort, destinationPort });
    case "echo":
      return echoRequest({ ...addresses, identifier: sourcePort });
    case "other-icmp":
      return icmpPacket({ ...addresses, type: isV6 ? 135 : 13 });
    case "icmp-error": {
      const body = udpPacket({
        source: addresses.destination,
        destination: addresses.source,
        sourcePort,
        destinationPort,
      });
      return icmpPacket({ ...addresses, type: isV6 ? 1 : 3, body });
    }
    case "other-protocol":
      return ipPacket(addresses, 47, new Uint8Array(4));
  }
}
