import assert from "node:assert/strict";
import type { NodeEvent } from "../../lib/connection/mod.ts";
import { peerConfig } from "../sim/sim_portal.ts";
import { Site } from "../sim/site.ts";
import type { SimNode } from "../sim/sim_node.ts";
import { hasAddress, type SimDatagram } from "../sim/world.ts";
import {
  canExchange,
  connectedSite,
  milestones,
  packetNumber,
} from "./support.ts";

Deno.test("[p2p 4] without a usable relay an upsert is refused before anything changes", () => {
  const { client, gateway, world } = new Site();

  const verdict = gateway.node.upsertConnection(
    peerConfig(client, gateway, "receiver"),
    world.now,
  );

  assert.equal(verdict, "no-relays");
  assert.equal(gateway.node.connectionCount, 0);
  assert.deepEqual(gateway.events, []);
});

Deno.test("[p2p 4] a relay that has not answered yet is not usable", () => {
  const site = new Site();
  const { node } = site.gateway;
  const readiness = [node.relayReadiness];
  site.portal.announceRelays(site.gateway, site.relays);
  readiness.push(node.relayReadiness);

  const before = site.portal.authorize(site.client, site.gateway);
  site.world.advance(1000);
  const after = site.portal.authorize(site.client, site.gateway);
  readiness.push(node.relayReadiness);

  assert.equal(before.gateway, "no-relays");
  assert.equal(after.gateway, "created");
  assert.deepEqual(readiness, ["none", "unanswered", "usable"]);
});

Deno.test("[p2p 5] [p2p 7] an upsert without any change keeps the connection and signals all candidates again", () => {
  const site = connectedSite();
  const first = candidatesOf(site.gateway)[0];
  const eventCount = site.gateway.events.length;

  const verdicts = site.portal.authorize(site.client, site.gateway);
  site.world.advance(500);

  const again = site.gateway.events.slice(eventCount).find(({ kind }) =>
    kind === "candidates"
  );
  assert.deepEqual(verdicts, { gateway: "reused", client: "reused" });
  assert.deepEqual(again, first);
  assert.ok(canExchange(site));
});

Deno.test("[p2p 8] candidates that were withdrawn are not signalled again", () => {
  const site = connectedSite({ relays: 2 });
  const { gateway, world } = site;
  const before = candidatesOf(gateway)[0]?.added ?? [];
  const relayed = before.filter((line) => line.includes("typ relay"));
  const used = site.relays.find(({ addresses: [ip] }) =>
    relayed.some((line) => line.includes(ip?.bytes.join(".") ?? "-"))
  );
  assert.ok(used);
  gateway.node.updateRelays(
    { removed: [used.name], upserted: [] },
    world.now,
  );
  world.advance(100);
  const eventCount = gateway.events.length;

  site.portal.authorize(site.client, gateway);
  world.advance(100);

  const again = candidatesOf(gateway, eventCount)[0]?.added ?? [];
  assert.ok(again.length > 0);
  assert.ok(again.every((line) => !relayed.includes(line)));
});

Deno.test("[p2p 6] [portal 66] a connection is replaced when anything differs, the preshared key alone included", () => {
  const { client, gateway, world } = connectedSite();
  const same = peerConfig(client, gateway, "receiver");
  const changed = [
    { ...same, presharedKey: new Uint8Array(32) },
    { ...same, publicKey: new Uint8Array(32).fill(9) },
    {
      ...same,
      localCredentials: { ...same.localCredentials, password: "other" },
    },
    {
      ...same,
      remoteCredentials: { ...same.remoteCredentials, username: "othr" },
    },
  ];

  for (const config of changed) {
    assert.equal(gateway.node.upsertConnection(same, world.now), "reused");
    assert.equal(gateway.node.upsertConnection(config, world.now), "created");
    assert.equal(gateway.node.upsertConnection(same, world.now), "created");
  }
  assert.equal(gateway.node.connectionCount, 1);
});

Deno.test("a replaced connection is dropped without a goodbye and the new one works", () => {
  const site = connectedSite();

  let late: SimDatagram | undefined;
  site.world.dropIf = (datagram) => {
    late ??= datagram.payload[0] === 4 ? datagram : undefined;
    return datagram === late;
  };
  site.client.send("gateway", packetNumber(1), site.world.now);
  site.world.advance(1);

  const verdicts = site.portal.authorize(site.client, site.gateway, "again");
  site.world.advance(3000);
  assert.ok(late);
  site.gateway.handleDatagram(late, site.world.now);

  assert.deepEqual(verdicts, { gateway: "created", client: "created" });
  assert.deepEqual(milestones(site.client), ["established", "established"]);
  assert.equal(site.gateway.refusals.at(-1), "unknown-index");
  assert.ok(canExchange(site));
});

Deno.test("[p2p 9] [p2p 54] an upsert, a candidate change or a packet ends idleness", () => {
  const line = "candidate:x 1 udp 1 203.0.113.77 9 typ host";
  const wakers: ((site: Site) => void)[] = [
    // On this side alone: the peer's candidates, signalled again, would do it as well.
    ({ client, gateway, world }) =>
      client.node.upsertConnection(
        peerConfig(client, gateway, "initiator"),
        world.now,
      ),
    ({ client, world }) =>
      client.node.addRemoteCandidate("gateway", line, world.now),
    ({ client, world }) =>
      client.node.removeRemoteCandidate("gateway", line, world.now),
    ({ client, world }) => client.send("gateway", packetNumber(1), world.now),
    ({ gateway, world }) => gateway.send("client", packetNumber(1), world.now),
  ];
  for (const wake of wakers) {
    const site = connectedSite();
    site.world.advance(60_000);

    const whileIdle = clientChecksIn(site, 50_000);
    wake(site);
    const whileActive = clientChecksIn(site, 10_000);

    // Four pairs, each checked every 25 s, then every 1.5 s.
    assert.ok(whileIdle <= 12, `${whileIdle} checks while idle`);
    assert.ok(whileActive >= 20, `${whileActive} checks while active`);
  }
});

Deno.test("[p2p 57] both ends are idle 20 s after the last packet, and not before", () => {
  const site = connectedSite();
  site.world.advance(10_000);
  site.client.send("gateway", packetNumber(1), site.world.now);
  const stages = (): (string | undefined)[] =>
    [site.client, site.gateway].map(({ node }) =>
      node.describeConnections(site.world.now)[0]?.stage
    );

  site.world.advance(19_900);
  const early = stages();
  site.world.advance(300);
  const late = stages();

  assert.deepEqual(early, ["connected", "connected"]);
  assert.deepEqual(late, ["idle", "idle"]);
});

Deno.test("the client starts a handshake on reuse, but not within 20 s of the last", () => {
  const site = connectedSite();
  const handshakes = (ms: number): number => {
    const before = site.world.sent.length;
    site.portal.authorize(site.client, site.gateway);
    site.world.advance(ms);
    return site.world.sent.slice(before).filter(({ payload }) =>
      payload.length === 148 && payload[0] === 1
    ).length;
  };

  const tooSoon = handshakes(30_000);
  const lateEnough = handshakes(19_800);
  const againTooSoon = handshakes(400);
  const againLateEnough = handshakes(1_000);

  assert.deepEqual(
    [tooSoon, lateEnough, againTooSoon, againLateEnough],
    [0, 1, 0, 1],
  );
});

function candidatesOf(
  node: SimNode,
  from = 0,
): (NodeEvent & { kind: "candidates" })[] {
  return node.events.slice(from).filter((
    event,
  ): event is NodeEvent & { kind: "candidates" } =>
    event.kind === "candidates"
  );
}

/** Number of checks that the client sends from its own sockets in the next `ms`. */
function clientChecksIn({ world, client }: Site, ms: number): number {
  const before = world.sent.length;
  world.advance(ms);
  return world.sent.slice(before).filter(({ source, payload }) =>
    hasAddress(client, source.ip) && payload[0] === 0 && payload[1] === 1 &&
    payload.length > 60
  ).length;
}
