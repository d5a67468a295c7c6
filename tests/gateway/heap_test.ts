import assert from "node:assert/strict";
import {
  ALICE,
  cidrResource,
  dnsResource,
  uuidOf,
  WIKI_PROXIES,
} from "../support/gateway_harness.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { icmpPacket, tcpPacket, udpPacket } from "../support/ip_packet.ts";
import { SteadyGateway, type StoredPacket } from "../support/steady_gateway.ts";

const HOSTS = ["10.3.0.1", "10.9.1.2", "2001:db8::1", "11.0.0.1"];
const PORTS = { sourcePort: 9, destinationPort: 60 };
const REPLY_PORTS = { sourcePort: 60, destinationPort: 9 };

Deno.test("judging, tracking, forwarding and denying packets of networks costs no heap in either direction", () => {
  const world = new SteadyGateway([
    ...Array.from(
      { length: 500 },
      (_, i) =>
        cidrResource(`r${i}`, `10.${i >> 4}.${(i & 15) << 4}.0/20`, [
          { protocol: "tcp", start: 443, end: 443 },
          { protocol: "udp", start: i, end: 2 * i },
        ]),
    ),
    cidrResource("v6", "2001:db8::/32"),
  ], { trackFlows: true });
  const outgoing = HOSTS.map((destination) =>
    world.store(
      udpPacket({ source: ownFor(destination), destination, ...PORTS }),
    )
  );
  const incoming = HOSTS.map((source) =>
    world.store(
      udpPacket({ source, destination: ownFor(source), ...REPLY_PORTS }),
    )
  );

  assertNoHeap(world, outgoing, incoming);

  const { outbound, inbound, icmpReplies, flows } = world.gateway.snapshot();
  assert.ok(flows.open > 0);
  assert.ok(outbound.forward > 0 && outbound["prohibited-by-filter"] > 0);
  assert.ok(inbound.sent > 0 && inbound["not-allowed"] > 0);
  assert.ok(icmpReplies.sent > 100_000);
});

Deno.test("steady traffic to names costs no heap in either direction, nor do ICMP errors about it", () => {
  const resource = uuidOf(1);
  const world = new SteadyGateway([dnsResource(resource)], {
    trackFlows: true,
  });
  world.announce(resource, WIKI_PROXIES, ["10.0.0.1", "2001:db8::1"]);
  const flows = [
    ["100.96.0.1", "10.0.0.1"],
    ["100.96.0.2", "10.0.0.1"],
    ["fd00:2021:1111:8000::", "2001:db8::1"],
    ["fd00:2021:1111:8000::1", "2001:db8::1"],
  ] as const;
  const outgoing = flows.flatMap(([destination]) => {
    const addresses = { source: ownFor(destination), destination };
    return [
      world.store(udpPacket({ ...addresses, ...PORTS })),
      world.store(tcpPacket({ ...addresses, ...PORTS, flags: 0x10 })),
    ];
  });
  outgoing.forEach((packet) => world.send(packet));
  const incoming = flows.flatMap(([_proxy, source], i) => {
    const destination = ownFor(source);
    const addresses = { source, destination };
    const ports = { sourcePort: 60, destinationPort: 9 + i % 2 };
    const body = udpPacket({
      source: destination,
      destination: source,
      sourcePort: 9 + i % 2,
      destinationPort: 60,
    });
    const type = source.includes(":") ? 2 : 3;
    return [
      world.store(udpPacket({ ...addresses, ...ports })),
      world.store(icmpPacket({ ...addresses, type, body })),
    ];
  });

  assertNoHeap(world, outgoing, incoming);

  const snapshot = world.gateway.snapshot();
  const { outbound, inbound, natSessions } = snapshot;
  assert.equal(natSessions, 8);
  assert.equal(snapshot.flows.open, 4);
  assert.deepEqual(
    [outbound.forward > 100_000, inbound.sent > 100_000],
    [true, true],
  );
  assert.equal(outbound["prohibited-destination"], 0);
});

/** Sends and delivers packets in turn, and holds the heap still. */
function assertNoHeap(
  world: SteadyGateway,
  outgoing: readonly StoredPacket[],
  incoming: readonly StoredPacket[],
): void {
  let turn = 0;
  const outbound = heapBytesPerCall(() =>
    world.send(outgoing[turn++ % outgoing.length]!)
  );
  const inbound = heapBytesPerCall(() =>
    world.deliver(incoming[turn++ % incoming.length]!)
  );

  assert.ok(outbound < 1, `${outbound} bytes a packet outbound`);
  assert.ok(inbound < 1, `${inbound} bytes a packet inbound`);
}

function ownFor(address: string): string {
  return address.includes(":") ? ALICE.ipv6 : ALICE.ipv4;
}
