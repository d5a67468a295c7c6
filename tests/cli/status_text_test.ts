import assert from "node:assert/strict";
import fc from "fast-check";
import { renderStatus } from "../../lib/cli/status_text.ts";
import type { GatewayStatus } from "../../lib/status/mod.ts";

const NOW = Date.UTC(2026, 7, 22, 12);

const PEER: GatewayStatus["peers"][number] = {
  client: "11111111-aaaa-4aaa-8aaa-111111111111",
  user: "dev@corp.example",
  addresses: ["100.64.0.1"],
  connection: {
    peer: "11111111-aaaa-4aaa-8aaa-111111111111",
    stage: "connected",
    mode: "ice",
    path: "relayed",
    shape: "RelayToPeer",
    relay: "0f3a7f3c-0000-4000-8000-000000000000",
    remote: "203.0.113.9:52625",
    roundTripMs: 31.2,
    handshakeAgeMs: 65_000,
    ageMs: 600_000,
    traffic: {
      packetsReceived: 10,
      bytesReceived: 1_234_567,
      packetsSent: 20,
      bytesSent: 999,
    },
  },
  authorizations: [{
    resource: "r1",
    kind: "dns",
    name: "Wiki",
    address: "wiki.corp.example",
    expiresAt: NOW + 60_000,
  }],
  lastDrop: { reason: "prohibited-by-filter", from: "client", ageMs: 3_000 },
  drops: 7,
};

const STATUS: GatewayStatus = {
  version: "1.6.0",
  now: NOW,
  uptimeMs: 90_061_000,
  readiness: {
    ready: false,
    checks: [
      { name: "portal", ok: false, detail: "not joined" },
      { name: "interface", ok: true, detail: "up" },
    ],
  },
  portal: {
    joined: false,
    since: NOW - 5_000,
    joins: 2,
    lastFailure: "connection refused",
  },
  interface: {
    name: "tun-firezone",
    state: "up",
    drops: 0,
    addresses: ["100.64.0.9"],
  },
  relays: [],
  load: {
    saturation: 0.123,
    cpuShare: 0.5,
    residentBytes: 98_700_000,
    socketQueueBytes: 0,
    questions: 0,
    flowReports: 0,
  },
  traffic: {
    packetsReceived: 1,
    bytesReceived: 2,
    packetsSent: 3,
    bytesSent: 4,
  },
  drops: [{ source: "client", reason: "multicast", count: 9 }],
  peers: [PEER],
  drain: null,
};

Deno.test("[ops 6] the status for people shows state, load, drops, clients and what they may reach", () => {
  assert.deepEqual(renderStatus(STATUS).split("\n"), [
    "Gateway    1.6.0, up 1d 1h, not ready: portal not joined",
    "Portal     not joined since 5s (joins: 2): connection refused",
    "Interface  tun-firezone up, 100.64.0.9",
    "Relays     none",
    "Load       saturation 12 %, 0.50 processors, memory 98.7 MB, socket queue 0 B",
    "Traffic    from clients 2 B in 1 packets, to clients 4 B in 3 packets",
    "Drops      9 client multicast",
    "",
    "CLIENT                               USER                PATH    RTT      HANDSHAKE RECEIVED SENT",
    "11111111-aaaa-4aaa-8aaa-111111111111 dev@corp.example    relayed 31 ms    1m 5s     1.2 MB   999 B",
    "  at 203.0.113.9:52625 by relay 0f3a7f3c-0000-4000-8000-000000000000",
    "  may reach Wiki (dns wiki.corp.example), until 2026-08-22T12:01:00Z",
    "  last drop 3s ago: prohibited-by-filter, from the client (7 in all)",
  ]);
});

Deno.test("[ops 6] no line is longer than 100 columns, and no name can move the cursor", () => {
  const name = fc.string({ unit: "binary", maxLength: 200 });
  fc.assert(fc.property(name, name, fc.nat(), (user, resource, count) => {
    const text = renderStatus({
      ...STATUS,
      drops: Array.from(
        { length: 8 },
        (_, i) => ({ source: "io", reason: `reason-${i}`, count }),
      ),
      peers: [{
        ...PEER,
        user,
        authorizations: PEER.authorizations.map((it) => ({
          ...it,
          name: resource,
          address: resource,
        })),
      }],
    });

    assert.doesNotMatch(text.replaceAll("\n", ""), /\p{Cc}/u);
    assert.equal(text.split("\n").length, 18);
    for (const line of text.split("\n")) assert.ok([...line].length <= 100);
  }));
});

Deno.test("a drain shows who is left and for how long", () => {
  const text = renderStatus({
    ...STATUS,
    drain: { since: NOW - 1_000, until: NOW + 59_000, clientsLeft: 3 },
    peers: [],
  });

  assert.match(text, /^Drain {6}3 clients left, at most 59s$/m);
  assert.match(text, /\n\nNo clients$/);
});
