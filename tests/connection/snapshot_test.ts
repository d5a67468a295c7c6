import assert from "node:assert/strict";
import { Site } from "../sim/site.ts";
import { connectedSite, packetNumber } from "./support.ts";

for (const useIceless of [false, true]) {
  const mode = useIceless ? "iceless" : "ice";

  Deno.test(`[ops 6] a connection (${mode}) tells its path, round trip, handshake and traffic`, () => {
    const site = connectedSite({ useIceless });
    site.world.advance(5_000);

    site.client.send(site.gateway.name, packetNumber(1), site.world.now);
    site.client.send(site.gateway.name, packetNumber(2), site.world.now);
    site.gateway.send(site.client.name, packetNumber(3), site.world.now);
    site.world.advance(100);
    const [connection, ...others] = site.gateway.node.describeConnections(
      site.world.now,
    );

    const { length } = packetNumber(1);
    assert.deepEqual(others, []);
    assert.equal(connection?.peer, "client");
    assert.equal(connection.stage, "connected");
    assert.equal(connection.mode, mode);
    assert.equal(connection.path, "direct");
    assert.equal(connection.shape, "PeerToPeer");
    assert.equal(connection.relay, null);
    // Two links of 10 ms each way.
    assert.ok(Math.abs((connection.roundTripMs ?? 0) - 20) <= 1);
    assert.ok((connection.handshakeAgeMs ?? 0) > 4_000);
    assert.ok(connection.ageMs >= (connection.handshakeAgeMs ?? 0));
    assert.equal(connection.traffic.packetsSent, 1);
    assert.equal(connection.traffic.bytesSent, length);
    assert.ok(connection.traffic.packetsReceived >= 2);
    assert.ok(connection.traffic.bytesReceived >= 2 * length);
  });
}

Deno.test("[ops 6] a connection without a path tells that it has none", () => {
  const site = new Site();
  site.announceRelays();
  site.portal.authorize(site.client, site.gateway);

  const [connection] = site.gateway.node.describeConnections(site.world.now);

  assert.deepEqual({ ...connection, ageMs: 0 }, {
    peer: "client",
    stage: "connecting",
    mode: "ice",
    path: null,
    shape: null,
    relay: null,
    remote: null,
    roundTripMs: null,
    handshakeAgeMs: null,
    ageMs: 0,
    traffic: {
      packetsReceived: 0,
      bytesReceived: 0,
      packetsSent: 0,
      bytesSent: 0,
    },
  });
});

Deno.test("[ops 6] traffic and handshakes of connections that are gone still count", () => {
  const site = connectedSite();
  site.client.send(site.gateway.name, packetNumber(1), site.world.now);
  site.world.advance(100);
  const before = site.gateway.node.snapshot();

  site.gateway.node.closeConnection(
    "client",
    { goodbye: true },
    site.world.now,
  );
  const after = site.gateway.node.snapshot();

  assert.equal(after.connections, 0);
  assert.equal(before.traffic.packetsReceived, 1);
  assert.deepEqual(after.traffic, before.traffic);
  assert.equal(after.handshakes.counts.reduce((a, b) => a + b), 1);
});

Deno.test("[ops 6] a relay tells where it is, how far we are, and our addresses there", () => {
  const site = new Site();
  site.announceRelays();

  const [relay, ...others] = site.gateway.node.snapshot().relays;

  assert.deepEqual(others, []);
  assert.equal(relay?.id, "relay-1");
  assert.equal(relay.state, "allocated");
  assert.equal(relay.addresses.length, 2);
  assert.equal(relay.allocated.length, 2);
  assert.equal(relay.roundTripMs, 20);
});
