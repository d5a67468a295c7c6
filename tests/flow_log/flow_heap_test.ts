import assert from "node:assert/strict";
import { after, instant } from "../../lib/base/mod.ts";
import { FlowTracker } from "../../lib/flow_log/mod.ts";
import { IpPacketView } from "../../lib/wire/mod.ts";
import { datagramOf } from "../support/datagram.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { ACK, bytesOf, EPOCH, HOME, OWNER } from "./flow_world.ts";

Deno.test("counting a packet of a known flow allocates nothing, in either direction", () => {
  const tracker = new FlowTracker({ epoch: EPOCH, seed: 7, always: true });
  const datagram = datagramOf(HOME, "198.51.100.1:52625", new Uint8Array(0));
  const outbound = viewOf(false);
  const inbound = viewOf(true);
  let now = instant(0.5);
  let calls = 0;

  const bytes = heapBytesPerCall(() => {
    if (++calls % 50 === 0) now = after(now, 1);
    tracker.handleOutbound(outbound, OWNER, undefined, datagram, now);
    tracker.seeInbound(inbound);
    tracker.countInbound(OWNER, now);
  });

  assert.equal(tracker.snapshot().open, 1);
  assert.ok(bytes < 1, `${bytes} bytes per call`);
});

function viewOf(inbound: boolean): IpPacketView {
  const bytes = bytesOf({ flags: ACK, payload: 1_000 }, inbound);
  const view = new IpPacketView();
  assert.equal(view.attach(bytes, 0, bytes.length), "ok");
  return view;
}
