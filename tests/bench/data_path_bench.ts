/**
 * What does policy cost per packet, in each direction, from the decrypted packet to the TUN device and back?
 *
 * Everything but the tunnel and the sockets: validation, the tables of the
 * spec, NAT, ICMP errors, counters. The baseline only copies the packet into
 * place, as every measurement does, and validates it.
 *
 *     deno bench --allow-read --allow-env tests/bench/data_path_bench.ts
 */
import assert from "node:assert/strict";
import { IpPacketView } from "../../lib/wire/mod.ts";
import {
  ALICE,
  cidrResource,
  dnsResource,
  uuidOf,
  WIKI_PROXIES,
} from "../support/gateway_harness.ts";
import { tcpPacket } from "../support/ip_packet.ts";
import { SteadyGateway } from "../support/steady_gateway.ts";

const NETWORKS = 500;
const NAME = uuidOf(1);
const ACK = 0x10;

const world = new SteadyGateway([
  ...Array.from(
    { length: NETWORKS },
    (_, i) =>
      cidrResource(`r${i}`, `10.${i >> 4}.${(i & 15) << 4}.0/20`, [
        { protocol: "tcp", start: 443, end: 443 },
        { protocol: "udp", start: 53, end: 53 },
      ]),
  ),
  dnsResource(NAME, [{ protocol: "tcp", start: 443, end: 443 }]),
]);
world.announce(NAME, WIKI_PROXIES, ["192.0.2.7", "2001:db8::7"]);

for (const size of [64, 1_280]) {
  const to = (destination: string, destinationPort = 443) =>
    tcpPacket({
      source: ALICE.ipv4,
      destination,
      sourcePort: 5_401,
      destinationPort,
      payload: new Uint8Array(size - 40),
      flags: ACK,
    });
  const from = (source: string) =>
    tcpPacket({
      source,
      destination: ALICE.ipv4,
      sourcePort: 443,
      destinationPort: 5_401,
      payload: new Uint8Array(size - 40),
      flags: ACK,
    });
  const toNetwork = world.store(to("10.9.1.2"));
  const toName = world.store(to("100.96.0.1"));
  const denied = world.store(to("10.9.1.2", 22));
  const fromNetwork = world.store(from("10.9.1.2"));
  const fromName = world.store(from("192.0.2.7"));

  expectOutbound("forward", () => world.send(toNetwork));
  expectOutbound("forward", () => world.send(toName));
  expectOutbound("prohibited-by-filter", () => world.send(denied));
  expectInbound(() => world.deliver(fromNetwork));
  expectInbound(() => world.deliver(fromName));

  const group = `${size} B`;
  const view = new IpPacketView();
  const source = to("10.9.1.2");
  const room = new Uint8Array(2 * 2_048);
  room.set(source);
  Deno.bench(`copy and validate ${size} B`, { group, baseline: true }, () => {
    room.copyWithin(2_048, 0, source.length);
    view.attach(room, 2_048, 2_048 + source.length);
  });
  Deno.bench(`outbound, network ${size} B`, { group }, () => {
    world.send(toNetwork);
  });
  Deno.bench(`outbound, name with NAT ${size} B`, { group }, () => {
    world.send(toName);
  });
  Deno.bench(`outbound, denied with ICMP ${size} B`, { group }, () => {
    world.send(denied);
  });
  Deno.bench(`inbound, network ${size} B`, { group }, () => {
    world.deliver(fromNetwork);
  });
  Deno.bench(`inbound, name with NAT ${size} B`, { group }, () => {
    world.deliver(fromName);
  });
}

function expectOutbound(
  verdict: "forward" | "prohibited-by-filter",
  action: () => void,
): void {
  const before = world.gateway.snapshot();
  action();
  const after = world.gateway.snapshot();
  assert.equal(after.outbound[verdict], before.outbound[verdict] + 1);
  const answers = after.icmpReplies.sent - before.icmpReplies.sent;
  assert.equal(answers, verdict === "forward" ? 0 : 1);
}

function expectInbound(action: () => void): void {
  const before = world.gateway.snapshot().inbound.sent;
  action();
  assert.equal(world.gateway.snapshot().inbound.sent, before + 1);
}
