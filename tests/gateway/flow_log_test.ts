import assert from "node:assert/strict";
import { formatSocketAddress } from "../../lib/base/mod.ts";
import type { FlowReport } from "../../lib/flow_log/mod.ts";
import { IpPacketView, PROTOCOL_TCP } from "../../lib/wire/mod.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  dnsResource,
  GATEWAY,
  GatewayHarness,
  internetResource,
  uuidOf,
  WIKI,
} from "../support/gateway_harness.ts";
import { CLAIMS } from "../support/ingest_token.ts";
import { echoReply, echoRequest, tcpPacket } from "../support/ip_packet.ts";

const R1 = uuidOf(1);
const NET = "10.20.0.0/16";
const WEB = "10.20.0.5";
const REAL = "172.21.0.101";
const PROXIES = ["100.96.0.1", "100.96.0.2"] as const;
const HTTPS = { sourcePort: 5555, destinationPort: 443 };
const ACK = 0x10;

Deno.test("[dp 128] flows to a name carry its real address and the translated port, and replies count to the same flow", () => {
  const world = GatewayHarness.initialized(undefined, { trackFlows: true });
  world.grant(ALICE, dnsResource(R1));
  world.translate(ALICE, { resource: R1, proxies: PROXIES }, [REAL]);
  const ports: number[] = [];

  for (const [i, proxy] of PROXIES.entries()) {
    const outbound = { source: ALICE.ipv4, destination: proxy, ...HTTPS };
    world.fromClient(ALICE, tcpPacket(outbound));
    const port = sourcePortOf(world.takeWritten()[0]);
    ports.push(port);
    const reply = {
      source: REAL,
      destination: ALICE.ipv4,
      sourcePort: 443,
      destinationPort: port,
      flags: ACK,
      payload: new Uint8Array(100 * (i + 1)),
    };
    assert.equal(world.fromTun(tcpPacket(reply)), "sent");
  }

  const closed = takeReports(world, true);
  assert.notEqual(ports[0], ports[1]);
  assert.deepEqual(
    closed.map(({ source, destination, domain }) => [
      formatSocketAddress(source),
      formatSocketAddress(destination),
      domain,
    ]),
    ports.map((port) => [`${ALICE.ipv4}:${port}`, `${REAL}:443`, WIKI]),
  );
  assert.deepEqual(closed.map(countsOf), [
    "tx 1/0 rx 1/100",
    "tx 1/0 rx 1/200",
  ]);
});

Deno.test("[dp 127] flows to networks and to the Internet carry the claims of their authorization", () => {
  for (
    const [resource, destination] of [
      [cidrResource(R1, NET), WEB],
      [internetResource(R1), "203.0.113.80"],
    ] as const
  ) {
    const world = GatewayHarness.initialized(undefined, { trackFlows: true });
    world.grant(ALICE, resource);
    world.sendTo(destination);
    world.replyTo(destination);

    const [closed] = takeReports(world, true);

    assert.ok(closed);
    assert.deepEqual(closed.claims, CLAIMS);
    assert.equal(closed.domain, undefined);
    assert.equal(countsOf(closed), "tx 1/8 rx 1/8");
  }
});

Deno.test("what is denied, dropped, for ourselves, ICMP or unsent is no part of a flow", () => {
  const world = GatewayHarness.initialized(undefined, { trackFlows: true });
  const tcpOnly = [{ protocol: "tcp", start: 443, end: 443 }] as const;
  world.grant(ALICE, cidrResource(R1, NET, tcpOnly));
  world.grant(ALICE, dnsResource(uuidOf(2)));
  world.grant(BOB, cidrResource(R1, NET));

  world.sendTo(WEB); // Filtered.
  world.sendTo("10.99.0.1"); // Uncovered.
  world.sendTo(GATEWAY.ipv4); // Ourselves.
  world.sendTo(BOB.ipv4); // Another client.
  world.sendTo(WEB, "1.2.3.4"); // Spoofed.
  world.sendTo("100.96.0.9"); // No translation.
  world.fromClient(
    BOB,
    echoRequest({ source: BOB.ipv4, destination: WEB, identifier: 1 }),
  );
  world.fromTun(
    echoReply({ source: WEB, destination: BOB.ipv4, identifier: 1 }),
  );
  world.replyTo(WEB, BOB.ipv4);

  assert.equal(world.gateway.snapshot().flows.open, 0);
});

Deno.test("[dp 128] packets for a client that is not connected are not counted", () => {
  const world = GatewayHarness.initialized(undefined, { trackFlows: true });
  world.grant(ALICE, cidrResource(R1, NET));
  world.sendTo(WEB);

  for (
    const verdict of ["no-session", "connecting", "not-connected"] as const
  ) {
    world.node.sendVerdict = verdict;
    world.replyTo(WEB);
  }

  assert.deepEqual(takeReports(world, true).map(countsOf), ["tx 1/8 rx 0/0"]);
});

Deno.test("[dp 131] a client that roams keeps its flow", () => {
  const world = GatewayHarness.initialized(undefined, { trackFlows: true });
  world.grant(ALICE, cidrResource(R1, NET));
  world.sendTo(WEB);
  world.outer = "198.51.100.77:4242";
  world.sendTo(WEB);

  const [closed, ...others] = takeReports(world, true);

  assert.equal(others.length, 0);
  assert.deepEqual(
    closed?.outers.map(({ remote }) => formatSocketAddress(remote)),
    ["192.0.2.9:5", "198.51.100.77:4242"],
  );
});

Deno.test("[dp 127] the start of a flow is told while it goes on, its end when the gateway stops", () => {
  const world = GatewayHarness.initialized(undefined, { trackFlows: true });
  world.grant(ALICE, cidrResource(R1, NET));
  world.takeEvents();
  world.sendTo(WEB);
  world.advance(100);

  const during = takeReports(world, false);
  world.gateway.stop(world.now);
  const after = takeReports(world, false);

  assert.deepEqual(during.map(({ kind }) => kind), ["open"]);
  assert.deepEqual(after.map(({ kind }) => kind), ["close"]);
});

Deno.test("the portal's interval switches tracking on and off, at each init", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource(R1, NET));
  world.sendTo(WEB);
  assert.equal(world.gateway.snapshot().flows.open, 0);

  world.init([{ client: ALICE, resource: R1, inSeconds: 60 }], GATEWAY, 60);
  world.sendTo(WEB);
  assert.equal(world.gateway.snapshot().flows.open, 1);

  world.init([{ client: ALICE, resource: R1, inSeconds: 60 }], GATEWAY, 0);
  assert.deepEqual(world.gateway.snapshot().flows, {
    ...world.gateway.snapshot().flows,
    enabled: false,
    open: 1,
  });
});

function takeReports(world: GatewayHarness, stop: boolean): FlowReport[] {
  if (stop) world.gateway.stop(world.now);
  const reports = world.takeEvents().flatMap((event) =>
    event.kind === "flow-reports" ? event.reports : []
  );
  return stop ? reports.filter(({ kind }) => kind === "close") : reports;
}

function countsOf(report: FlowReport): string {
  assert.ok(report.kind === "close");
  const { txPackets, txBytes, rxPackets, rxBytes } = report;
  return `tx ${txPackets}/${txBytes} rx ${rxPackets}/${rxBytes}`;
}

function sourcePortOf(bytes: Uint8Array | undefined): number {
  const packet = new IpPacketView();
  assert.ok(bytes && packet.attach(bytes, 0, bytes.length) === "ok");
  assert.equal(packet.protocol, PROTOCOL_TCP);
  return packet.sourceSelector & 0xffff;
}
