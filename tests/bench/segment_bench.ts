/** What does it cost to split a large packet of the TUN device, and to merge packets again? */
import assert from "node:assert/strict";
import { Arena } from "../../lib/base/mod.ts";
import { PacketMerger } from "../../lib/io/packet_merger.ts";
import { internetChecksum, SegmentKernel } from "../../lib/wire/mod.ts";
import { flowPacket } from "../support/flow_packet.ts";
import { splitSimply } from "../support/naive_segments.ts";

const SEGMENT = 1_240;
const COUNT = 52;
const HEADERS = 40;
const STRIDE = 1_536;

const arena = new Arena(2 ** 18);
const kernel = SegmentKernel.create(arena) ?? assert.fail("No SIMD");
const merger = new PacketMerger(kernel, COUNT, true);
const ROOM = arena.allocate(2 ** 17);
const large = flowPacket({ payload: new Uint8Array(COUNT * SEGMENT).fill(7) });
const segments = splitSimply(large, SEGMENT);

Deno.bench("sum of the words, plain", { group: "checksum of 1280 B" }, () => {
  internetChecksum(arena.bytes, ROOM, ROOM + 1_280);
});

Deno.bench("sum of the words, kernel", {
  group: "checksum of 1280 B",
  baseline: true,
}, () => {
  kernel.sum(ROOM, 1_280);
});

Deno.bench("split, kernel", { group: "52 segments of 1240 B" }, (bench) => {
  arena.bytes.set(large, ROOM);
  bench.start();
  splitByKernel();
  bench.end();
  const at = ROOM + (COUNT - 1) * SEGMENT;
  const last = arena.bytes.slice(at, at + HEADERS + SEGMENT);
  assert.deepEqual(last, segments[COUNT - 1]);
});

Deno.bench("split, plain", { group: "52 segments of 1240 B" }, () => {
  splitSimply(large, SEGMENT);
});

Deno.bench("merge", {
  group: "52 segments of 1240 B",
  baseline: true,
}, (bench) => {
  segments.forEach((segment, i) => arena.bytes.set(segment, ROOM + i * STRIDE));
  bench.start();
  for (let i = 0; i < COUNT; i++) {
    merger.add(i, ROOM + i * STRIDE, HEADERS + SEGMENT);
  }
  bench.end();
  assert.equal(merger.count, 1);
  merger.clear();
});

function splitByKernel(): void {
  kernel.beginSplit(ROOM, large.length, 20, 20, 6, SEGMENT);
  for (let i = 0; i < COUNT; i++) kernel.writeSegment(i);
}
