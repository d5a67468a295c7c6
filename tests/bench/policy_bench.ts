/**
 * What does a packet of a DNS resource cost, and a name? What does a session weigh?
 *
 * The baseline does what every packet goes through anyway: it copies the
 * packet, checks it and sums it up.
 *
 *     deno bench --allow-read tests/bench/policy_bench.ts
 */
import assert from "node:assert/strict";
import { instant, writeU16 } from "../../lib/base/mod.ts";
import { DomainPattern, NatTable } from "../../lib/policy/mod.ts";
import { internetChecksum, IpPacketView } from "../../lib/wire/mod.ts";
import { memoryInUse } from "../support/heap.ts";
import { udpPacket } from "../support/ip_packet.ts";
import { address } from "../support/nat.ts";

const SESSIONS = [10, 10_000, 60_000];
const PACKET_BYTES = 128;
const FIRST_PORT = 1_024;
const SEED = 0x5eed;

const FAMILIES = [
  {
    name: "IPv4",
    client: "100.64.0.1",
    proxy: "100.96.0.1",
    real: "10.0.0.1",
    headers: 28,
  },
  {
    name: "IPv6",
    client: "fd00:2021:1111::1",
    proxy: "fd00:2021:1111:8000::1",
    real: "2001:db8::1",
    headers: 48,
  },
];

printWeight();

for (const { name, client, proxy, real, headers } of FAMILIES) {
  const payload = new Uint8Array(PACKET_BYTES - headers).fill(0x5a);
  const out = udpPacket({
    source: client,
    destination: proxy,
    sourcePort: FIRST_PORT,
    destinationPort: 443,
    payload,
  });
  const back = udpPacket({
    source: real,
    destination: client,
    sourcePort: 443,
    destinationPort: FIRST_PORT,
    payload,
  });
  const portAt = headers - 8;
  const realIp = address(real);
  const now = instant(0);
  const view = new IpPacketView();
  const scratch = new Uint8Array(PACKET_BYTES);

  const take = (packet: Uint8Array, at: number, port: number) => {
    scratch.set(packet);
    writeU16(scratch, at, FIRST_PORT + port);
    return view.attach(scratch, 0, PACKET_BYTES);
  };

  for (const direction of ["outbound", "inbound"] as const) {
    const group = `${direction} ${name}`;
    Deno.bench(`copy, check and sum up ${group}`, {
      group,
      baseline: true,
    }, () => {
      take(out, portAt, 0);
      internetChecksum(scratch, 0, PACKET_BYTES);
    });

    for (const sessions of SESSIONS) {
      const table = new NatTable(SEED);
      for (let port = 0; port < sessions; port++) {
        take(out, portAt, port);
        assert.equal(table.translateOutbound(view, realIp, now), "translated");
      }
      let port = 0;
      Deno.bench(`translate ${group}, ${sessions} sessions`, { group }, () => {
        // A stride that visits all sessions in no order that helps the cache.
        port = (port + 7_919) % sessions;
        if (direction === "outbound") {
          take(out, portAt, port);
          table.translateOutbound(view, realIp, now);
        } else {
          take(back, portAt + 2, port);
          table.translateInbound(view, now);
        }
      });
    }
  }
}

Deno.bench("a packet of a session at an exhausted address", {
  group: "ports",
  baseline: true,
}, atExhaustedAddress("100.96.0.1"));
Deno.bench("a packet that needs another port there", {
  group: "ports",
}, atExhaustedAddress("100.96.0.2"));

Deno.bench("keep house over 60000 sessions", {
  group: "housekeeping",
  baseline: true,
}, housekeeping(60_000, 0));

Deno.bench("end 4096 of 60000 sessions", { group: "housekeeping" }, (b) => {
  const table = new NatTable(SEED);
  openSessions(table, 60_000);
  b.start();
  table.expire(instant(60_000));
  b.end();
  assert.equal(table.size, 60_000 - 4_096);
});

const NAME = "a.rather.long.name.in.example.com";
for (
  const [kind, text] of [
    ["literal", NAME],
    ["*", "*.*.*.name.*.example.com"],
    ["**", "**.example.com"],
    ["classes", "[a-f].r*r.lon?.**.[!x]*.com"],
  ] as const
) {
  const pattern = DomainPattern.parse(text);
  assert(pattern.matches(NAME));
  Deno.bench(`match a name, ${kind}`, {
    group: "names",
    baseline: kind === "literal",
  }, () => {
    pattern.matches(NAME);
  });
}

/** Sends packets to `proxy` while all ports of the real address are taken by sessions to 100.96.0.1. */
function atExhaustedAddress(proxy: string): () => void {
  const table = new NatTable(SEED);
  openSessions(table, 65_535);
  const view = new IpPacketView();
  const real = address("10.0.0.1");
  const packet = udpPacket({
    source: "100.64.0.1",
    destination: proxy,
    sourcePort: FIRST_PORT,
    destinationPort: 443,
  });
  const scratch = packet.slice();
  return () => {
    scratch.set(packet);
    view.attach(scratch, 0, scratch.length);
    table.translateOutbound(view, real, instant(0));
  };
}

function housekeeping(sessions: number, nowMs: number): () => void {
  const table = new NatTable(SEED);
  openSessions(table, sessions);
  return () => assert(table.expire(instant(nowMs)));
}

/** Opens sessions with the ports from 1 on. */
function openSessions(table: NatTable, count: number): void {
  const view = new IpPacketView();
  const real = address("10.0.0.1");
  const packet = udpPacket({
    source: "100.64.0.1",
    destination: "100.96.0.1",
    sourcePort: 0,
    destinationPort: 443,
  });
  const scratch = packet.slice();
  for (let port = 1; port <= count; port++) {
    scratch.set(packet);
    writeU16(scratch, 20, port);
    view.attach(scratch, 0, scratch.length);
    table.translateOutbound(view, real, instant(0));
  }
}

/** Prints what tables weigh, as the engine accounts for it. */
function printWeight(): void {
  for (const sessions of [0, 100, 10_000, 60_000]) {
    const kibibytes = (weightOf(sessions) / 1_024).toFixed(1);
    console.log(`${kibibytes} KiB: a table with ${sessions} sessions`);
  }
}

function weightOf(sessions: number): number {
  const before = memoryInUse();
  const tables = Array.from({ length: 20 }, () => {
    const table = new NatTable(SEED);
    openSessions(table, sessions);
    return table;
  });
  const { buffers, heap } = memoryInUse();
  const bytes = buffers - before.buffers + heap - before.heap;
  return bytes / tables.length;
}
