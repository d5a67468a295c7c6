import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../lib/base/mod.ts";
import { ChannelDataView, writeChannelDataHeader } from "../../lib/wire/mod.ts";

Deno.test("ChannelDataView reads channel number and data", () => {
  const bytes = Uint8Array.of(9, 0x40, 0x01, 0, 3, 7, 8, 9, 9);
  const view = new ChannelDataView();

  assert.equal(view.attach(bytes, 1, 8), true);
  assert.equal(view.channel, 0x4001);
  assert.deepEqual(
    bytes.slice(view.dataStart, view.dataEnd),
    Uint8Array.of(7, 8, 9),
  );
});

Deno.test("[p2p 102] a message with bytes behind the data is not exact", () => {
  const exact = Uint8Array.of(0x40, 0, 0, 1, 7);
  const padded = concatBytes(exact, new Uint8Array(3));
  const view = new ChannelDataView();

  assert.equal(view.attach(exact, 0, 5), true);
  assert.equal(view.isExact, true);
  assert.equal(view.attach(padded, 0, 8), true);
  assert.equal(view.isExact, false);
});

Deno.test("ChannelDataView refuses what is no ChannelData, with a reason", () => {
  const view = new ChannelDataView();
  const refusalOf = (...bytes: number[]): unknown =>
    view.attach(Uint8Array.from(bytes), 0, bytes.length) || view.refusal;

  assert.equal(refusalOf(0x40, 0, 0), "too-short");
  assert.equal(refusalOf(0x3f, 0xff, 0, 0), "not-a-channel");
  assert.equal(refusalOf(0x50, 0, 0, 0), "not-a-channel");
  assert.equal(refusalOf(0x40, 0, 0, 2, 1), "truncated");
  assert.equal(refusalOf(0x4f, 0xff, 0, 0), true);
});

Deno.test("what writeChannelDataHeader writes, ChannelDataView reads back", () => {
  const channels = fc.integer({ min: 0x4000, max: 0x4fff });
  fc.assert(fc.property(channels, fc.uint8Array(), (channel, data) => {
    const bytes = concatBytes(new Uint8Array(4), data);
    writeChannelDataHeader(bytes, 0, channel, data.length);
    const view = new ChannelDataView();

    assert.equal(view.attach(bytes, 0, bytes.length), true);
    assert.equal(view.channel, channel);
    assert.deepEqual(bytes.slice(view.dataStart, view.dataEnd), data);
    assert.equal(view.isExact, true);
  }));
});
