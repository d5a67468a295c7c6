import assert from "node:assert/strict";
import type { NodeEvent, RelaySnapshot } from "../../lib/connection/mod.ts";
import { Site } from "../sim/site.ts";
import type { SimNode } from "../sim/sim_node.ts";
import type { SimRelay } from "../sim/sim_relay.ts";
import { CUT_LINK } from "../sim/world.ts";
import { addressOf } from "../support/datagram.ts";
import { canExchange, connectedSite, milestones } from "./support.ts";

Deno.test("[p2p 106] losing the last relay is reported at once", () => {
  const site = new Site({ relays: 2 });
  site.announceRelays();
  const { node } = site.gateway;

  node.updateRelays({ removed: ["relay-1"], upserted: [] }, site.world.now);
  site.world.advance(0);
  const afterFirst = milestones(site.gateway);
  node.updateRelays({ removed: ["relay-2"], upserted: [] }, site.world.now);
  site.world.advance(0);

  assert.deepEqual(afterFirst, []);
  assert.deepEqual(milestones(site.gateway), ["no-relays"]);
});

Deno.test("[p2p 103] [p2p 106] a last relay that the same message replaces is not reported as lost", () => {
  const site = new Site({ relays: 2 });
  const [first, second] = site.relays;
  assert.ok(first && second);
  const { node } = site.gateway;
  const upserted = [second.configFor("gateway")];
  site.portal.announceRelays(site.gateway, [first]);
  site.world.advance(1_000);

  node.updateRelays({ removed: ["relay-1"], upserted }, site.world.now);
  site.world.advance(1_000);

  assert.deepEqual(milestones(site.gateway), []);
  assert.deepEqual(node.snapshot().relays.map(({ id }) => id), ["relay-2"]);
});

Deno.test("[p2p 106] a relay that does not answer is dropped and, if the last, reported", () => {
  const site = new Site();
  const [relay] = site.relays;
  assert.ok(relay);
  site.world.setLink(site.gateway, relay, CUT_LINK);
  site.portal.announceRelays(site.gateway, site.relays);

  site.world.advance(8_000);
  const early = milestones(site.gateway);
  site.world.advance(500);

  assert.deepEqual(early, []);
  assert.deepEqual(milestones(site.gateway), ["no-relays"]);
  assert.deepEqual(site.gateway.node.snapshot().relays, []);
});

Deno.test("[p2p 104] a relay whose credentials changed is replaced, an unchanged one is left alone", () => {
  const site = new Site();
  site.announceRelays();
  const [relay] = site.relays;
  assert.ok(relay);
  const { node } = site.gateway;
  const same = relay.configFor("gateway");
  const other = relay.configFor("gateway again");

  node.updateRelays({ removed: [], upserted: [same] }, site.world.now);
  const kept = node.snapshot().relays[0]?.roundTripMs;
  node.updateRelays({ removed: [], upserted: [other] }, site.world.now);
  const replaced = node.snapshot().relays[0]?.roundTripMs;
  site.world.advance(1_000);

  assert.equal(kept, 20);
  assert.equal(replaced, null);
  assert.deepEqual(node.snapshot().relays.map(briefly), [
    { id: "relay-1", roundTripMs: 20, state: "allocated" },
  ]);
});

Deno.test("[p2p 104] any one thing that changes about a relay replaces it", () => {
  const site = new Site();
  const [relay] = site.relays;
  assert.ok(relay);
  const { node } = site.gateway;
  const config = relay.configFor("gateway");
  const { ipv4, ipv6, ...rest } = config;
  const changed = [
    { ...config, password: "another" },
    { ...config, username: "2145916800:another" },
    { ...rest, ipv4 },
    { ...rest, ipv6 },
    { ...config, ipv4: addressOf("192.0.2.99:3478") },
  ];

  const roundTrips = changed.map((other) => {
    node.updateRelays({ removed: [], upserted: [config] }, site.world.now);
    site.world.advance(1_000);
    const before = node.snapshot().relays[0]?.roundTripMs;
    node.updateRelays({ removed: [], upserted: [other] }, site.world.now);
    return [before, node.snapshot().relays[0]?.roundTripMs];
  });

  assert.deepEqual(roundTrips, changed.map(() => [20, null]));
});

Deno.test("[p2p 105] a relay that an update does not mention has one second to prove itself", () => {
  const site = new Site({ relays: 2 });
  site.announceRelays();
  const [first, second] = site.relays;
  assert.ok(first && second);
  site.world.setLink(site.gateway, first, CUT_LINK);

  const upserted = [second.configFor("gateway")];
  site.gateway.node.updateRelays({ removed: [], upserted }, site.world.now);
  site.world.advance(1_100);

  const ids = site.gateway.node.snapshot().relays.map(({ id }) => id);
  assert.deepEqual(ids, ["relay-2"]);
});

Deno.test("[p2p 103] [p2p 109] a connection whose relay goes moves to another and tells the peer", () => {
  for (const seed of [1, 3, 5, 7]) {
    const site = new Site({ seed, relays: 2 });
    site.world.setLink(site.client, site.gateway, CUT_LINK);
    site.connect();
    const used = relayUsedBy(site, site.gateway);
    const unused = site.relays.find((relay) => relay !== used);
    assert.ok(used && unused);
    const eventCount = site.gateway.events.length;

    for (const { node } of [site.client, site.gateway]) {
      node.updateRelays(
        { removed: [used.name], upserted: [] },
        site.world.now,
      );
    }
    site.world.advance(3_000);

    const signalled = site.gateway.events.slice(eventCount).filter((
      event,
    ): event is NodeEvent & { kind: "candidates" } =>
      event.kind === "candidates"
    );
    const removed = signalled.flatMap((event) => event.removed);
    const added = signalled.flatMap((event) => event.added);
    assert.ok(removed.length > 0 && removed.every((line) => isOn(used, line)));
    assert.ok(added.length > 0 && added.every((line) => isOn(unused, line)));
    assert.ok(canExchange(site), `seed ${seed}`);
  }
});

Deno.test("a connection stays on its relay, whatever becomes of another", () => {
  for (const seed of [1, 3, 5, 7]) {
    const site = new Site({ seed, relays: 2 });
    site.world.setLink(site.client, site.gateway, CUT_LINK);
    site.connect();
    const used = relayUsedBy(site, site.gateway);
    const other = site.relays.find((relay) => relay !== used);
    assert.ok(used && other);
    const eventCount = site.gateway.events.length;

    for (const salt of ["a", "b", "c"]) {
      const upserted = [used.configFor("gateway"), other.configFor(salt)];
      site.gateway.node.updateRelays({ removed: [], upserted }, site.world.now);
      site.world.advance(1_000);
    }

    const removed = site.gateway.events.slice(eventCount).flatMap((event) =>
      event.kind === "candidates" ? event.removed : []
    );
    assert.deepEqual(removed, []);
    assert.equal(relayUsedBy(site, site.gateway), used);
    assert.ok(canExchange(site), `seed ${seed}`);
  }
});

Deno.test("[p2p 103] a relay that an update removes and adds is there afterwards, made anew", () => {
  const site = connectedSite();
  const { gateway, world, relays } = site;

  const upserted = relays.map((relay) => relay.configFor("gateway"));
  gateway.node.updateRelays({ removed: ["relay-1"], upserted }, world.now);
  const atOnce = gateway.node.snapshot().relays;
  world.advance(1_000);

  assert.deepEqual(atOnce.map(briefly), [
    { id: "relay-1", roundTripMs: null, state: "asking" },
  ]);
  assert.equal(gateway.node.snapshot().relays[0]?.state, "allocated");
  assert.ok(canExchange(site));
});

Deno.test("a connection waits for a relay when there is none, and gets the next one", () => {
  const site = connectedSite();
  const { gateway, world } = site;
  const relay = site.addRelay("relay-9", 109);
  gateway.node.updateRelays({ removed: ["relay-1"], upserted: [] }, world.now);
  world.advance(5_000);
  const eventCount = gateway.events.length;

  const upserted = [relay.configFor("gateway")];
  gateway.node.updateRelays({ removed: [], upserted }, world.now);
  world.advance(1_000);

  const added = gateway.events.slice(eventCount).flatMap((event) =>
    event.kind === "candidates" ? event.added : []
  );
  assert.ok(added.length > 0 && added.every((line) => isOn(relay, line)));
  assert.ok(canExchange(site));
});

Deno.test("[p2p 96] a relay that has forgotten everything is used again after its next refresh", () => {
  const site = new Site({ seed: 3 });
  site.world.setLink(site.client, site.gateway, CUT_LINK);
  site.connect();
  site.relays[0]?.server.stop();

  site.world.advance(400_000);
  const [relay] = site.gateway.node.snapshot().relays;
  site.portal.authorize(site.client, site.gateway, "again");
  site.world.advance(3_000);

  assert.equal(relay?.state, "allocated");
  assert.ok(canExchange(site));
});

Deno.test("[p2p 109] when an allocation dies the peer is told that its addresses are gone", () => {
  const site = connectedSite({ relays: 2 });
  const used = relayUsedBy(site, site.gateway);
  assert.ok(used);
  site.world.setLink(site.gateway, used, CUT_LINK);

  // A check through the relay may put off the BINDING that finds out, 25 s each.
  site.world.advance(90_000);

  const removed = site.gateway.events.flatMap((event) =>
    event.kind === "candidates" ? event.removed : []
  );
  assert.ok(removed.length > 0 && removed.every((line) => isOn(used, line)));
  assert.ok(canExchange(site));
});

/** The relay whose addresses a node has signalled. */
function relayUsedBy(site: Site, node: SimNode): SimRelay | undefined {
  const lines = node.events.flatMap((event) =>
    event.kind === "candidates" ? event.added : []
  ).filter((line) => line.includes("typ relay"));
  return site.relays.find((relay) => lines.every((line) => isOn(relay, line)));
}

/** Whether a candidate line is about an address on this relay. */
function isOn({ addresses }: SimRelay, line: string): boolean {
  const host = addresses[0]?.bytes[3];
  return line.includes(` 203.0.113.${host} `) ||
    line.includes(` 2001:db8::${host} `);
}

function briefly({ id, roundTripMs, state }: RelaySnapshot) {
  return { id, roundTripMs, state };
}
