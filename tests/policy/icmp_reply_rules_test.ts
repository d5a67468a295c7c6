import assert from "node:assert/strict";
import { instant, TokenBucket } from "../../lib/base/mod.ts";
import { icmpReplyBudget, judgeIcmpReply } from "../../lib/policy/mod.ts";
import { IpPacketView } from "../../lib/wire/mod.ts";
import { icmpPacket, udpPacket } from "../support/ip_packet.ts";

const PORTS = { sourcePort: 1, destinationPort: 2 };
const NOW = instant(1_000);

Deno.test("an ICMP error answers hosts only, never an error, and takes a token for an answer only", () => {
  const to4 = { source: "100.64.0.2", destination: "10.0.0.1" };
  const to6 = { source: "fd00:2021:1111::2", destination: "2001:db8::1" };
  const refused = [
    [icmpPacket({ ...to4, type: 3 }), "about-icmp-error"],
    [icmpPacket({ ...to6, type: 1 }), "about-icmp-error"],
    [udpPacket({ ...to4, source: "0.0.0.0", ...PORTS }), "about-no-host"],
    [udpPacket({ ...to4, source: "224.0.0.1", ...PORTS }), "about-no-host"],
    [udpPacket({ ...to6, source: "::", ...PORTS }), "about-no-host"],
    [udpPacket({ ...to6, source: "ff02::1", ...PORTS }), "about-no-host"],
  ] as const;
  const budget = new TokenBucket(2);

  for (const [packet, reason] of refused) {
    assert.equal(judgeIcmpReply(viewOf(packet), budget, NOW), reason);
  }
  for (const outcome of ["allowed", "allowed", "rate-limited"]) {
    const packet = viewOf(udpPacket({ ...to4, ...PORTS }));
    assert.equal(judgeIcmpReply(packet, budget, NOW), outcome);
  }
});

Deno.test("a host is sent 1000 ICMP errors at once", () => {
  const budget = icmpReplyBudget();

  for (let i = 0; i < 1_000; i++) assert.ok(budget.take(NOW));

  assert.ok(!budget.take(NOW));
});

function viewOf(packet: Uint8Array): IpPacketView {
  const view = new IpPacketView();
  assert.equal(view.attach(packet, 0, packet.length), "ok");
  return view;
}
