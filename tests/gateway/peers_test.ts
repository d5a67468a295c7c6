import assert from "node:assert/strict";
import type { ConnectionSnapshot } from "../../lib/connection/mod.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  dnsResource,
  EPOCH_SECONDS,
  GatewayHarness,
  internetResource,
} from "../support/gateway_harness.ts";

Deno.test("[ops 6] a client is described by what it may reach and until when", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), 60);
  world.grant(ALICE, dnsResource("r2"));
  world.grant(BOB, internetResource("r3"), 30);

  const peers = world.gateway.describe(world.now);

  const expiresAt = (inSeconds: number) => (EPOCH_SECONDS + inSeconds) * 1_000;
  assert.deepEqual(peers.map(({ client }) => client), [ALICE.id, BOB.id]);
  assert.deepEqual(peers[0]?.addresses, [ALICE.ipv4, ALICE.ipv6]);
  assert.deepEqual(peers[0].connection, null);
  assert.deepEqual(
    peers.flatMap(({ authorizations }) => authorizations).map((it) => [
      it.resource,
      it.kind,
      it.address,
      it.expiresAt,
    ]),
    [
      ["r1", "cidr", "10.0.0.0/8", expiresAt(60)],
      ["r2", "dns", "wiki.corp.example", null],
      ["r3", "internet", null, expiresAt(30)],
    ],
  );
});

Deno.test("[ops 6] the last packet that was not forwarded is told with its reason and age", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  const before = world.gateway.describe(world.now)[0];
  world.sendTo("10.0.0.1");
  world.sendTo("11.0.0.1");
  world.sendTo("12.0.0.1");
  world.advance(1_500);

  const after = world.gateway.describe(world.now)[0];

  assert.equal(before?.lastDrop, null);
  assert.deepEqual(after?.lastDrop, {
    reason: "prohibited-destination",
    from: "client",
    ageMs: 1_500,
  });
  assert.equal(after.drops, 2);
});

Deno.test("[ops 6] multicast, which all hosts send, hides no reason", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.sendTo("11.0.0.1");

  assert.equal(world.sendTo("224.0.0.251"), "multicast");

  const [peer] = world.gateway.describe(world.now);
  assert.equal(peer?.lastDrop?.reason, "prohibited-destination");
  assert.equal(peer.drops, 1);
});

Deno.test("[ops 6] a connection belongs to its client; one without a record is told by itself", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.node.connections = [connectionOf(BOB.id), connectionOf(ALICE.id)];

  const peers = world.gateway.describe(world.now);

  assert.deepEqual(
    peers.map(({ client, connection, addresses }) => [
      client,
      connection?.peer,
      addresses.length,
    ]),
    [[ALICE.id, ALICE.id, 2], [BOB.id, BOB.id, 0]],
  );
});

function connectionOf(peer: string): ConnectionSnapshot {
  return {
    peer,
    stage: "connected",
    mode: "ice",
    path: "direct",
    shape: "PeerToPeer",
    relay: null,
    remote: "192.0.2.9:5",
    roundTripMs: 1,
    handshakeAgeMs: 2,
    ageMs: 3,
    traffic: {
      packetsReceived: 0,
      bytesReceived: 0,
      packetsSent: 0,
      bytesSent: 0,
    },
  };
}
