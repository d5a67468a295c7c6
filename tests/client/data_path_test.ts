import assert from "node:assert/strict";
import { encodeGoodbye } from "../../lib/wire/mod.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import {
  echoRequest,
  icmpPacket,
  ipPacket,
  tcpPacket,
  udpPacket,
} from "../support/ip_packet.ts";
import { cidr, Harness, OWN_V4, OWN_V6 } from "./harness.ts";

const UDP = { sourcePort: 1_000, destinationPort: 53 };

Deno.test("before the first init nothing goes either way", () => {
  const h = new Harness();

  assert.equal(h.send(out("10.20.0.1")), "not-configured");
  assert.equal(h.receive(back("10.20.0.1")), "not-configured");
});

Deno.test("only packets from our own addresses go out", () => {
  const h = granted();

  assert.equal(
    h.send(
      udpPacket({ source: "100.64.0.3", destination: "10.20.0.1", ...UDP }),
    ),
    "foreign-source",
  );
  assert.equal(
    h.send(
      udpPacket({ source: "fe80::1", destination: "2001:db8::1", ...UDP }),
    ),
    "foreign-source",
  );
  assert.equal(
    h.send(udpPacket({ source: OWN_V6, destination: "2001:db8::1", ...UDP })),
    "sent",
  );
});

Deno.test("multicast, unknown tunnel addresses and uncovered addresses go nowhere", () => {
  const h = granted();

  assert.equal(h.send(out("224.0.0.251")), "multicast");
  assert.equal(h.send(out("100.64.9.9")), "unknown-tunnel-address");
  assert.equal(h.send(out("8.8.8.8")), "no-resource");
});

Deno.test("only TCP, UDP and echo go to resources, and filters are applied here already", () => {
  const h = granted();
  const destination = "10.40.0.1";
  const ping = echoRequest({ source: OWN_V4, destination, identifier: 1 });
  const web = tcpPacket({
    source: OWN_V4,
    destination,
    sourcePort: 1,
    destinationPort: 443,
  });

  assert.equal(h.send(web), "sent");
  assert.equal(h.send(ping), "filtered");
  assert.equal(h.send(out(destination)), "filtered");
  const addresses = { source: OWN_V4, destination: "10.20.0.1" };
  assert.equal(
    h.send(ipPacket(addresses, 47, new Uint8Array(8))),
    "unsupported-protocol",
  );
  assert.equal(
    h.send(icmpPacket({ ...addresses, type: 13 })),
    "unsupported-protocol",
  );
  assert.equal(h.send(echoRequest({ ...addresses, identifier: 1 })), "sent");
});

Deno.test("a malformed packet is counted under its refusal, in both directions", () => {
  const h = granted();
  const truncated = out("10.20.0.1").subarray(0, 19);

  assert.equal(h.send(truncated), "ipv4-header-truncated");
  assert.equal(h.receive(truncated), "ipv4-header-truncated");
  assert.deepEqual(h.delivered, []);
});

Deno.test("a gateway may speak for itself and for its resources, to us only", () => {
  const h = granted();

  for (const source of ["10.20.0.1", "10.40.255.255", "100.64.1.1"]) {
    assert.equal(h.receive(back(source)), "forward");
  }
  assert.equal(
    h.receive(
      udpPacket({ source: "fd00:2021:1111::1:1", destination: OWN_V6, ...UDP }),
    ),
    "forward",
  );
  assert.equal(h.delivered.length, 4);

  assert.equal(h.receive(back("10.21.0.1")), "foreign-source");
  assert.equal(h.receive(back("100.64.1.2")), "foreign-source");
  assert.equal(
    h.receive(
      udpPacket({ source: "10.20.0.1", destination: "100.64.0.3", ...UDP }),
    ),
    "foreign-destination",
  );
  assert.equal(h.delivered.length, 4);
});

Deno.test("a gateway may not speak for resources of another gateway", () => {
  const h = granted();
  h.grant("far", "gw-2");

  assert.equal(h.receive(back("10.50.0.1"), "gw-1"), "foreign-source");
  assert.equal(h.receive(back("10.50.0.1"), "gw-2"), "forward");
  assert.equal(h.receive(back("10.20.0.1"), "gw-2"), "foreign-source");
  assert.equal(h.receive(back("10.20.0.1"), "gw-3"), "unknown-gateway");
});

Deno.test("access that ends also ends what the gateway may say", () => {
  const h = granted();

  h.message({ kind: "resource-deleted", resourceId: "net" });

  assert.equal(h.receive(back("10.20.0.1")), "foreign-source");
  assert.equal(h.receive(back("10.40.0.1")), "forward");
});

Deno.test("in-tunnel messages never reach the TUN device", () => {
  const h = granted();

  assert.equal(h.receive(encodeGoodbye()), "control");
  assert.deepEqual(h.delivered, []);
});

Deno.test("congestion of the outer header is carried into the packet", () => {
  const h = granted();
  const packet = udpPacket({
    source: "10.20.0.1",
    destination: OWN_V4,
    trafficClass: 2,
    ...UDP,
  });

  h.receive(packet, "gw-1", 3);

  assert.equal(h.delivered[0]?.[1], 3);
});

Deno.test("a packet costs no heap in either direction", () => {
  const h = granted();
  const packet = out("10.20.0.1");
  h.node.sendPacket = () => "sent";
  h.packets.commit = () => {};
  h.node.deliver("gw-1", back("10.20.0.1"));

  assert.ok(heapBytesPerCall(() => h.sendUncounted(packet)) < 1);
  assert.ok(heapBytesPerCall(() => h.receiveUncounted()) < 1);
});

/** A client with three networks behind `gw-1` and one, `far`, that nobody has asked for. */
function granted(): Harness {
  const h = new Harness();
  h.init(
    cidr("net", "10.20.0.0/16"),
    cidr("six", "2001:db8::/32"),
    cidr("web", "10.40.0.0/16", [{ protocol: "tcp", start: 443, end: 443 }]),
    cidr("far", "10.50.0.0/16"),
  );
  h.node.upsertOutcome = "reused";
  for (const id of ["net", "six", "web"]) h.grant(id);
  return h;
}

function out(destination: string): Uint8Array {
  return udpPacket({ source: OWN_V4, destination, ...UDP });
}

function back(source: string): Uint8Array {
  return udpPacket({ source, destination: OWN_V4, ...UDP });
}
