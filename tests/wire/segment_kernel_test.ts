import assert from "node:assert/strict";
import fc from "fast-check";
import { Arena, MAX_PACKET_BYTES } from "../../lib/base/mod.ts";
import { IpPacketView, SegmentKernel } from "../../lib/wire/mod.ts";
import { largePackets } from "../arbitraries/flow_packet.ts";
import { type FlowPacket, flowPacket } from "../support/flow_packet.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { naiveChecksum } from "../support/ip_packet.ts";
import { packetChecksum, splitSimply } from "../support/naive_segments.ts";

const arena = new Arena(2 ** 18);
const kernel = SegmentKernel.create(arena) ?? assert.fail("No SIMD");
const ROOM = arena.allocate(2 ** 17);

Deno.test("a sum agrees with plain arithmetic at every length and alignment", () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  fc.assert(fc.property(bytes, fc.nat(17), (data, shift) => {
    arena.bytes.fill(0xff, ROOM, ROOM + 400);
    arena.bytes.set(data, ROOM + shift);

    const sum = kernel.sum(ROOM + shift, data.length);

    assert.equal(0xffff - sum, naiveChecksum(data));
  }));
});

Deno.test("a sum over 64 KiB of ones does not overflow", () => {
  arena.bytes.fill(0xff, ROOM, ROOM + 65_535);

  assert.equal(kernel.sum(ROOM, 65_534), 0xffff);
  assert.equal(kernel.sum(ROOM, 65_535), 0xff00);
  arena.bytes.fill(0, ROOM, ROOM + 65_535);
  assert.equal(kernel.sum(ROOM, 65_535), 0);
});

Deno.test("a packet is intact as long as no byte that a checksum covers has changed", () => {
  const anyByte = fc.nat();
  fc.assert(fc.property(largePackets(), anyByte, (fields, position) => {
    const packet = flowPacket(fields);
    const isIpv4 = fields.version === 4;
    const ipLength = isIpv4 ? 20 : 40;
    const protocol = fields.protocol === "tcp" ? 6 : 17;
    const first = isIpv4 ? 0 : 8;
    const at = first + position % (packet.length - first);
    const judge = () => {
      arena.bytes.set(packet, ROOM);
      return kernel.isIntact(ROOM, packet.length, ipLength, protocol);
    };

    assert.equal(judge(), true);
    packet[at]! ^= 0x04;
    // The first byte holds the version, which tells what is covered.
    if (at > 0) assert.equal(judge(), false);
  }));
});

Deno.test("[dp 25] segments are those of a plain split, byte for byte", () => {
  const sizes = fc.integer({ min: 1, max: 1_240 });
  fc.assert(
    fc.property(largePackets(), sizes, fc.nat(15), (fields, size, shift) => {
      const packet = flowPacket(fields);
      const segmentSize = Math.max(
        size,
        Math.ceil(fields.payload.length / 256),
      );

      const segments = split(packet, segmentSize, shift);

      assert.deepEqual(segments, splitSimply(packet, segmentSize));
    }),
  );
});

Deno.test("[dp 25] each segment is a valid packet with right checksums", () => {
  const sizes = fc.integer({ min: 20, max: 1_160 });
  const view = new IpPacketView();
  fc.assert(fc.property(largePackets(), sizes, (fields, segmentSize) => {
    for (const segment of split(flowPacket(fields), segmentSize, 0)) {
      assert.ok(segment.length <= MAX_PACKET_BYTES);
      assert.equal(view.attach(segment, 0, segment.length), "ok");
      assert.equal(packetChecksum(segment), 0);
      if (segment[0]! >> 4 === 4) {
        assert.equal(naiveChecksum(segment.slice(0, 20)), 0);
      }
    }
  }));
});

Deno.test("[dp 25] sequence and identification count on over their ends, FIN and PSH stay with the last segment", () => {
  const packet = flowPacket({
    payload: new Uint8Array(2_500),
    sequence: 0xffff_ff00,
    identification: 0xffff,
    flags: 0x19,
  });

  const segments = split(packet, 1_000, 0).map((segment) => {
    const view = new DataView(segment.buffer);
    return [view.getUint16(4), view.getUint32(24), segment[33]];
  });

  assert.deepEqual(segments, [
    [0xffff, 0xffff_ff00, 0x10],
    [0, 744, 0x10],
    [1, 1_744, 0x19],
  ]);
});

Deno.test("the headers of IPv4 with options are kept in every segment", () => {
  const fields: FlowPacket = {
    payload: new Uint8Array(100).fill(3),
    ipOptions: [7, 7, 4, 0, 0, 0, 0, 0],
  };
  const packet = flowPacket(fields);

  assert.deepEqual(split(packet, 40, 0), splitSimply(packet, 40));
});

Deno.test("a UDP segment whose checksum comes out as zero says 0xffff", () => {
  const fields: FlowPacket = {
    protocol: "udp",
    payload: new Uint8Array(4),
  };
  const [plain] = split(flowPacket(fields), 4, 0);
  const checksum = new DataView(plain!.buffer).getUint16(26);
  const payload = Uint8Array.of(checksum >> 8, checksum & 255, 0, 0);

  const [segment] = split(flowPacket({ ...fields, payload }), 4, 0);

  assert.equal(new DataView(segment!.buffer).getUint16(26), 0xffff);
});

Deno.test("a split writes nothing outside the packet", () => {
  const packet = flowPacket({ payload: new Uint8Array(1_001) });
  arena.bytes.fill(0xaa, ROOM, ROOM + 2_000);

  split(packet, 100, 64);

  const end = ROOM + 64 + packet.length;
  assert.ok(arena.bytes.slice(ROOM, ROOM + 64).every((byte) => byte === 0xaa));
  assert.ok(arena.bytes.slice(end, ROOM + 2_000).every((b) => b === 0xaa));
});

Deno.test("splitting and summing allocate nothing", () => {
  const packet = flowPacket({ payload: new Uint8Array(10_000) });
  const grown = heapBytesPerCall(() => {
    kernel.beginSplit(ROOM, packet.length, 20, 20, 6, 1_000);
    for (let i = 0; i < 10; i++) kernel.writeSegment(i);
    kernel.sum(ROOM, 1_280);
  });

  assert.ok(grown < 1, `${grown} bytes per call`);
});

/** Splits a packet at `ROOM` + `shift`, reading each segment before the next one is made. */
function split(
  packet: Uint8Array,
  segmentSize: number,
  shift: number,
): Uint8Array[] {
  const at = ROOM + shift;
  arena.bytes.set(packet, at);
  const isIpv4 = packet[0]! >> 4 === 4;
  const ipLength = isIpv4 ? (packet[0]! & 15) * 4 : 40;
  const protocol = packet[isIpv4 ? 9 : 6]!;
  const transportLength = protocol === 6
    ? (packet[ipLength + 12]! >> 4) * 4
    : 8;
  const payload = packet.length - ipLength - transportLength;
  kernel.beginSplit(
    ...[at, packet.length, ipLength] as const,
    ...[transportLength, protocol, segmentSize] as const,
  );
  return Array.from({ length: Math.ceil(payload / segmentSize) }, (_, i) => {
    const start = at + i * segmentSize;
    return arena.bytes.slice(start, start + kernel.writeSegment(i));
  });
}
