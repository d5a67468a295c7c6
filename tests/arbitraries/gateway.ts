import fc from "fast-check";
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
} from "../support/gateway_harness.ts";
import {
  echoRequest,
  icmpPacket,
  ipPacket,
  tcpPacket,
  udpPacket,
} from "../support/ip_packet.ts";
import type { FlowFacts, NaiveName } from "../support/naive_client.ts";
import { filterRules, ports } from "./policy.ts";

/** Between whom and the rest of the world a packet goes. */
export type Direction = "outbound" | "inbound";

/** A packet between a client and the rest of the world. */
export interface WorldPacket {
  /** Whose connection it comes on, or whose address it goes to. */
  readonly client: TestClient;
  readonly direction: Direction;
  readonly facts: FlowFacts;
  /** What comes back if the packet passes outbound. */
  readonly answer: "none" | "reply" | "icmp-error";
}

/** What one client may reach, and the names it has announced, in order. */
export interface WorldAccess {
  readonly resources: readonly Resource[];
  readonly names: readonly NaiveName[];
}

const NETWORKS = [
  ...["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "100.64.0.0/10"],
  ...["1.1.1.0/24", "::/0", "2001:db8::/32", "2001:db8::5/128", "fd00::/8"],
];

/** Addresses on both sides of every border that the spec draws. */
const PLACES_V4 = [
  ...["10.0.0.1", "10.1.0.1", "10.1.2.3", "10.1.2.3", "1.1.1.1", "8.8.8.8"],
  ...["100.96.0.1", "100.96.0.4", "100.95.255.255", "192.168.1.1"],
  "169.254.169.254",
  ...["224.0.0.1", "255.255.255.255", "0.0.0.0", ALICE.ipv4, BOB.ipv4],
  GATEWAY.ipv4,
];
const PLACES_V6 = [
  ...["2001:db8::1", "2001:db8::5", "2001:db8::5", "2606:4700::1", "::1", "::"],
  ...["fd00:2021:1111:8000::1", "fd00:2021:1111:8000::2"],
  ...["fd00:2021:1111:8000::3", "fd12::1", "fe80::1", "ff02::1", ALICE.ipv6],
  ...[BOB.ipv6, GATEWAY.ipv6],
];

/** The names that clients announce, and the proxies that they make up for each. */
const WIKI = "wiki.corp.example";
const GIT = "git.corp.example";
const PROXIES: Readonly<Record<string, readonly string[]>> = {
  [WIKI]: [
    ...["100.96.0.1", "100.96.0.2"],
    ...["fd00:2021:1111:8000::1", "fd00:2021:1111:8000::2"],
  ],
  [GIT]: ["100.96.0.3", "fd00:2021:1111:8000::3"],
};
const REALS = [
  ...["10.0.0.1", "10.1.2.3", "8.8.8.8", "192.168.1.1"],
  ...["2001:db8::1", "2001:db8::5"],
];

/** Resources of all kinds, mostly overlapping, and names that belong to some of them. */
export function worldAccess(): fc.Arbitrary<WorldAccess> {
  const cidr = fc.record({
    network: fc.constantFrom(...NETWORKS),
    rules: filterRules(),
  });
  const name = fc.record({
    pattern: fc.constantFrom(WIKI, WIKI, GIT, "*.corp.example"),
    rules: fc.oneof(fc.constant([]), filterRules()),
    addresses: fc.subarray(REALS),
    isAnnounced: fc.constantFrom(true, true, true, false),
  });
  return fc.record({
    cidrs: fc.array(cidr, { maxLength: 5 }),
    hasInternet: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    dns: fc.array(name, { minLength: 1, maxLength: 4 }),
  }).map(({ cidrs, hasInternet, dns }) => ({
    resources: [
      ...cidrs.map(({ network, rules }, i) =>
        cidrResource(`c${i}`, network, rules)
      ),
      ...(hasInternet ? [internetResource("i")] : []),
      ...dns.map(({ pattern, rules }, i) =>
        dnsResource(uuidOf(i), rules, pattern)
      ),
    ],
    names: dns.flatMap(({ pattern, addresses, isAnnounced }, i) => {
      const domain = pattern === GIT ? GIT : WIKI;
      const proxies = PROXIES[domain]!;
      return isAnnounced
        ? [{ resource: uuidOf(i), domain, proxies, addresses }]
        : [];
    }),
  }));
}

/** Packets of all kinds between clients and everywhere; now and then also between strangers. */
export function worldPackets(): fc.Arbitrary<WorldPacket[]> {
  const kinds = ["tcp", "udp", "tcp", "udp", "echo"] as const;
  const oddKinds = ["icmp-error", "other-icmp", "other-protocol"] as const;
  const packet = fc.record({
    client: fc.constantFrom(ALICE, ALICE, ALICE, BOB),
    direction: fc.constantFrom<Direction>("outbound", "inbound"),
    isV6: fc.boolean(),
    isNamed: fc.boolean(),
    isStranger: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    places: fc.tuple(fc.nat(), fc.nat()),
    kind: fc.constantFrom(...kinds, ...oddKinds),
    port: ports(),
    otherPort: ports(),
    answer: fc.constantFrom("none", "reply", "icmp-error"),
  }).map((it) => {
    const places = it.isV6 ? PLACES_V6 : PLACES_V4;
    const proxies = Object.values(PROXIES).flat()
      .filter((proxy) => proxy.includes(":") === it.isV6);
    const [farPlace, stranger] = it.places.map((n) =>
      places[n % places.length]!
    );
    const far = it.isNamed && it.direction === "outbound"
      ? proxies[it.places[0] % proxies.length]
      : farPlace;
    const own = it.isV6 ? it.client.ipv6 : it.client.ipv4;
    const near = it.isStranger ? stranger! : own;
    const { client, direction, kind, port, otherPort, answer } = it;
    const addresses = direction === "outbound"
      ? { source: near, destination: far! }
      : { source: far!, destination: near };
    return {
      client,
      direction,
      facts: { ...addresses, kind, port, otherPort },
      answer,
    };
  });
  return fc.array(packet, { minLength: 1, maxLength: 16 });
}

/** What a resource, or a router on the way to it, sends in answer to an outbound packet. */
export function answerTo(
  { source, destination, kind, port, otherPort }: FlowFacts,
  answer: "reply" | "icmp-error",
): FlowFacts {
  return {
    source: destination,
    destination: source,
    kind: answer === "reply" ? kind : answer,
    port,
    otherPort,
  };
}

/** Builds the packet that the facts describe. */
export function bytesOf(facts: FlowFacts, direction: Direction): Uint8Array {
  const { source, destination, kind, port, otherPort } = facts;
  const addresses = { source, destination };
  const isV6 = source.includes(":");
  const ports = direction === "outbound"
    ? { sourcePort: otherPort, destinationPort: port }
    : { sourcePort: port, destinationPort: otherPort };
  switch (kind) {
    case "tcp":
      return tcpPacket({ ...addresses, ...ports });
    case "udp":
      return udpPacket({ ...addresses, ...ports });
    case "echo":
      return echoRequest({ ...addresses, identifier: otherPort });
    case "other-icmp":
      return icmpPacket({ ...addresses, type: isV6 ? 135 : 13 });
    case "icmp-error": {
      const body = udpPacket({
        source: destination,
        destination: source,
        sourcePort: otherPort,
        destinationPort: port,
      });
      return icmpPacket({ ...addresses, type: isV6 ? 1 : 3, body });
    }
    case "other-protocol":
      return ipPacket(addresses, 47, new Uint8Array(4));
  }
}
