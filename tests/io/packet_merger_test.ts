import assert from "node:assert/strict";
import fc from "fast-check";
import { Arena } from "../../lib/base/mod.ts";
import { writeMergedHeaders } from "../../lib/io/merged_headers.ts";
import { PacketMerger } from "../../lib/io/packet_merger.ts";
import { SegmentKernel } from "../../lib/wire/mod.ts";
import { largePackets } from "../arbitraries/flow_packet.ts";
import { type FlowPacket, flowPacket } from "../support/flow_packet.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { naiveChecksum } from "../support/ip_packet.ts";
import { packetChecksum, splitSimply } from "../support/naive_segments.ts";

const HEADER = 10;
const STRIDE = 4_096;
const CAPACITY = 300;

const arena = new Arena(CAPACITY * STRIDE);
const kernel = SegmentKernel.create(arena) ?? assert.fail("No SIMD");
const ROOM = arena.allocate(CAPACITY * STRIDE - 64, 64) + HEADER;

for (const version of [4, 6] as const) {
  Deno.test(`consecutive TCP segments over IPv${version} are one`, () => {
    assert.deepEqual(mergeFields(stream(5, { version })), [[0, 1, 2, 3, 4]]);
  });

  Deno.test(`datagrams of one flow over IPv${version} are one`, () => {
    const packet = udp({ version });

    assert.deepEqual(mergeFields([packet, packet, packet]), [[0, 1, 2]]);
  });

  for (
    const [what, change] of [
      ["another acknowledgement", { acknowledgement: 8 }],
      ["other options", { options: [1, 1, 1, 1] }],
      ["another TOS", { trafficClass: 4 }],
      ["another TTL", { ttl: 62 }],
      ["SYN", { flags: 0x12 }],
      ["FIN", { flags: 0x11 }],
      ["URG", { flags: 0x30 }],
      ["ECE", { flags: 0x50 }],
      ["CWR", { flags: 0x90 }],
      ["no ACK", { flags: 0x08 }],
      ["a gap", { sequence: 502 }],
      ["a retransmission", { sequence: 1 }],
    ] as const
  ) {
    Deno.test(`[dp 121] a TCP segment over IPv${version} with ${what} is not merged, nor is anything across it`, () => {
      for (const before of [1, 2, 3]) {
        const packets = stream(before + 3, { version });
        packets[before] = { ...packets[before]!, ...change };

        const merged = mergeFields(packets);

        assert.deepEqual(merged, [
          packets.slice(0, before).map((_, i) => i),
          [before],
          [before + 1, before + 2],
        ]);
      }
    });
  }
}

Deno.test("[dp 121] a TCP segment without payload is not merged, nor is anything across it", () => {
  const [first, second] = stream(2, {});
  const bare = { ...second!, payload: new Uint8Array(0) };

  assert.deepEqual(mergeFields([first!, bare, second!]), [[0], [1], [2]]);
});

Deno.test("[dp 121] a segment with other IPv4 flags, or with IPv4 options, is not merged", () => {
  const [first, second, third] = stream(3, {});
  for (const change of [{ fragment: 0 }, { ipOptions: [1, 1, 1, 1] }]) {
    const merged = mergeFields([first!, { ...second!, ...change }, third!]);
    assert.deepEqual(merged, [[0], [1], [2]]);
  }
});

Deno.test("window, identification and flow label may differ", () => {
  const [first, second] = stream(2, {});
  const changed = { ...second!, window: 9, identification: 77 };
  assert.deepEqual(mergeFields([first!, changed]), [[0, 1]]);

  const [third, fourth] = stream(2, { version: 6 });
  const labelled = { ...fourth!, flowLabel: 0x12345 };
  assert.deepEqual(mergeFields([third!, labelled]), [[0, 1]]);
});

Deno.test("what is merged of a flow does not depend on what comes in between", () => {
  const plain = { version: 4 as 4 | 6, size: 100, gap: 0, broken: -1 };
  const odd = fc.record({
    version: fc.constantFrom<4 | 6>(4, 6),
    size: fc.constantFrom(100, 100, 50, 101, 0),
    gap: fc.constantFrom(0, 0, 1, -1),
    fields: fc.constantFrom<Partial<FlowPacket>>(
      ...[{}, { flags: 0x18 }, { flags: 0x11 }, { flags: 0x50 }, { ttl: 62 }],
      ...[{ window: 9 }, { acknowledgement: 8 }, { trafficClass: 4 }],
      ...[{ fragment: 0 }, { ipOptions: [1, 1, 1, 1] }, { host: 3 }],
      ...[{ options: [1, 1, 1, 1] }, { flowLabel: 5 }, { sourcePort: 81 }],
    ),
    broken: fc.constantFrom(-1, -1, 3, 10, 36, 45, 60),
  });
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constant({ ...plain, fields: {} }) },
    { weight: 1, arbitrary: odd },
  );
  let longest = 0;
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    let sequence = 0xffff_ff00;
    const packets = steps.map(({ version, size, gap, fields, broken }) => {
      const payload = new Uint8Array(size).fill(3);
      sequence += gap;
      const packet = flowPacket({ version, payload, sequence, ...fields });
      sequence += size;
      if (broken >= 0) packet[broken % packet.length]! ^= 0x20;
      return packet;
    });
    const bystander = flowPacket(udp({ sourcePort: 7 }));

    const alone = merge(packets);
    const mixed = merge(packets.flatMap((packet) => [packet, bystander]));

    const ofFlow = mixed
      .map((item) => item.filter((i) => i % 2 === 0).map((i) => i / 2))
      .filter((item) => item.length > 0);
    assert.deepEqual(alone, ofFlow);
    longest = Math.max(longest, ...alone.map(({ length }) => length));
  }));
  assert.ok(longest > 4);
});

Deno.test("flows in turn are merged each for itself, in the order in which they began", () => {
  const a = stream(3, { sourcePort: 80 });
  const b = stream(3, { sourcePort: 81 });
  const c = stream(3, { host: 9 });
  const all = [0, 1, 2].flatMap((i) => [a[i]!, b[i]!, c[i]!]);

  assert.deepEqual(mergeFields(all), [[0, 3, 6], [1, 4, 7], [2, 5, 8]]);
});

Deno.test("flows whose hashes meet are told apart", () => {
  const flows = Array.from(
    { length: 100 },
    (_, i) => stream(2, { destinationPort: 1_000 + i * 256, host: i & 3 }),
  );
  const all = [0, 1].flatMap((k) => flows.map((flow) => flow[k]!));

  const merged = mergeFields(all);

  assert.deepEqual(merged, flows.map((_, i) => [i, 100 + i]));
});

Deno.test("a packet whose flow cannot be told is not overtaken by any other", () => {
  const [first, second] = stream(2, {}).map(flowPacket);
  const fragment = flowPacket({ ...stream(1, {})[0]!, fragment: 0x2000 });
  const cut = first!.slice(0, 30);
  const extended = flowPacket({ version: 6, payload: new Uint8Array(9) });
  extended[6] = 60;

  for (const opaque of [fragment, cut, extended, Uint8Array.of(1)]) {
    assert.deepEqual(merge([first!, opaque, second!]), [[0], [1], [2]]);
  }
});

Deno.test("a packet without ports stands in nobody's way", () => {
  const [first, second] = stream(2, {}).map(flowPacket);
  const icmp = first!.slice();
  icmp[9] = 1;

  assert.deepEqual(merge([first!, icmp, second!]), [[0, 2], [1]]);
});

Deno.test("a shorter segment, or one with PSH, is the last of its item; a longer one begins another", () => {
  const short = stream(2, { payload: new Uint8Array(100) });
  const [first, second, third] = stream(3, {});
  const cut = { ...second!, payload: new Uint8Array(400) };
  const next = { ...third!, sequence: 901 };
  assert.deepEqual(mergeFields([first!, cut, next]), [[0, 1], [2]]);

  const pushed = { ...second!, flags: 0x18 };
  assert.deepEqual(mergeFields([first!, pushed, third!]), [[0, 1], [2]]);
  const pushedFirst = { ...first!, flags: 0x18 };
  assert.deepEqual(mergeFields([pushedFirst, second!]), [[0], [1]]);

  const longer = { ...second!, sequence: 101 };
  assert.deepEqual(mergeFields([short[0]!, longer]), [[0], [1]]);
});

Deno.test("a packet with a wrong checksum stays as it is, and alone", () => {
  const packets = stream(4, {}).map(flowPacket);
  for (const position of [12, 16, 35, 36, 200]) {
    for (const broken of [0, 1]) {
      const bytes = packets.map((packet) => packet.slice());
      bytes[broken]![position]! ^= 0x10;

      const merged = merge(bytes);

      assert.ok(merged.some((item) => item.length === 1 && item[0] === broken));
    }
  }
  for (const position of [10, 38]) {
    const bytes = packets.map((packet) => packet.slice());
    bytes[1]![position]! ^= 1;
    assert.deepEqual(merge(bytes), [[0], [1], [2, 3]]);
  }
});

Deno.test("a datagram without a checksum stays without one", () => {
  const bare = flowPacket(udp({}));
  bare.set([0, 0], 26);

  assert.deepEqual(merge([bare, bare]), [[0], [1]]);
});

Deno.test("a merged packet holds 128 datagrams and 65535 bytes at most", () => {
  const small = new Array(200).fill(udp({ payload: new Uint8Array(20) }));
  assert.deepEqual(mergeFields(small).map((item) => item.length), [128, 72]);

  const large = stream(60, { payload: new Uint8Array(1_240) });
  assert.deepEqual(mergeFields(large).map((item) => item.length), [52, 8]);
  const fitting = stream(60, { payload: new Uint8Array(3_855 * 17 / 51) });
  assert.deepEqual(mergeFields(fitting).map((item) => item.length), [50, 10]);
});

Deno.test("where the kernel takes no large UDP packets, only TCP is merged", () => {
  const merger = new PacketMerger(kernel, CAPACITY, false);
  const packets = [udp({}), udp({}), ...stream(2, {})].map(flowPacket);

  assert.deepEqual(merge(packets, merger), [[0], [1], [2, 3]]);
});

Deno.test("what a merged packet is made of is the identity on headers and payload of what was split", () => {
  const sizes = fc.integer({ min: 40, max: 1_240 });
  fc.assert(fc.property(largePackets(), sizes, (fields, size) => {
    const packet = flowPacket(fields);
    const parts = splitSimply(packet, size);

    const [whole, ...others] = mergeToPackets(parts);

    assert.deepEqual(others, []);
    assert.deepEqual(whole!.packet, packet);
    if (parts.length > 1) assert.equal(whole!.segmentSize, size);
  }));
});

Deno.test("[dp 119] packets of one flow leave in the order in which they came, whatever they are", () => {
  const packet = fc.record({
    sourcePort: fc.constantFrom(80, 81, 336),
    protocol: fc.constantFrom<"tcp" | "udp">("tcp", "udp"),
    size: fc.constantFrom(0, 100, 100, 100, 50),
    flags: fc.constantFrom(0x10, 0x10, 0x10, 0x18, 0x11),
    ttl: fc.constantFrom(63, 63, 63, 62),
    version: fc.constantFrom<4 | 6>(4, 6),
  });
  fc.assert(fc.property(fc.array(packet, { maxLength: 40 }), (shapes) => {
    const sequences = new Map<string, number>();
    const keys: string[] = [];
    const packets = shapes.map(({ size, ...shape }) => {
      const { version, protocol, sourcePort } = shape;
      const key = `${version} ${protocol} ${sourcePort}`;
      const sequence = sequences.get(key) ?? 1;
      sequences.set(key, sequence + size);
      keys.push(key);
      return flowPacket({ ...shape, sequence, payload: new Uint8Array(size) });
    });

    const written = merge(packets).flat();

    for (const key of sequences.keys()) {
      const ofFlow = written.filter((i) => keys[i] === key);
      assert.deepEqual(ofFlow, ofFlow.toSorted((a, b) => a - b));
    }
    assert.deepEqual(
      written.toSorted((a, b) => a - b),
      packets.map((_, i) => i),
    );
  }));
});

Deno.test("merging allocates nothing", () => {
  const merger = new PacketMerger(kernel, CAPACITY, true);
  const packets = [
    ...stream(3, {}),
    ...stream(3, { version: 6 }),
    ...new Array(3).fill(udp({})),
  ].map(flowPacket);
  place(packets);
  const grown = heapBytesPerCall(() => {
    for (let i = 0; i < packets.length; i++) {
      merger.add(i, addressOf(i), packets[i]!.length);
    }
    merger.clear();
  });

  assert.ok(grown < 1, `${grown} bytes per call`);
});

/** Fields of consecutive segments of 500 bytes unless told. */
function stream(count: number, fields: Partial<FlowPacket>): FlowPacket[] {
  const payload = fields.payload ?? new Uint8Array(500).fill(3);
  return Array.from({ length: count }, (_, i) => ({
    ...fields,
    payload,
    sequence: 1 + i * payload.length,
    identification: i,
  }));
}

function udp(fields: Partial<FlowPacket>): FlowPacket {
  return { protocol: "udp", payload: new Uint8Array(500).fill(3), ...fields };
}

function addressOf(packet: number): number {
  return ROOM + packet * STRIDE;
}

function place(packets: readonly Uint8Array[]): void {
  packets.forEach((packet, i) => arena.bytes.set(packet, addressOf(i)));
}

function mergeFields(packets: readonly FlowPacket[]): number[][] {
  return merge(packets.map(flowPacket));
}

/** Returns which packets make up each item, and checks that none was changed. */
function merge(
  packets: readonly Uint8Array[],
  merger: PacketMerger = new PacketMerger(kernel, CAPACITY, true),
): number[][] {
  place(packets);
  packets.forEach(({ length }, i) => merger.add(i, addressOf(i), length));
  packets.forEach((packet, i) => {
    const at = addressOf(i);
    assert.deepEqual(arena.bytes.slice(at, at + packet.length), packet);
  });
  return itemsOf(merger);
}

function itemsOf(merger: PacketMerger): number[][] {
  return Array.from({ length: merger.count }, (_, i) => {
    const { first, count } = merger.item(i);
    const packets = [first];
    while (packets.length < count) packets.push(merger.after(packets.at(-1)!));
    return packets;
  });
}

/** Merges and returns what the kernel would make of each item, its checksum completed. */
function mergeToPackets(
  packets: readonly Uint8Array[],
): { packet: Uint8Array; segmentSize: number }[] {
  const merger = new PacketMerger(kernel, CAPACITY, true);
  const items = merge(packets, merger);
  return items.map((numbers, i) => {
    const item = merger.item(i);
    const at = addressOf(item.first);
    if (numbers.length > 1) writeMergedHeaders(kernel, at, item);
    const parts = numbers.map((k, position) => {
      const skipped = position === 0 ? 0 : item.headerLength;
      const start = addressOf(k) + skipped;
      return arena.bytes.slice(start, addressOf(k) + packets[k]!.length);
    });
    const packet = Uint8Array.from(parts.flatMap((part) => [...part]));
    if (numbers.length > 1) {
      const before = arena.bytes.slice(at - HEADER, at);
      complete(packet, before, item.headerLength);
    }
    return { packet, segmentSize: item.segmentSize };
  });
}

/** Does what the kernel does with NEEDS_CSUM, and checks that the header before the packet says so. */
function complete(
  packet: Uint8Array,
  before: Uint8Array,
  headerLength: number,
): void {
  const view = new DataView(before.buffer);
  const isIpv4 = packet[0]! >> 4 === 4;
  const isTcp = packet[isIpv4 ? 9 : 6] === 6;
  const start = view.getUint16(6, true);
  const field = start + view.getUint16(8, true);
  assert.equal(before[0], 1);
  assert.equal(before[1], isTcp ? (isIpv4 ? 1 : 4) : 5);
  assert.equal(view.getUint16(2, true), headerLength);
  assert.equal(start, isIpv4 ? 20 : 40);
  assert.equal(field, start + (isTcp ? 16 : 6));
  const checksum = naiveChecksum(packet.slice(start));
  const isAbsent = !isTcp && checksum === 0;
  new DataView(packet.buffer).setUint16(field, isAbsent ? 0xffff : checksum);
  assert.equal(packetChecksum(packet), 0);
}
