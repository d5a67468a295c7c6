import assert from "node:assert/strict";
import fc from "fast-check";
import { checksumDefect, TransportView } from "../../lib/wire/mod.ts";
import { largePackets } from "../arbitraries/flow_packet.ts";
import { flowPacket } from "../support/flow_packet.ts";
import { echoRequest } from "../support/ip_packet.ts";

const view = new TransportView();

Deno.test("right checksums have no defect, wherever the packet lies", () => {
  fc.assert(fc.property(largePackets(), fc.nat(9), (fields, offset) => {
    const packet = flowPacket(fields);
    const bytes = new Uint8Array(offset + packet.length + 3).fill(0xa5);
    bytes.set(packet, offset);

    const end = offset + packet.length;
    assert.equal(checksumDefect(view, bytes, offset, end), undefined);
  }));
});

Deno.test("one bit flipped anywhere behind the IP header is a defect of the transport", () => {
  const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(largePackets(), at, fc.nat(7), (fields, at, bit) => {
    const packet = flowPacket(fields);
    const ports = packet[0]! >> 4 === 4 ? 20 : 40;
    // Ports and payload: what else is flipped may make it another kind of packet.
    const payload = packet.length - fields.payload.length;
    const places = [0, 1, 2, 3].map((i) => ports + i);
    for (let i = payload; i < packet.length; i++) places.push(i);
    packet[places[Math.floor(at * places.length)]!]! ^= 1 << bit;

    assert.equal(defectOf(packet), fields.protocol);
  }));
});

Deno.test("a wrong IPv4 header is told before what it carries", () => {
  const packet = flowPacket({ protocol: "tcp", payload: Uint8Array.of(1) });

  packet[8] = 3; // Time to live.

  assert.equal(defectOf(packet), "ipv4");
});

Deno.test("an absent UDP checksum is right over IPv4", () => {
  const packet = flowPacket({ protocol: "udp", payload: Uint8Array.of(1, 2) });

  packet.fill(0, 26, 28);

  assert.equal(defectOf(packet), undefined);
});

Deno.test("other protocols are nobody's concern, and nothing is read past the end", () => {
  const echo = echoRequest({
    source: "10.0.0.1",
    destination: "10.0.0.2",
    identifier: 7,
  });
  echo[echo.length - 1]! ^= 1;

  assert.equal(defectOf(echo), undefined);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
    const defect = defectOf(bytes);
    assert.ok([undefined, "ipv4", "tcp", "udp"].includes(defect));
  }));
});

function defectOf(packet: Uint8Array) {
  return checksumDefect(view, packet, 0, packet.length);
}
