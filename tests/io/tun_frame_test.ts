import assert from "node:assert/strict";
import fc from "fast-check";
import { Arena } from "../../lib/base/mod.ts";
import { TunFrame } from "../../lib/io/tun_frame.ts";
import { SegmentKernel } from "../../lib/wire/mod.ts";
import { largePackets } from "../arbitraries/flow_packet.ts";
import { flowPacket } from "../support/flow_packet.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { naiveChecksum } from "../support/ip_packet.ts";
import { splitSimply } from "../support/naive_segments.ts";

const HEADER = 10;
const TCP4 = 1;
const TCP6 = 4;
const UDP = 5;

const arena = new Arena(2 ** 18);
const kernel = SegmentKernel.create(arena) ?? assert.fail("No SIMD");
const ROOM = arena.allocate(2 ** 17);

for (const computes of ["with", "without"]) {
  const used = computes === "with" ? kernel : "none";

  Deno.test(`${computes} a kernel, a packet with a complete checksum is left alone`, () => {
    const packet = Uint8Array.of(0x45, 1, 2, 3);

    assert.deepEqual(read(header({}), packet, used), [packet]);
  });

  Deno.test(`[dp 24] ${computes} a kernel, a partial UDP checksum is completed over the rest of the packet`, () => {
    const payload = Uint8Array.of(1, 2, 3);
    const complete = flowPacket({ protocol: "udp", payload });
    const partial = complete.slice();
    const pseudo = [...complete.slice(12, 20), 0, 17, 0, 11];
    const sum = 0xffff - naiveChecksum(Uint8Array.from(pseudo));
    partial.set([sum >> 8, sum & 255], 26);

    const packets = read(header({ partial: [20, 6] }), partial, used);

    assert.deepEqual(packets, [complete]);
  });

  Deno.test(`${computes} a kernel, a checksum that comes out as zero is sent as 0xffff`, () => {
    const packet = Uint8Array.of(0xff, 0xff, 0, 0);

    const packets = read(header({ partial: [0, 2] }), packet, used);

    assert.deepEqual(packets, [Uint8Array.of(0xff, 0xff, 0xff, 0xff)]);
  });
}

Deno.test("[dp 25] [dp 26] a large packet is split as its own headers tell, whatever the header before it says of them", () => {
  const told = fc.nat(0xffff);
  fc.assert(fc.property(largePackets(), told, (fields, headerLength) => {
    const packet = flowPacket(fields);
    const size = Math.max(100, Math.ceil(fields.payload.length / 256));

    const packets = read(
      header({ kind: kindOf(fields), size, headerLength }),
      packet,
    );

    assert.deepEqual(packets, splitSimply(packet, size));
  }));
});

Deno.test("a frame of exactly 256 segments is split, one of 257 refused", () => {
  const of = (length: number) =>
    read(
      header({ kind: TCP4, size: 2 }),
      flowPacket({ payload: new Uint8Array(length) }),
    );

  assert.equal(of(511).length, 256);
  assert.equal(of(512).length, 256);
  assert.equal(of(513), "tun-read-too-many-segments");
});

Deno.test("a kind of segments that we did not ask for is refused", () => {
  const packet = flowPacket({ payload: new Uint8Array(500) });

  for (const kind of [2, 3, 6, 0x81, 255]) {
    assert.equal(
      read(header({ kind, size: 100 }), packet),
      "tun-read-unknown-segmentation",
    );
  }
});

Deno.test("without a kernel a large packet is refused", () => {
  const packet = flowPacket({ payload: new Uint8Array(500) });

  assert.equal(
    read(header({ kind: TCP4, size: 100 }), packet, "none"),
    "tun-read-unknown-segmentation",
  );
});

Deno.test("segments of another protocol, version or shape than told are refused", () => {
  const payload = new Uint8Array(500);
  const tcp4 = flowPacket({ payload });
  const tcp6 = flowPacket({ payload, version: 6 });
  const udp4 = flowPacket({ payload, protocol: "udp" });
  const fragment = flowPacket({ payload, fragment: 0x2000 });
  const icmp = tcp4.slice();
  icmp[9] = 1;
  const longOptions = tcp4.slice(0, 40);
  longOptions[3] = 40;
  longOptions[32] = 0xf0;
  const cases: [number, Uint8Array][] = [
    ...[[TCP4, tcp6], [TCP6, tcp4], [UDP, tcp4]] as const,
    ...[[TCP4, udp4], [TCP4, fragment], [TCP4, icmp]] as const,
    ...[[TCP4, longOptions], [TCP4, tcp4.slice(0, 300)]] as const,
    ...[[UDP, udp4.slice(0, 25)], [TCP4, Uint8Array.of(0x45)]] as const,
  ].map(([kind, packet]) => [kind, packet]);

  for (const [kind, packet] of cases) {
    assert.equal(
      read(header({ kind, size: 100 }), packet),
      "tun-read-wrong-protocol",
    );
  }
});

Deno.test("a large packet without segment size is refused", () => {
  const packet = flowPacket({ payload: new Uint8Array(500) });

  assert.equal(
    read(header({ kind: TCP4, size: 0 }), packet),
    "tun-read-without-segment-size",
  );
});

Deno.test("a large packet without payload is refused", () => {
  const packet = flowPacket({ payload: new Uint8Array(0) });

  assert.equal(
    read(header({ kind: TCP4, size: 9 }), packet),
    "tun-read-without-payload",
  );
});

Deno.test("a read of nothing but a header is refused", () => {
  assert.equal(read(header({}), new Uint8Array(0)), "tun-read-runt");
  assert.equal(
    read(header({}).slice(0, 4), new Uint8Array(0)),
    "tun-read-runt",
  );
});

Deno.test("a checksum field behind the end of the packet is refused and nothing written", () => {
  for (const partial of [[40, 6], [39, 0], [0, 39], [65535, 65535]] as const) {
    const packet = new Uint8Array(40).fill(7);

    const verdict = read(header({ partial }), packet);

    assert.equal(verdict, "tun-read-bad-checksum-range");
    const start = ROOM + HEADER;
    assert.deepEqual(arena.bytes.slice(start, start + 40), packet);
  }
});

Deno.test("whatever the kernel says, nothing outside what was read is written, and packets lie inside", () => {
  const input = fc.oneof(
    fc.uint8Array({ minLength: 10, maxLength: 80 }),
    fc.tuple(largePackets(), fc.uint8Array({ minLength: 10, maxLength: 10 }))
      .map(([fields, before]) =>
        Uint8Array.from([...before, ...flowPacket(fields)])
      ),
  );
  fc.assert(fc.property(input, fc.constantFrom(0, 1, 4, 5), (bytes, kind) => {
    arena.bytes.fill(0xaa, ROOM, ROOM + 8_000);
    const start = ROOM + 64;
    const end = start + bytes.length;
    arena.bytes.set(bytes, start);
    arena.bytes[start + 1] = kind;
    const frame = new TunFrame(arena.bytes, kernel);

    if (frame.attach(start, end) === "ok") {
      while (frame.next()) {
        assert.ok(frame.packetAt >= start + HEADER);
        assert.ok(frame.packetEnd > frame.packetAt && frame.packetEnd <= end);
      }
    }

    const isUntouched = (from: number, to: number) =>
      arena.bytes.slice(from, to).every((byte) => byte === 0xaa);
    assert.ok(isUntouched(ROOM, start) && isUntouched(end, ROOM + 8_000));
  }));
});

Deno.test("taking a large packet apart allocates nothing", () => {
  const packet = flowPacket({ payload: new Uint8Array(5_000) });
  const frame = new TunFrame(arena.bytes, kernel);
  const before = header({ kind: TCP4, size: 1_000 });
  const whole = Uint8Array.from([...before, ...packet]);

  const grown = heapBytesPerCall(() => {
    arena.bytes.set(whole, ROOM);
    frame.attach(ROOM, ROOM + whole.length);
    while (frame.next());
  });

  assert.equal(frame.count, 5);
  assert.ok(grown < 1, `${grown} bytes per call`);
});

/** What the virtio header says; zero where nothing is told. */
interface HeaderFields {
  readonly kind?: number;
  readonly size?: number;
  readonly headerLength?: number;
  /** Where a partial checksum starts, and its offset. */
  readonly partial?: readonly [number, number];
}

function header(
  { kind = 0, size = 0, headerLength = 0, partial }: HeaderFields,
): Uint8Array {
  const bytes = new Uint8Array(HEADER);
  const view = new DataView(bytes.buffer);
  bytes[0] = partial ? 1 : 0;
  bytes[1] = kind;
  view.setUint16(2, headerLength, true);
  view.setUint16(4, size, true);
  view.setUint16(6, partial?.[0] ?? 0, true);
  view.setUint16(8, partial?.[1] ?? 0, true);
  return bytes;
}

function kindOf(
  { version, protocol }: { version?: 4 | 6; protocol?: string },
): number {
  if (protocol === "udp") return UDP;
  return version === 4 ? TCP4 : TCP6;
}

/** Returns copies of the packets, or why there are none. */
function read(
  before: Uint8Array,
  packet: Uint8Array,
  used: SegmentKernel | "none" = kernel,
): Uint8Array[] | string {
  const end = ROOM + before.length + packet.length;
  arena.bytes.set(before, ROOM);
  arena.bytes.set(packet, ROOM + before.length);
  const frame = new TunFrame(
    arena.bytes,
    used === "none" ? undefined : used,
  );
  const verdict = frame.attach(ROOM, end);
  if (verdict !== "ok") return verdict;
  const packets: Uint8Array[] = [];
  while (frame.next()) {
    packets.push(arena.bytes.slice(frame.packetAt, frame.packetEnd));
  }
  assert.equal(packets.length, frame.count);
  return packets;
}
