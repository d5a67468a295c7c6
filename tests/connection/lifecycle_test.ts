import assert from "node:assert/strict";
import { encodeGoodbye } from "../../lib/wire/mod.ts";
import { peerConfig } from "../sim/sim_portal.ts";
import { Site } from "../sim/site.ts";
import { CUT_LINK, hasAddress } from "../sim/world.ts";
import {
  canExchange,
  connectedSite,
  milestones,
  packetNumber,
} from "./support.ts";

Deno.test("[p2p 10] a connection fails when no candidate of the peer comes within 10 s", () => {
  const site = new Site();
  site.announceRelays();
  const config = peerConfig(site.client, site.gateway, "receiver");
  site.gateway.node.upsertConnection(config, site.world.now);

  site.world.advance(9_990);
  const before = site.gateway.node.connectionCount;
  site.world.advance(20);

  assert.equal(before, 1);
  assert.equal(site.gateway.node.connectionCount, 0);
  assert.deepEqual(site.gateway.events.at(-1), {
    kind: "failed",
    peer: "client",
    reason: "no-candidates",
  });
});

Deno.test("[p2p 10] one candidate is enough to keep the connection", () => {
  const site = new Site();
  site.announceRelays();
  const config = peerConfig(site.client, site.gateway, "receiver");
  site.gateway.node.upsertConnection(config, site.world.now);
  site.world.advance(5_000);

  site.gateway.node.addRemoteCandidate(
    "client",
    "candidate:x 1 udp 1 203.0.113.77 9 typ host",
    site.world.now,
  );
  site.world.advance(60_000);

  assert.equal(site.gateway.node.connectionCount, 1);
});

Deno.test("[p2p 11] [p2p 57] a client gives up 2 s after ICE has, 16.5 s after the last answer", () => {
  const site = connectedSite();
  site.world.advance(3_000);
  canExchange(site);
  const isolatedAt = site.world.now;
  isolate(site);

  const tookMs = site.world.advanceUntil(
    () => milestones(site.client).includes("failed"),
    60_000,
  );

  const failure = site.client.events.at(-1);
  assert.ok(tookMs !== undefined);
  assert.ok(tookMs >= 17_000 && tookMs <= 20_100, `${tookMs} ms`);
  assert.deepEqual(failure, {
    kind: "failed",
    peer: "gateway",
    reason: "ice-disconnected",
  });
  assert.ok(isolatedAt > 0);
});

Deno.test("[p2p 11] a path that comes within 2 s of the disconnection saves the connection", () => {
  const site = new Site({ families: [4] });
  site.announceRelays();
  const config = peerConfig(site.client, site.gateway, "receiver");
  site.gateway.node.upsertConnection(config, site.world.now);
  const add = (address: string) =>
    site.gateway.node.addRemoteCandidate(
      "client",
      `candidate:x 1 udp 1 ${address} 9 typ host`,
      site.world.now,
    );
  add("2001:db8::9");
  site.world.advance(1_900);
  add("203.0.113.77");
  site.world.advance(5_000);
  const saved = site.gateway.node.connectionCount;

  site.gateway.node.removeRemoteCandidate(
    "client",
    "candidate:x 1 udp 1 203.0.113.77 9 typ host",
    site.world.now,
  );
  site.world.advance(2_100);

  assert.equal(saved, 1);
  assert.equal(site.gateway.node.connectionCount, 0);
});

Deno.test("[p2p 12] a failed connection can be made anew by the next authorization", () => {
  const site = connectedSite();
  isolate(site);
  site.world.advance(30_000);
  site.world.setDefaultLink({ latencyMs: 10, jitterMs: 0, loss: 0 });

  rejoin(site);
  site.world.advance(10_000);
  site.portal.authorize(site.client, site.gateway);
  site.world.advance(5_000);

  assert.ok(canExchange(site));
});

Deno.test("[p2p 13] a goodbye removes the connection and is not answered", () => {
  const site = connectedSite();
  const before = site.world.sent.length;

  site.client.node.closeConnection(
    "gateway",
    { goodbye: true },
    site.world.now,
  );
  site.world.advance(1_000);

  const answers = site.world.sent.slice(before).filter(({ source, payload }) =>
    hasAddress(site.gateway, source.ip) && payload[0] === 4
  );
  assert.equal(site.client.node.connectionCount, 0);
  assert.equal(site.gateway.node.connectionCount, 0);
  assert.deepEqual(milestones(site.gateway), ["established", "goodbye"]);
  assert.deepEqual(answers, []);
  assert.deepEqual(site.gateway.inbox, []);
});

Deno.test("[p2p 14] a stop says goodbye to all connected peers, and to nobody else", () => {
  const site = connectedSite();
  const second = site.addNode("second", "controlling", 3);
  site.portal.announceRelays(second, site.relays);
  site.world.advance(1_000);
  const config = peerConfig(second, site.gateway, "receiver");
  site.gateway.node.upsertConnection(config, site.world.now);
  site.world.advance(100);

  site.gateway.node.stop(site.world.now);
  site.world.advance(1_000);

  assert.equal(site.gateway.node.connectionCount, 0);
  assert.deepEqual(milestones(site.client), ["established", "goodbye"]);
  assert.deepEqual(milestones(second), []);
});

Deno.test("an in-tunnel message other than goodbye is an ordinary packet", () => {
  const site = connectedSite();
  const unknown = encodeGoodbye();
  unknown[40] = 9;

  site.client.node.sendControl("gateway", unknown, site.world.now);
  site.world.advance(100);

  assert.deepEqual(site.gateway.inbox.map(({ packet }) => packet), [unknown]);
});

Deno.test("[p2p 19] a gateway drops packets for a client that is not established", () => {
  const site = new Site();
  site.announceRelays();
  const now = () => site.world.now;

  const unknown = site.gateway.send("client", packetNumber(1), now());
  site.portal.authorize(site.client, site.gateway);
  const connecting = site.gateway.send("client", packetNumber(2), now());
  site.world.advance(2_000);
  const established = site.gateway.send("client", packetNumber(3), now());
  site.world.advance(100);

  assert.equal(unknown, "not-connected");
  assert.equal(connecting, "connecting");
  assert.equal(established, "sent");
  assert.deepEqual(
    site.client.inbox.map(({ packet }) => packet),
    [packetNumber(3)],
  );
});

Deno.test("[p2p 20] a client keeps the last 128 different packets until the connection is established", () => {
  const site = new Site();
  site.announceRelays();
  site.portal.authorize(site.client, site.gateway);

  const verdicts = new Set<string>();
  for (let i = 0; i < 130; i++) {
    for (let copy = 0; copy < 2; copy++) {
      const packet = packetNumber(i);
      verdicts.add(site.client.send("gateway", packet, site.world.now));
    }
  }
  site.world.advance(2_000);

  assert.deepEqual([...verdicts], ["buffered"]);
  assert.deepEqual(
    site.gateway.inbox.map(({ packet }) => packet),
    Array.from({ length: 128 }, (_, i) => packetNumber(i + 2)),
  );
});

Deno.test("[p2p 112] a gateway starts no handshake because of a nomination or of data without a session", () => {
  const site = new Site();
  site.announceRelays();
  site.portal.authorize(site.client, site.gateway);
  site.gateway.send("client", packetNumber(1), site.world.now);
  site.world.advance(5_000);

  const initiations = site.world.sent.filter(({ source, payload }) =>
    payload[0] === 1 && payload.length === 148 &&
    hasAddress(site.gateway, source.ip)
  );

  assert.deepEqual(initiations, []);
});

Deno.test("[p2p 55] [p2p 56] a gateway keeps a client that answers nothing for minutes", () => {
  const site = connectedSite();
  isolate(site);

  site.world.advance(500_000);
  const after500s = site.gateway.node.connectionCount;
  site.world.advance(100_000);

  assert.equal(after500s, 1);
  assert.equal(site.gateway.node.connectionCount, 0);
});

Deno.test("[p2p 15] a connection that is idle for an hour still carries packets", () => {
  const site = connectedSite();

  site.world.advance(3_600_000);
  const sent = site.world.advanceUntil(
    () =>
      site.client.send("gateway", packetNumber(1), site.world.now) === "sent",
    12_000,
  );
  site.world.advance(100);

  assert.ok(sent !== undefined);
  assert.equal(site.gateway.inbox.length, 1);
  assert.deepEqual(milestones(site.gateway), ["established"]);
});

Deno.test("[p2p 56] a gateway does not slow down before a pair is nominated", () => {
  const site = new Site();
  site.announceRelays();
  const config = peerConfig(site.client, site.gateway, "receiver");
  site.gateway.node.upsertConnection(config, site.world.now);
  for (const host of [77, 78]) {
    site.gateway.node.addRemoteCandidate(
      "client",
      `candidate:x 1 udp 1 203.0.113.${host} 9 typ host`,
      site.world.now,
    );
  }
  site.world.advance(100_000);
  const before = site.world.sent.length;

  site.world.advance(60_000);

  const checks = site.world.sent.slice(before).filter(({ destination }) =>
    destination.ip.bytes[3] === 77
  );
  // Twice every 15 s: from our own socket, and by the relay's.
  assert.equal(checks.length, 8);
});

Deno.test("[p2p 56] a gateway whose every pair is nominated does not slow down", () => {
  const site = new Site({ families: [4] });
  const { world, client, gateway, relays: [relay] } = site;
  assert.ok(relay);
  site.announceRelays();
  world.setLink(client, relay, CUT_LINK);
  site.portal.authorize(client, gateway);
  world.advance(3_000);
  for (let minute = 0; minute < 25; minute++) {
    gateway.node.addRemoteCandidate(
      "client",
      "candidate:x 1 udp 1 203.0.113.1 52625 typ host",
      world.now,
    );
    world.advance(60_000);
  }
  const before = world.sent.length;

  world.advance(300_000);

  const checks = world.sent.slice(before).filter(({ source, payload }) =>
    hasAddress(gateway, source.ip) && payload[0] === 0 && payload[1] === 1 &&
    payload.length > 60
  );
  assert.ok(checks.length >= 20, `${checks.length} checks in 300 s`);
});

Deno.test("being called hours late, as after a suspend, does no harm", () => {
  const site = connectedSite();
  const later = (site.world.now + 36_000_000) as typeof site.world.now;

  site.gateway.node.handleTimeout(later);
  site.gateway.node.handleTimeout(later);

  assert.ok(site.gateway.node.pollTimeout() >= later);
});

/** Cuts the gateway off from everybody. */
function isolate(site: Site): void {
  site.world.setLink(site.client, site.gateway, CUT_LINK);
  for (const relay of site.relays) {
    site.world.setLink(site.gateway, relay, CUT_LINK);
  }
}

/** Puts an isolated gateway back on the network and tells it of the relays. */
function rejoin(site: Site): void {
  const link = { latencyMs: 10, jitterMs: 0, loss: 0 };
  site.world.setLink(site.client, site.gateway, link);
  for (const relay of site.relays) {
    site.world.setLink(site.gateway, relay, link);
  }
  site.portal.announceRelays(site.gateway, site.relays);
}
