import assert from "node:assert/strict";
import fc from "fast-check";
import {
  AncillaryView,
  writeAncillary,
  writeSegmentSize,
} from "../../lib/io/ancillary_data.ts";
import { addressOf } from "../support/datagram.ts";

/** An entry as the kernel writes it: 64-bit length, level, type, data, padding to 8 bytes. */
function entry(level: number, type: number, data: number[]): number[] {
  const padding = new Array((8 - (data.length % 8)) % 8).fill(0);
  return [
    ...[16 + data.length, 0, 0, 0, 0, 0, 0, 0],
    ...[level, 0, 0, 0, type, 0, 0, 0],
    ...data,
    ...padding,
  ];
}

const IPV4 = addressOf("192.0.2.7:1").ip;
const IPV6 = addressOf("[2001:db8::7]:1").ip;

Deno.test("IPv4 packet info and TOS of a received datagram are found", () => {
  const bytes = Uint8Array.from([
    ...[9, 9, 9, 9],
    ...entry(0, 8, [3, 0, 0, 0, 192, 0, 2, 7, 192, 0, 2, 255]),
    ...entry(0, 1, [0xb9]),
  ]);
  const view = new AncillaryView();

  view.attach(bytes, 4, bytes.length - 4);

  assert.equal(view.localFamily, 4);
  assert.deepEqual(bytes.slice(view.localAt, view.localAt + 4), IPV4.bytes);
  assert.equal(view.ecn, 1);
});

Deno.test("IPv6 packet info and traffic class of a received datagram are found", () => {
  const bytes = Uint8Array.from([
    ...entry(41, 50, [...IPV6.bytes, 3, 0, 0, 0]),
    ...entry(41, 67, [0xbb, 0, 0, 0]),
  ]);
  const view = new AncillaryView();

  view.attach(bytes, 0, bytes.length);

  assert.equal(view.localFamily, 6);
  assert.deepEqual(bytes.slice(view.localAt, view.localAt + 16), IPV6.bytes);
  assert.equal(view.ecn, 3);
});

Deno.test("what an earlier datagram said is forgotten", () => {
  const bytes = Uint8Array.from([
    ...entry(0, 8, [3, 0, 0, 0, 192, 0, 2, 7, 192, 0, 2, 7]),
    ...entry(0, 1, [3]),
    ...entry(17, 104, [9, 0, 0, 0]),
  ]);
  const view = new AncillaryView();
  view.attach(bytes, 0, bytes.length);
  assert.equal(view.segmentSize, 9);

  view.attach(bytes, 0, 0);

  assert.equal(view.localAt, -1);
  assert.equal(view.ecn, 0);
  assert.equal(view.segmentSize, -1);
});

Deno.test("the segment size of joined datagrams is found", () => {
  const bytes = Uint8Array.from(entry(17, 104, [0x24, 0x05, 0, 0]));
  const view = new AncillaryView();

  view.attach(bytes, 0, bytes.length);

  assert.equal(view.segmentSize, 1316);
});

Deno.test("a segment size is written as the kernel takes it", () => {
  const bytes = new Uint8Array(128).fill(0xee);

  const length = writeSegmentSize(bytes, 8, 1316);

  const expected = entry(17, 103, [0x24, 0x05]);
  assert.deepEqual([...bytes.slice(8, 8 + length)], expected);
});

Deno.test("a pinned IPv4 source and congestion bits are written as the kernel takes them", () => {
  const bytes = new Uint8Array(128).fill(0xee);

  const length = writeAncillary(bytes, 0, 4, IPV4, 2);

  const expected = [
    ...entry(0, 8, [0, 0, 0, 0, 192, 0, 2, 7, 0, 0, 0, 0]),
    ...entry(0, 1, [2, 0, 0, 0]),
  ];
  assert.deepEqual([...bytes.slice(0, length)], expected);
});

Deno.test("a pinned IPv6 source and congestion bits are written as the kernel takes them", () => {
  const bytes = new Uint8Array(128).fill(0xee);

  const length = writeAncillary(bytes, 0, 6, IPV6, 1);

  const expected = [
    ...entry(41, 50, [...IPV6.bytes, 0, 0, 0, 0]),
    ...entry(41, 67, [1, 0, 0, 0]),
  ];
  assert.deepEqual([...bytes.slice(0, length)], expected);
});

Deno.test("a datagram without pinned source and congestion bits has no ancillary data", () => {
  assert.equal(writeAncillary(new Uint8Array(128), 0, 4, null, 0), 0);
});

Deno.test("random ancillary data is never read past its end", () => {
  const view = new AncillaryView();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 96 }), (bytes) => {
    const padded = new Uint8Array(bytes.length + 64);
    padded.set(bytes);

    view.attach(padded, 0, bytes.length);

    const length = view.localFamily === 4 ? 4 : 16;
    if (view.localAt >= 0) assert.ok(view.localAt + length <= bytes.length);
  }));
});
