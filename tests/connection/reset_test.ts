import assert from "node:assert/strict";
import { ip, isEstablished, Site } from "../sim/site.ts";
import { CUT_LINK } from "../sim/world.ts";
import { canExchange, connectedSite, milestones } from "./support.ts";

const FRESH_KEY = new Uint8Array(32).fill(9);

Deno.test("a reset drops connections without a word, takes the new key and asks all relays anew", () => {
  const site = connectedSite();
  const { client, gateway, world } = site;
  const keyBefore = client.node.publicKey;
  const toldBefore = milestones(client);

  client.node.reset(FRESH_KEY, world.now);
  world.advance(1_000);

  assert.equal(client.node.connectionCount, 0);
  assert.notDeepEqual(client.node.publicKey, keyBefore);
  assert.deepEqual(milestones(client), toldBefore);
  assert.equal(gateway.node.connectionCount, 1);
  assert.equal(client.node.snapshot().relays[0]?.state, "allocated");
});

Deno.test("a reset without connections keeps the key", () => {
  const site = new Site();
  site.announceRelays();
  const keyBefore = site.client.node.publicKey;

  site.client.node.reset(FRESH_KEY, site.world.now);

  assert.deepEqual(site.client.node.publicKey, keyBefore);
});

Deno.test("[p2p 6] a client that moved and started over replaces its connection at the gateway", () => {
  const site = connectedSite();
  const { client, world } = site;
  world.move(client, [ip("203.0.113.77"), ip("2001:db8::77")]);

  client.node.reset(FRESH_KEY, world.now);
  site.portal.announceRelays(client, site.relays);
  world.advance(500);
  const verdicts = site.portal.authorize(client, site.gateway, "new key");
  world.advance(2_000);

  assert.deepEqual(verdicts, { gateway: "created", client: "created" });
  assert.ok(canExchange(site));
});

Deno.test("[p2p 96] a gateway that moved has its new addresses and a new allocation at once", () => {
  const site = connectedSite();
  const { gateway, world } = site;
  const eventCount = gateway.events.length;
  world.move(gateway, [ip("203.0.113.88"), ip("2001:db8::88")]);

  gateway.node.verifyRelays(world.now);
  world.advance(1_000);

  const signalled = gateway.events.slice(eventCount).flatMap((event) =>
    event.kind === "candidates" ? [event] : []
  );
  const added = signalled.flatMap((event) => event.added).join("\n");
  const removed = signalled.flatMap((event) => event.removed);
  assert.match(added, / 203\.0\.113\.88 52625 typ host/);
  assert.match(added, / typ relay/);
  assert.ok(removed.length > 0);
  assert.ok(removed.every((line) => line.includes("typ relay")));
});

Deno.test("candidates that the portal lost with a restart are signalled again before the client gives up", () => {
  const site = new Site();
  const { client, gateway, world, portal } = site;
  // As behind symmetric NAT: neither reaches more of the world than the relay itself.
  world.setLink(client, gateway, CUT_LINK);
  world.dropIf = ({ source, destination }) =>
    ![source.port, destination.port].includes(3478) &&
    !source.ip.bytes.every((byte, i) => byte === destination.ip.bytes[i]);
  site.connect();
  const [relay] = site.relays;
  assert.ok(relay);

  relay.server.stop();
  portal.isDown = true;
  for (const { node, name } of [client, gateway]) {
    const config = { ...relay.configFor(`${name} again`), id: "relay-1b" };
    node.updateRelays({ removed: [], upserted: [config] }, world.now);
  }
  world.advance(1_000);
  portal.isDown = false;
  assert.ok(!canExchange(site));
  world.advance(4_000);

  assert.ok(canExchange(site));
});

Deno.test("candidates of a direct path are not signalled again", () => {
  const site = connectedSite();
  const { gateway, world } = site;
  world.advance(15_000);
  site.portal.announceRelays(gateway, site.relays);
  const eventCount = gateway.events.length;

  world.advance(15_000);

  assert.equal(gateway.events.length, eventCount);
});

Deno.test("verifying relays that are as they were changes nothing", () => {
  const site = connectedSite();
  const { gateway, world } = site;
  const eventCount = gateway.events.length;

  gateway.node.verifyRelays(world.now);
  world.advance(1_000);

  assert.equal(gateway.events.length, eventCount);
  assert.ok(canExchange(site));
});

Deno.test("a relay that comes back under another id at the same address takes the former one's place at once", () => {
  const site = new Site();
  site.world.setLink(site.client, site.gateway, CUT_LINK);
  site.connect();
  const [relay] = site.relays;
  assert.ok(relay && isEstablished(site.gateway));

  relay.server.stop();
  for (const { node, name } of [site.client, site.gateway]) {
    const config = { ...relay.configFor(`${name} again`), id: "relay-1b" };
    node.updateRelays({ removed: [], upserted: [config] }, site.world.now);
  }
  site.world.advance(100);
  const ids = site.gateway.node.snapshot().relays.map(({ id }) => id);
  site.world.advance(900);

  assert.deepEqual(ids, ["relay-1b"]);
  assert.ok(!milestones(site.gateway).includes("no-relays"));
  assert.ok(canExchange(site));
});
