import assert from "node:assert/strict";
import { after } from "../../lib/base/mod.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { ipv4Packet, Pair } from "./support.ts";

const PACKET_BYTES = 128;

Deno.test("sealing a packet costs no heap", () => {
  const { pair, plain, sealed } = preparedPair();
  const now = after(pair.now, 0.5);

  const bytes = heapBytesPerCall(() => {
    pair.a.tunnel.seal(plain, PACKET_BYTES, sealed, now);
  });

  assert.ok(bytes < 1, `${bytes} bytes per packet`);
  assert.equal(pair.a.tunnel.counters.get("no-session"), 0);
});

Deno.test("opening a packet costs no heap", () => {
  const { pair, plain, sealed, opened } = preparedPair();
  const { tunnel, arena } = pair.a;
  const now = after(pair.now, 0.5);
  let accepted = 0;

  const bytes = heapBytesPerCall(() => {
    const length = tunnel.seal(plain, PACKET_BYTES, sealed, now);
    const end = sealed + length;
    if (pair.b.tunnel.open(arena.bytes, sealed, end, opened, now) > 0) {
      accepted++;
    }
  });

  assert.ok(bytes < 1, `${bytes} bytes per packet`);
  assert.ok(accepted > 100_000);
});

Deno.test("refusing a packet costs no heap", () => {
  const { pair, plain, sealed, opened } = preparedPair();
  const { bytes } = pair.a.arena;
  const length = pair.a.tunnel.seal(plain, PACKET_BYTES, sealed, pair.now);
  const end = sealed + length;
  pair.b.tunnel.open(bytes, sealed, end, opened, pair.now);

  const perCall = heapBytesPerCall(() => {
    pair.b.tunnel.open(bytes, sealed, end, opened, pair.now);
  });

  assert.ok(perCall < 1, `${perCall} bytes per packet`);
  assert.ok(pair.b.tunnel.counters.get("duplicate") > 100_000);
});

/** A connected pair that shares one arena, with a packet in it and room to seal and open it. */
function preparedPair() {
  const pair = Pair.connectedInOneArena();
  const { arena } = pair.a;
  const plain = arena.allocate(2_048);
  const sealed = arena.allocate(2_048);
  const opened = arena.allocate(2_048);
  arena.bytes.set(ipv4Packet(PACKET_BYTES), plain);
  return { pair, plain, sealed, opened };
}
