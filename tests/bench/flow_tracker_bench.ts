import assert from "node:assert/strict";
import { instant } from "../../lib/base/mod.ts";
import { FlowTracker } from "../../lib/flow_log/mod.ts";
import { IpPacketView } from "../../lib/wire/mod.ts";
import { datagramOf } from "../support/datagram.ts";
import { ACK, bytesOf, EPOCH, HOME, OWNER } from "../flow_log/flow_world.ts";

const FLOWS = 10_000;
const NOW = instant(0.5);
const datagram = datagramOf(HOME, "198.51.100.1:52625", new Uint8Array(0));

for (const version of [4, 6] as const) {
  const tracker = new FlowTracker({ epoch: EPOCH, seed: 7, always: true });
  const outbound = packets(version, false);
  const inbound = packets(version, true);
  for (const packet of outbound) {
    tracker.handleOutbound(packet, OWNER, undefined, datagram, NOW);
  }
  assert.equal(tracker.snapshot().open, FLOWS);
  const group = `IPv${version}, ${FLOWS} flows`;
  let next = 0;

  Deno.bench("attach a packet", { group, baseline: true }, () => {
    const packet = outbound[next = (next + 1) % FLOWS]!;
    packet.attach(packet.bytes, 0, packet.bytes.length);
  });

  Deno.bench("count a packet of a client", { group }, () => {
    const packet = outbound[next = (next + 1) % FLOWS]!;
    tracker.handleOutbound(packet, OWNER, undefined, datagram, NOW);
  });

  Deno.bench("count a packet of a resource", { group }, () => {
    const packet = inbound[next = (next + 1) % FLOWS]!;
    tracker.seeInbound(packet);
    tracker.countInbound(OWNER, NOW);
  });

  const off = new FlowTracker({ epoch: EPOCH, seed: 7, always: false });
  Deno.bench("count nothing, tracking off", { group }, () => {
    const packet = outbound[next = (next + 1) % FLOWS]!;
    off.handleOutbound(packet, OWNER, undefined, datagram, NOW);
  });
}

function packets(version: 4 | 6, inbound: boolean): IpPacketView[] {
  const ends = version === 4
    ? { clientIp: "100.64.0.1", resourceIp: "10.20.0.5" }
    : { clientIp: "fd00:2021:1111::1", resourceIp: "2001:db8::5" };
  return Array.from({ length: FLOWS }, (_, i) => {
    const bytes = bytesOf(
      { ...ends, flags: ACK, payload: 100, clientPort: 1 + i },
      inbound,
    );
    const view = new IpPacketView();
    assert.equal(view.attach(bytes, 0, bytes.length), "ok");
    return view;
  });
}
