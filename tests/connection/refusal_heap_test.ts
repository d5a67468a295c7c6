import assert from "node:assert/strict";
import { receivedDatagram } from "../sim/received_datagram.ts";
import {
  forgedData,
  misshapenInitiation,
  randomDatagram,
} from "../support/bad_datagrams.ts";
import { addressOf } from "../support/datagram.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { connectedSite } from "./support.ts";

for (
  const [verdict, payload] of [
    ["unknown-format", randomDatagram()],
    ["wrong-mac1", misshapenInitiation()],
    ["unknown-index", forgedData(0x0102_0304)],
  ] as const
) {
  Deno.test(`refusing a datagram as ${verdict} allocates less than a byte`, () => {
    const { gateway, world } = connectedSite();
    const { node, arena } = gateway;
    const { bytes } = arena;
    const at = arena.allocate(2_048);
    const packets = { bytes, reserve: () => at, commit: () => {} };
    const datagram = {
      ...receivedDatagram(
        {
          source: addressOf("198.18.0.1:4000"),
          destination: addressOf("203.0.113.2:52625"),
          payload,
          ecn: 0,
          isPinned: false,
        },
        bytes,
        arena.allocate(2_048),
      ),
      // As real ones do, it makes its address anew each time.
      source: () => addressOf("198.18.0.1:4000"),
    };
    const { now } = world;
    const action = () => {
      const result = node.handleDatagram(datagram, now, packets);
      if (result !== verdict) throw new Error(result);
    };

    const heap = heapBytesPerCall(action);

    assert.ok(heap < 1, `${heap} bytes`);
  });
}
