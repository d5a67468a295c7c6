import assert from "node:assert/strict";
import { finishTunRead } from "../../lib/io/virtio_header.ts";

const HEADER = 10;

/** A header with NEEDS_CSUM for a layer 4 header at `start`, its checksum field `offset` bytes in. */
function partialHeader(start: number, offset: number): number[] {
  return [1, 0, 0, 0, 0, 0, start & 255, start >> 8, offset & 255, offset >> 8];
}

/** The one's complement sum of 16-bit words. */
function sum(bytes: readonly number[]): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    total += (bytes[i]! << 8) + (bytes[i + 1] ?? 0);
  }
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

Deno.test("a packet with a complete checksum is left alone", () => {
  const bytes = Uint8Array.from([...new Array(HEADER).fill(0), 0x45, 1, 2, 3]);
  const before = bytes.slice();

  assert.equal(finishTunRead(bytes, 0, bytes.length), "ok");
  assert.deepEqual(bytes, before);
});

Deno.test("[dp 24] a partial UDP checksum is completed over the rest of the packet", () => {
  const pseudo = [10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 11];
  const partial = sum(pseudo);
  const udp = [
    ...[0x30, 0x39, 0, 53, 0, 11, partial >> 8, partial & 255],
    ...[1, 2, 3],
  ];
  const bytes = Uint8Array.from([
    ...[0xee, 0xee, 0xee],
    ...partialHeader(20, 6),
    ...new Array(20).fill(0x45),
    ...udp,
  ]);

  assert.equal(finishTunRead(bytes, 3, bytes.length), "ok");

  const completed = [...bytes.slice(3 + HEADER + 20)];
  assert.equal(sum([...pseudo, ...completed]), 0xffff);
});

Deno.test("[dp 26] the header length that the kernel names makes no difference", () => {
  const headerLengths = [0, 1, 20, 28, 40, 0xffff];

  const results = headerLengths.map((length) => {
    const bytes = new Uint8Array(HEADER + 40).fill(0x45);
    bytes.set(partialHeader(20, 6));
    bytes.set([length & 255, length >> 8], 2);
    const verdict = finishTunRead(bytes, 0, bytes.length);
    return [verdict, ...bytes.slice(HEADER)];
  });

  for (const result of results) assert.deepEqual(result, results[0]);
  assert.equal(results[0]?.[0], "ok");
});

Deno.test("a checksum that comes out as zero is sent as 0xffff", () => {
  const bytes = Uint8Array.from([
    ...partialHeader(0, 2),
    ...[0xff, 0xff, 0, 0],
  ]);

  finishTunRead(bytes, 0, bytes.length);

  assert.deepEqual([...bytes.slice(HEADER)], [0xff, 0xff, 0xff, 0xff]);
});

for (const gsoType of [1, 3, 4, 5, 0x81]) {
  Deno.test(`a packet of several segments (type ${gsoType}) is refused`, () => {
    const bytes = new Uint8Array(60);
    bytes[1] = gsoType;

    assert.equal(finishTunRead(bytes, 0, 60), "tun-read-segmented");
  });
}

Deno.test("a read of nothing but a header is refused", () => {
  assert.equal(finishTunRead(new Uint8Array(10), 0, 10), "tun-read-runt");
  assert.equal(finishTunRead(new Uint8Array(10), 0, 4), "tun-read-runt");
});

Deno.test("a checksum field behind the end of the packet is refused and nothing written", () => {
  for (const [start, offset] of [[40, 6], [39, 0], [0, 39], [65535, 65535]]) {
    const bytes = new Uint8Array(HEADER + 40 + 64).fill(7);
    bytes.set(partialHeader(start!, offset!));
    const before = bytes.slice();

    const verdict = finishTunRead(bytes, 0, HEADER + 40);

    assert.equal(verdict, "tun-read-bad-checksum-range");
    assert.deepEqual(bytes, before);
  }
});
