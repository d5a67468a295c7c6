import assert from "node:assert/strict";
import { after } from "../../lib/base/mod.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import {
  echoRequest,
  icmpPacket,
  ipPacket,
  naiveChecksum,
  tcpPacket,
  udpPacket,
} from "../support/ip_packet.ts";
import { destinationOf, sourceOf } from "../support/packet_fields.ts";
import { cidr, Harness, OWN_V4, OWN_V6 } from "./harness.ts";

const UDP = { sourcePort: 1_000, destinationPort: 53 };
const NOT_WEB = { sourcePort: 1, destinationPort: 80 };
const NO_REPLIES = {
  "written": 0,
  "about-icmp-error": 0,
  "about-no-host": 0,
  "rate-limited": 0,
};

for (
  const { family, source, destination, other } of [
    {
      family: 4,
      source: OWN_V4,
      destination: "10.40.0.1",
      other: "100.64.9.9",
    },
    {
      family: 6,
      source: OWN_V6,
      destination: "2001:db8:40::1",
      other: "fd00:2021:1111::9:9",
    },
  ]
) {
  const addresses = { source, destination };

  Deno.test(`[dp 106] [dp 107] [dp 108] an IPv${family} application whose packet nothing permits is told so at once, in the destination's name`, () => {
    const h = granted();
    const uncovered = family === 4 ? "8.8.8.8" : "2001:db8:8::8";
    const prohibited = [
      ["filtered", tcpPacket({ ...addresses, ...NOT_WEB })],
      ["filtered", udpPacket({ ...addresses, ...UDP })],
      ["filtered", echoRequest({ ...addresses, identifier: 1 })],
      ["unsupported-protocol", ipPacket(addresses, 47, new Uint8Array(8))],
      [
        "no-resource",
        udpPacket({ source, destination: uncovered, ...UDP }),
      ],
      [
        "unknown-tunnel-address",
        udpPacket({ source, destination: other, ...UDP }),
      ],
    ] as const;

    for (const [outcome, packet] of prohibited) {
      assert.equal(h.send(packet), outcome);
      assert.deepEqual(h.delivered.splice(0).map(fieldsOf), [{
        way: `${destinationOf(packet)} > ${source}`,
        kind: family === 4 ? "3/13" : "1/1",
        quote: family === 4 ? packet.slice(0, 28) : packet,
      }]);
    }
    assert.deepEqual(repliesOf(h), {
      ...NO_REPLIES,
      "written": prohibited.length,
    });
  });
}

Deno.test("an ICMPv4 answer has a valid checksum", () => {
  const h = granted();

  h.send(udpPacket({ source: OWN_V4, destination: "10.40.0.1", ...UDP }));

  assert.equal(naiveChecksum(h.delivered[0]!.subarray(20)), 0);
  assert.equal(naiveChecksum(h.delivered[0]!.subarray(0, 20)), 0);
});

Deno.test("what passes, waits or was not sent to a host by us is not answered", () => {
  const h = granted();
  const send = (source: string, destination: string) =>
    h.send(udpPacket({ source, destination, ...UDP }));

  assert.equal(send(OWN_V4, "10.20.0.1"), "sent");
  assert.equal(send(OWN_V4, "10.50.0.1"), "waiting");
  assert.equal(send("100.64.0.3", "10.40.0.1"), "foreign-source");
  assert.equal(send(OWN_V4, "224.0.0.251"), "multicast");
  assert.equal(new Harness().send(ping("10.40.0.1")), "not-configured");
  assert.equal(h.send(ping("10.40.0.1").subarray(0, 19)).slice(0, 4), "ipv4");

  assert.deepEqual(h.delivered, []);
  assert.deepEqual(repliesOf(h), NO_REPLIES);
});

Deno.test("ICMP errors of this host are not answered", () => {
  const h = granted();
  const body = udpPacket({ source: "10.20.0.1", destination: OWN_V4, ...UDP });

  for (const destination of ["10.20.0.1", "10.40.0.1"]) {
    const error = { source: OWN_V4, destination, type: 3, code: 3, body };
    assert.equal(h.send(icmpPacket(error)), "unsupported-protocol");
  }

  assert.deepEqual(h.delivered, []);
  assert.deepEqual(repliesOf(h), { ...NO_REPLIES, "about-icmp-error": 2 });
});

Deno.test("1000 packets are answered at once, and then 1000 a second", () => {
  const h = granted();

  for (let i = 0; i < 1_500; i++) h.send(ping("10.40.0.1"));
  assert.equal(h.delivered.splice(0).length, 1_000);
  h.advance(100);
  for (let i = 0; i < 200; i++) h.send(ping("10.40.0.1"));

  assert.equal(h.delivered.length, 100);
  assert.equal(repliesOf(h)["rate-limited"], 600);
});

Deno.test("a filter that changes is answered by as it is, and access stays", () => {
  const h = granted();
  assert.equal(h.send(ping("10.20.0.1")), "sent");

  h.message({
    kind: "resource-created-or-updated",
    resource: cidr("net", "10.20.0.0/16", WEB),
  });
  assert.equal(h.send(ping("10.20.0.1")), "filtered");

  assert.equal(h.delivered.length, 1);
  const web = { sourcePort: 1, destinationPort: 443 };
  const allowed = { source: OWN_V4, destination: "10.20.0.1", ...web };
  assert.equal(h.send(tcpPacket(allowed)), "sent");
});

Deno.test("an answer costs no heap", () => {
  const h = granted();
  h.packets.commit = () => {};
  const packets = [
    ping("10.40.0.1"),
    udpPacket({ source: OWN_V6, destination: "2001:db8:40::1", ...UDP }),
  ];
  let turn = 0;

  const bytes = heapBytesPerCall(() => {
    // A second allows as many answers.
    if (turn % 1_000 === 0) h.now = after(h.now, 1_000);
    h.sendUncounted(packets[turn++ % 2]!);
  });

  assert.ok(bytes < 1, `${bytes} bytes a packet`);
  assert.ok(repliesOf(h).written > 100_000);
});

const WEB = [{ protocol: "tcp", start: 443, end: 443 }] as const;

/** A client with a network of each family of which it may use the web servers only, one that it may use all of, and one that it has not asked for. */
function granted(): Harness {
  const h = new Harness();
  h.init(
    cidr("net", "10.20.0.0/16"),
    cidr("web", "10.40.0.0/16", WEB),
    cidr("six", "2001:db8:40::/48", WEB),
    cidr("far", "10.50.0.0/16"),
  );
  h.node.upsertOutcome = "reused";
  for (const id of ["net", "web", "six"]) h.grant(id);
  return h;
}

function ping(destination: string): Uint8Array {
  return echoRequest({ source: OWN_V4, destination, identifier: 1 });
}

function repliesOf(h: Harness) {
  return h.client.snapshot().icmpReplies;
}

/** Ends, kind and quote of an ICMP error. */
function fieldsOf(error: Uint8Array) {
  const isV4 = error[0]! >> 4 === 4;
  const at = isV4 ? 20 : 40;
  const [type, code] = error.subarray(at);
  assert.equal(error[isV4 ? 9 : 6], isV4 ? 1 : 58);
  return {
    way: `${sourceOf(error)} > ${destinationOf(error)}`,
    kind: `${type}/${code}`,
    quote: error.slice(at + 8),
  };
}
