import assert from "node:assert/strict";
import { ip, Site } from "../sim/site.ts";
import { CUT_LINK, hasAddress } from "../sim/world.ts";
import {
  canExchange,
  connectedSite,
  milestones,
  packetNumber,
} from "./support.ts";

Deno.test("a client and a gateway find a direct path and exchange packets both ways", () => {
  const site = new Site();

  const tookMs = site.connect();

  assert.ok(tookMs !== undefined && tookMs <= 200, `${tookMs}`);
  assert.equal(site.client.node.snapshot().routes.PeerToPeer, 1);
  assert.equal(site.gateway.node.snapshot().routes.PeerToPeer, 1);
  site.client.send("gateway", packetNumber(7), site.world.now, 2);
  site.gateway.send("client", packetNumber(8), site.world.now, 1);
  site.world.advance(50);
  assert.deepEqual(site.gateway.inbox, [
    { peer: "client", packet: packetNumber(7), ecn: 2 },
  ]);
  assert.deepEqual(site.client.inbox, [
    { peer: "gateway", packet: packetNumber(8), ecn: 1 },
  ]);
});

Deno.test("a direct path is found over either family alone", () => {
  for (const family of [4, 6] as const) {
    const site = connectedSite({ families: [family] });

    assert.equal(site.client.node.snapshot().routes.PeerToPeer, 1);
    assert.ok(canExchange(site));
  }
});

Deno.test("a relayed path is found where no direct one works, over one relay or two", () => {
  for (const relays of [1, 2]) {
    for (const seed of [1, 2, 3]) {
      const site = new Site({ seed, relays });
      site.world.setLink(site.client, site.gateway, CUT_LINK);

      const tookMs = site.connect();

      assert.ok(tookMs !== undefined, `${relays} relays, seed ${seed}`);
      assert.equal(site.client.node.snapshot().routes.PeerToPeer, 0);
      assert.ok(canExchange(site));
    }
  }
});

Deno.test("[p2p 58] packets travel as ChannelData where both ends need their relays", () => {
  const site = new Site({ relays: 2, seed: 6 });
  const [relayA, relayB] = site.relays;
  assert.ok(relayA && relayB);
  site.world.setLink(site.client, site.gateway, CUT_LINK);
  site.portal.announceRelays(site.client, [relayA]);
  site.portal.announceRelays(site.gateway, [relayB]);
  site.world.setLink(site.client, relayB, CUT_LINK);
  site.world.setLink(site.gateway, relayA, CUT_LINK);
  site.world.advance(1000);

  site.portal.authorize(site.client, site.gateway);
  site.world.advance(3000);

  assert.equal(site.client.node.snapshot().routes.RelayToRelay, 1);
  assert.equal(site.gateway.node.snapshot().routes.RelayToRelay, 1);
  assert.ok(canExchange(site));
});

Deno.test("[p2p 52] a relayed path is left for a direct one that starts to work", () => {
  const site = new Site();
  site.world.setLink(site.client, site.gateway, CUT_LINK);
  site.connect();
  const before = site.client.node.snapshot().routes.PeerToPeer;

  site.world.setLink(site.client, site.gateway, {
    latencyMs: 10,
    jitterMs: 0,
    loss: 0,
  });
  site.world.advance(5000);

  assert.equal(before, 0);
  assert.equal(site.client.node.snapshot().routes.PeerToPeer, 1);
  assert.equal(site.gateway.node.snapshot().routes.PeerToPeer, 1);
  assert.deepEqual(milestones(site.client), ["established", "path-changed"]);
  assert.ok(canExchange(site));
});

Deno.test("a direct path that breaks is left for the relayed one, without a new authorization", () => {
  const site = connectedSite();

  site.world.setLink(site.client, site.gateway, CUT_LINK);
  const tookMs = site.world.advanceUntil(
    () => site.client.node.snapshot().routes.PeerToPeer === 0,
    30_000,
  );
  site.world.advance(2_000);

  assert.ok(tookMs !== undefined && tookMs <= 18_000, `${tookMs}`);
  assert.ok(!milestones(site.client).includes("failed"));
  site.client.send("gateway", packetNumber(1), site.world.now);
  site.world.advance(200);
  assert.equal(site.gateway.inbox.length, 1);
});

Deno.test("nodes connect through links that lose a tenth of everything and reorder the rest", () => {
  for (let seed = 1; seed <= 21; seed += 2) {
    const site = new Site({ seed });
    site.announceRelays();
    site.world.setDefaultLink({ latencyMs: 20, jitterMs: 80, loss: 0.1 });
    site.portal.authorize(site.client, site.gateway);

    site.world.advance(25_000);
    for (let i = 0; i < 5; i++) {
      site.client.send("gateway", packetNumber(i), site.world.now);
    }
    site.world.advance(200);

    assert.ok(site.gateway.inbox.length > 0, `seed ${seed}`);
    assert.equal(milestones(site.gateway)[0], "established");
  }
});

Deno.test("[p2p 15] data keeps flowing while the portal is down", () => {
  const site = connectedSite();

  site.portal.isDown = true;
  for (let minute = 0; minute < 30; minute++) {
    site.world.advance(60_000);
    assert.ok(canExchange(site), `after ${minute} min`);
  }

  assert.deepEqual(milestones(site.client), ["established"]);
  assert.deepEqual(milestones(site.gateway), ["established"]);
});

Deno.test("[p2p 134] what goes to a peer is pinned to the selected local address, what goes to a relay is not", () => {
  const site = connectedSite();
  const { world, gateway, relays } = site;

  canExchange(site);
  world.advance(30_000);

  const sent = world.sent.filter(({ source }) =>
    hasAddress(gateway, source.ip)
  );
  const toRelay = sent.filter(({ destination }) =>
    relays.some((relay) => hasAddress(relay, destination.ip)) &&
    destination.port === 3478
  );
  const toPeer = sent.filter((datagram) => !toRelay.includes(datagram));
  assert.ok(toRelay.length > 3 && toPeer.length > 3);
  assert.ok(toRelay.every(({ isPinned }) => !isPinned));
  assert.ok(toPeer.every(({ isPinned }) => isPinned));
});

Deno.test("[p2p 30] a gateway whose address changes signals the new one and withdraws no host or reflexive candidate", () => {
  const site = connectedSite({ families: [4] });
  const { world, gateway } = site;
  const eventCount = gateway.events.length;

  world.move(gateway, [ip("203.0.113.12")]);
  world.advance(60_000);

  const signalled = gateway.events.slice(eventCount).flatMap((event) =>
    event.kind === "candidates" ? [event] : []
  );
  const added = signalled.flatMap(({ added }) => added);
  const removed = signalled.flatMap(({ removed }) => removed);
  assert.ok(
    added.some((line) => line.includes(" 203.0.113.12 52625 typ host")),
  );
  assert.ok(removed.every((line) => line.includes("typ relay")));
});

Deno.test("[p2p 123] no datagram is longer than 1316 bytes, whatever a peer sends", () => {
  const site = connectedSite();
  const site2 = new Site();
  site2.world.setLink(site2.client, site2.gateway, CUT_LINK);
  site2.connect();
  const largest = packetOfLength(1280);

  for (const { client, gateway, world } of [site, site2]) {
    assert.equal(client.send("gateway", largest, world.now), "sent");
    assert.equal(
      client.send("gateway", packetOfLength(1281), world.now),
      "too-long",
    );
    world.advance(100);
    assert.deepEqual(gateway.inbox.at(-1)?.packet, largest);
    assert.ok(world.sent.every(({ payload }) => payload.length <= 1316));
  }
});

function packetOfLength(length: number): Uint8Array {
  const packet = new Uint8Array(length);
  packet.set(packetNumber(1).subarray(0, 20));
  packet[2] = length >> 8;
  packet[3] = length & 0xff;
  return packet;
}
