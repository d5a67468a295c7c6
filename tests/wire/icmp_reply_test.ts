import assert from "node:assert/strict";
import fc from "fast-check";
import { fromHex, toHex } from "../../lib/base/mod.ts";
import { IpPacketView, writeIcmpReply } from "../../lib/wire/mod.ts";
import { wrongChecksums } from "../support/checksums.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import {
  addressBytes,
  ipPacket,
  tcpPacket,
  udpPacket,
} from "../support/ip_packet.ts";
import { packetVectors } from "../support/packet_vectors.ts";

const V4 = { source: "100.64.0.1", destination: "10.0.0.1" };
const V6 = {
  source: "fd00:2021:1111::1",
  destination: "fd00:2021:1111:8000::",
};
const PORTS = { sourcePort: 5_401, destinationPort: 443 };

/** Data-plane spec §21. */
const PACKET_V4 = "450000240000000040110c88644000010a000001" +
  "151901bb00107ab80000000000000000";
const PACKET_V6 = "6000000000101140" + "fd002021111100000000000000000001" +
  "fd002021111180000000000000000000" + "00010050001023160000000000000000";
const QUOTE_V4 = PACKET_V4.slice(0, 56);
const HEADER_V4 = "450000380000000014013884" + "0a00000164400001";
const HEADER_V6 = "6000000000403a14" + "fd002021111180000000000000000000" +
  "fd002021111100000000000000000001";

Deno.test("[dp 106] [dp 107] [dp 108] replies are those of data-plane spec §21", () => {
  const replies = [PACKET_V4, PACKET_V6].flatMap((packet) =>
    (["prohibited", "unreachable"] as const).map((kind) =>
      toHex(replyTo(bytesOf(packet), kind))
    )
  );

  assert.deepEqual(replies, [
    `${HEADER_V4}030d6b5600000000${QUOTE_V4}`,
    `${HEADER_V4}03006b6300000000${QUOTE_V4}`,
    `${HEADER_V6}0101b0ed00000000${PACKET_V6}`,
    `${HEADER_V6}0103b0eb00000000${PACKET_V6}`,
  ]);
});

Deno.test("[dp 107] an IPv4 reply quotes the header with its options and 8 bytes", () => {
  for (const { packet, fields } of packetVectors().packets) {
    if (fields.version !== 4) continue;
    const headerLength = (packet[0]! & 0x0f) * 4;

    const reply = replyTo(packet, "prohibited");

    assert.equal(
      toHex(reply.slice(28)),
      toHex(packet.slice(0, headerLength + 8)),
    );
  }
});

Deno.test("[dp 107] a packet shorter than the quote is quoted whole", () => {
  for (const length of [0, 1, 7]) {
    const packet = ipPacket(V4, 47, new Uint8Array(length).fill(0xaa));

    const reply = replyTo(packet, "prohibited");

    assert.equal(toHex(reply.slice(28)), toHex(packet));
  }
});

Deno.test("[dp 107] an IPv6 reply quotes at most 1232 bytes and never exceeds 1280", () => {
  for (const length of [1_231, 1_232, 1_233, 1_280]) {
    const payload = new Uint8Array(length - 48).map((_, i) => i);
    const packet = udpPacket({ ...V6, ...PORTS, payload });
    const quoteLength = Math.min(length, 1_232);

    const reply = replyTo(packet, "unreachable");

    assert.equal(reply.length, 48 + quoteLength);
    assert.equal(toHex(reply.slice(48)), toHex(packet.slice(0, quoteLength)));
  }
});

Deno.test("[dp 106] a reply goes back from where the packet went, with 20 hops, right checksums and nothing else set", () => {
  fc.assert(fc.property(
    fc.constantFrom(...packetVectors().packets),
    fc.constantFrom("prohibited" as const, "unreachable" as const),
    ({ packet, fields }, kind) => {
      const reply = replyTo(packet, kind);

      const view = attached(reply);
      assert.deepEqual(wrongChecksums(view), []);
      assert.deepEqual(
        addressAt(view, view.sourceAt),
        addressBytes(fields.dst),
      );
      assert.deepEqual(
        addressAt(view, view.destinationAt),
        addressBytes(fields.src),
      );
      const hopLimit = fields.version === 4 ? reply[8] : reply[7];
      assert.equal(hopLimit, 20);
      const fixed = fields.version === 4
        ? reply.slice(4, 8)
        : reply.slice(1, 4);
      assert.ok(fixed.every((byte) => byte === 0));
      const unused = view.transportAt + 4;
      assert.equal(toHex(reply.slice(unused, unused + 4)), "00000000");
    },
  ));
});

Deno.test("writing a reply costs no heap", () => {
  const view = attached(tcpPacket({ ...V6, ...PORTS }));
  const target = new Uint8Array(1_280);

  const bytesPerCall = heapBytesPerCall(() => {
    writeIcmpReply(view, "prohibited", target, 0);
  });

  assert.ok(bytesPerCall < 1, `${bytesPerCall} bytes a reply`);
});

/** Writes a reply into the middle of a dirty buffer, and holds it to writing nothing else. */
function replyTo(
  packet: Uint8Array,
  kind: "prohibited" | "unreachable",
): Uint8Array {
  const target = new Uint8Array(1_400).fill(0xee);
  const before = toHex(packet);

  const length = writeIcmpReply(attached(packet), kind, target, 60);

  assert.equal(toHex(packet), before);
  assert.ok(target.slice(0, 60).every((byte) => byte === 0xee));
  assert.ok(target.slice(60 + length).every((byte) => byte === 0xee));
  return target.slice(60, 60 + length);
}

function attached(packet: Uint8Array): IpPacketView {
  const view = new IpPacketView();
  assert.equal(view.attach(packet, 0, packet.length), "ok");
  return view;
}

function addressAt(view: IpPacketView, at: number): Uint8Array {
  return view.bytes.slice(at, at + view.addressLength);
}

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  assert.ok(bytes);
  return bytes;
}
