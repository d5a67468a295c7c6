import assert from "node:assert/strict";
import type { NodeEvent } from "../../lib/connection/mod.ts";
import { encodePathProbe } from "../../lib/wire/mod.ts";
import { peerConfig } from "../sim/sim_portal.ts";
import { ip, type Site } from "../sim/site.ts";
import type { SimNode } from "../sim/sim_node.ts";
import {
  CUT_LINK,
  GOOD_LINK,
  hasAddress,
  type SimDatagram,
} from "../sim/world.ts";
import {
  connectedIcelessSite,
  icelessSite,
  isInitiation,
  isPeerStun,
  isProbe,
} from "./iceless_support.ts";
import {
  canExchange,
  connectedSite,
  milestones,
  packetNumber,
} from "./support.ts";

/** A candidate at which nobody answers. */
const STRANGER = "candidate:x 1 udp 1 203.0.113.77 9 typ host";

Deno.test("without ICE a client and a gateway connect, and soon directly", () => {
  for (const families of [[4], [6], [4, 6]] as const) {
    const site = icelessSite({ families });

    site.portal.authorize(site.client, site.gateway);
    const directMs = site.world.advanceUntil(() => isDirect(site), 10_000);

    assert.ok(directMs !== undefined && directMs <= 400, `${directMs}`);
    assert.ok(canExchange(site));
    assert.ok(!site.world.sent.some(isPeerStun));
  }
});

Deno.test("without ICE a relayed path is found where no direct one works, over one relay or two", () => {
  for (const relays of [1, 2]) {
    for (const seed of [1, 2, 3]) {
      const site = icelessSite({ seed, relays });
      site.world.setLink(site.client, site.gateway, CUT_LINK);

      const tookMs = site.connect();
      site.world.advance(5_000);

      assert.ok(tookMs !== undefined && tookMs <= 300, `${tookMs}`);
      assert.equal(site.client.node.snapshot().routes.PeerToPeer, 0);
      assert.ok(canExchange(site), `${relays} relays, seed ${seed}`);
    }
  }
});

Deno.test("without ICE packets travel as ChannelData where both ends need their relays", () => {
  const site = icelessSite({ relays: 2, seed: 6 });
  cutToRelays(site);

  site.portal.authorize(site.client, site.gateway);
  site.world.advance(3_000);

  assert.equal(site.client.node.snapshot().routes.RelayToRelay, 1);
  assert.equal(site.gateway.node.snapshot().routes.RelayToRelay, 1);
  assert.ok(canExchange(site));
});

Deno.test("without ICE nodes connect through links that lose a fifth of everything and reorder the rest", () => {
  for (let seed = 1; seed <= 21; seed += 2) {
    const site = icelessSite({ seed });
    site.world.setDefaultLink({ latencyMs: 20, jitterMs: 80, loss: 0.2 });
    site.portal.authorize(site.client, site.gateway);

    site.world.advance(15_000);
    for (let i = 0; i < 10; i++) {
      site.client.send("gateway", packetNumber(i), site.world.now);
    }
    site.world.advance(200);

    assert.ok(site.gateway.inbox.length > 0, `seed ${seed}`);
    assert.ok(isDirect(site), `seed ${seed}`);
    assert.ok(!milestones(site.client).includes("failed"));
  }
});

Deno.test("[p2p 68] probes are consumed by both ends and reach no application", () => {
  const site = connectedIcelessSite();

  site.world.advance(120_000);

  assert.ok(site.world.sent.filter(isProbe).length > 20);
  assert.deepEqual(site.client.inbox, []);
  assert.deepEqual(site.gateway.inbox, []);
});

Deno.test("[p2p 68] with ICE a probe is an ordinary packet", () => {
  const site = connectedSite();
  const probe = encodePathProbe(128, 1, 1);

  site.client.send("gateway", probe, site.world.now);
  site.world.advance(50);

  assert.deepEqual(site.gateway.inbox.map(({ packet }) => packet), [probe]);
});

Deno.test("[p2p 67] [p2p 83] a probe is answered at once and on the path it came", () => {
  const site = connectedIcelessSite({ families: [4] });
  const { world, client, gateway } = site;
  world.advance(12_000);
  let probe: SimDatagram | undefined;
  world.dropIf = (sent) => {
    const isToGateway = hasAddress(gateway, sent.destination.ip);
    if (!isToGateway || !isProbe(sent)) return false;
    probe ??= sent;
    return true;
  };
  client.node.addRemoteCandidate("gateway", STRANGER, world.now);
  world.advance(0);
  assert.ok(probe);
  const before = world.sent.length;

  const source = { ip: probe.source.ip, port: 5_000 };
  gateway.handleDatagram({ ...probe, source }, world.now);
  world.advance(0);

  const answers = world.sent.slice(before).filter(isProbe);
  const [answer, probeOfGateway, ...more] = answers;
  assert.ok(answer && probeOfGateway);
  assert.deepEqual(answer.destination, source);
  assert.deepEqual(answer.source, probe.destination);
  assert.deepEqual(probeOfGateway.destination, source);
  assert.deepEqual(more, []);
});

Deno.test("[p2p 70] [p2p 71] a connection at rest sends one probe in 25 s each way, and the answers", () => {
  const site = connectedIcelessSite();
  const { world } = site;
  world.advance(20_000);
  const before = world.sent.length;

  world.advance(250_000);

  const probes = world.sent.slice(before).filter(isProbe);
  assert.equal(probes.length, 2 * 2 * 10);
});

Deno.test("[p2p 81] lost probes fail no connection", () => {
  const site = connectedIcelessSite();
  const { world, client, gateway } = site;
  world.dropIf = isProbe;

  for (let minute = 0; minute < 30; minute++) {
    assert.ok(canExchange(site), `minute ${minute}`);
    world.advance(60_000);
  }

  assert.ok(!milestones(client).includes("failed"));
  assert.ok(!milestones(gateway).includes("failed"));
});

Deno.test("[p2p 82] STUN of a peer is dropped", () => {
  const site = connectedSite();
  let check: Parameters<SimNode["handleDatagram"]>[0] | undefined;
  site.world.dropIf = (sent) => {
    if (isPeerStun(sent) && hasAddress(site.gateway, sent.destination.ip)) {
      check ??= sent;
    }
    return false;
  };
  site.world.advance(5_000);
  assert.ok(check);
  site.portal.useIceless = true;
  site.portal.authorize(site.client, site.gateway);
  site.world.advance(2_000);
  const before = site.world.sent.length;

  site.gateway.handleDatagram(check, site.world.now);
  site.world.advance(0);

  assert.equal(site.gateway.refusals.at(-1), "unknown-username");
  assert.equal(site.world.sent.length, before);
});

Deno.test("[p2p 73] a direct path that breaks is left for the relayed one, and taken again when it heals", () => {
  const site = connectedIcelessSite();
  const { world, client, gateway } = site;
  world.advance(20_000);

  world.setLink(client, gateway, CUT_LINK);
  client.send("gateway", packetNumber(1), world.now);
  gateway.send("client", packetNumber(1), world.now);
  const recoveredMs = world.advanceUntil(() => isRelayed(site), 30_000);
  const isRecovered = recoveredMs !== undefined && canExchange(site);
  world.setLink(client, gateway, GOOD_LINK);
  world.advance(2_000);
  site.portal.authorize(client, gateway);
  world.advance(1_000);

  assert.ok(isRecovered && recoveredMs <= 11_000, `${recoveredMs}`);
  assert.ok(canExchange(site));
  assert.ok(!milestones(client).includes("failed"));
});

Deno.test("packets of applications keep to the last path while no path is known to work", () => {
  const site = connectedIcelessSite({ families: [4] });
  const { world, client } = site;
  world.advance(20_000);
  world.dropIf = isProbe;

  client.node.addRemoteCandidate("gateway", STRANGER, world.now);
  world.advance(100);

  assert.ok(canExchange(site));
  assert.equal(client.node.snapshot().routes.PeerToPeer, 1);
});

Deno.test("[p2p 5] [p2p 7] without ICE credentials do not matter, and reuse signals all candidates and starts no handshake", () => {
  const site = connectedIcelessSite();
  const { world, client, gateway } = site;
  world.advance(30_000);
  const [first] = candidatesOf(gateway);
  const [events, sent] = [gateway.events.length, world.sent.length];
  const config = {
    ...peerConfig(client, gateway, "receiver"),
    localCredentials: { username: "othr", password: "other" },
    useIceless: true,
  };

  const verdict = gateway.node.upsertConnection(config, world.now);
  const verdicts = site.portal.authorize(client, gateway);
  world.advance(1_000);

  assert.equal(verdict, "reused");
  assert.deepEqual(verdicts, { gateway: "reused", client: "reused" });
  assert.deepEqual(candidatesOf(gateway, events)[0], first);
  assert.deepEqual(world.sent.slice(sent).filter(isInitiation), []);
  assert.ok(canExchange(site));
});

Deno.test("[p2p 6] a connection is replaced when the mode or the preshared key differs", () => {
  const site = connectedIcelessSite();
  const { world, client, gateway } = site;
  const config = peerConfig(client, gateway, "receiver");
  const same = { ...config, useIceless: true };
  const changed = [config, { ...same, presharedKey: new Uint8Array(32) }];

  for (const other of changed) {
    assert.equal(gateway.node.upsertConnection(same, world.now), "reused");
    assert.equal(gateway.node.upsertConnection(other, world.now), "created");
    assert.equal(gateway.node.upsertConnection(same, world.now), "created");
  }
});

Deno.test("a pair of nodes changes between the modes with each authorization", () => {
  const site = connectedSite();

  for (const useIceless of [true, false, true]) {
    site.portal.useIceless = useIceless;
    const verdicts = site.portal.authorize(site.client, site.gateway);
    site.world.advance(3_000);

    assert.deepEqual(verdicts, { gateway: "created", client: "created" });
    assert.ok(isDirect(site), `${useIceless}`);
    assert.ok(canExchange(site));
  }
});

Deno.test("[p2p 77] [p2p 79] candidates are signalled and withdrawn without ICE's placeholders, by one and the same line", () => {
  const site = connectedIcelessSite({ families: [4], relays: 2 });
  const { gateway, world, relays } = site;
  const added = candidatesOf(gateway).flatMap(({ added }) => added);
  const line = added.find((line) => line.includes("typ relay"));
  assert.ok(line);
  const used = relays.find(({ addresses: [ip] }) =>
    line.includes(` ${ip?.bytes.join(".")} `)
  );
  assert.ok(used);
  const events = gateway.events.length;

  gateway.node.updateRelays({ removed: [used.name], upserted: [] }, world.now);
  world.advance(1_000);

  assert.match(
    line,
    / 16777215 .* typ relay raddr 203\.0\.113\.2 rport 52625$/,
  );
  assert.ok(added.every((line) => !line.includes("ufrag")));
  const removed = candidatesOf(gateway, events).flatMap(({ removed }) =>
    removed
  );
  assert.deepEqual(removed, [line]);
});

Deno.test("without ICE a connection whose relay goes moves to another, and packets get through all the while", () => {
  const site = icelessSite({ relays: 2, seed: 3 });
  const { world, client, gateway, relays } = site;
  world.setLink(client, gateway, CUT_LINK);
  site.connect();
  world.advance(3_000);

  for (const relay of relays) {
    for (const node of [client, gateway]) {
      node.node.updateRelays(
        { removed: [relay.name], upserted: [] },
        world.now,
      );
    }
    world.advance(1_000);
    const isThrough = canExchange(site);
    site.portal.announceRelays(client, relays);
    site.portal.announceRelays(gateway, relays);
    world.advance(3_000);

    assert.ok(isThrough, relay.name);
    assert.ok(canExchange(site), relay.name);
  }
  assert.ok(!milestones(client).includes("failed"));
});

Deno.test("without ICE a client that moves to another network keeps session and peer, and carries on", () => {
  for (const isCut of [false, true]) {
    const site = icelessSite({ families: [4], relays: 2 });
    const { world, client, gateway } = site;
    if (isCut) world.setLink(client, gateway, CUT_LINK);
    site.connect();
    world.advance(30_000);
    const sent = world.sent.length;

    world.move(client, [ip("203.0.113.60")]);
    const verdict = client.node.reset(new Uint8Array(32).fill(9), world.now);
    const tookMs = world.advanceUntil(() => canExchange(site), 10_000);
    world.advance(5_000);

    assert.equal(verdict, "connections-kept");
    assert.ok(tookMs !== undefined && tookMs <= 1_500, `${tookMs}`);
    assert.ok(canExchange(site));
    assert.deepEqual(world.sent.slice(sent).filter(isInitiation), []);
    assert.equal(isDirect(site), !isCut);
    const removed = candidatesOf(client).flatMap(({ removed }) => removed);
    assert.deepEqual(removed, []);
  }
});

Deno.test("[p2p 10] without ICE a connection without candidates of the peer fails after 10 s", () => {
  const site = icelessSite();
  site.portal.isDown = true;

  site.portal.authorize(site.client, site.gateway);
  site.world.advance(10_010);

  assert.deepEqual(milestones(site.client), ["failed"]);
  assert.deepEqual(milestones(site.gateway), ["failed"]);
});

Deno.test("[p2p 10] a handshake shows where the peer is as well as a candidate does", () => {
  const site = icelessSite();
  const { world, client, gateway } = site;
  site.portal.authorize(client, gateway);
  client.onEvent = () => {}; // What it signals reaches nobody.

  world.advance(30_000);

  assert.equal(gateway.node.connectionCount, 1);
  assert.ok(canExchange(site));
});

Deno.test("[p2p 126] a client that vanishes is forgotten after 540 s without a session or 90 s of handshakes in vain", () => {
  const site = connectedIcelessSite();
  const { world, client, gateway, relays } = site;
  for (const host of [gateway, ...relays]) {
    world.setLink(client, host, CUT_LINK);
  }

  gateway.send("client", packetNumber(1), world.now);
  const tookMs = world.advanceUntil(
    () => milestones(gateway).includes("failed"),
    600_000,
  );

  assert.ok(tookMs !== undefined && tookMs >= 90_000 && tookMs <= 125_000);
});

Deno.test("[p2p 14] a goodbye takes the last path", () => {
  const site = connectedIcelessSite();

  site.gateway.node.stop(site.world.now);
  site.world.advance(50);

  assert.deepEqual(milestones(site.client).at(-1), "goodbye");
});

Deno.test("[p2p 20] a client keeps packets until the session is there", () => {
  const site = icelessSite();
  site.portal.authorize(site.client, site.gateway);

  const verdict = site.client.send("gateway", packetNumber(1), site.world.now);
  site.world.advance(300);

  assert.equal(verdict, "buffered");
  assert.deepEqual(
    site.gateway.inbox.map(({ packet }) => packet),
    [packetNumber(1)],
  );
});

Deno.test("[p2p 15] without ICE data keeps flowing for an hour while the portal is down", () => {
  const site = connectedIcelessSite();

  site.portal.isDown = true;
  for (let minute = 0; minute < 60; minute++) {
    site.world.advance(60_000);
    assert.ok(canExchange(site), `after ${minute} min`);
  }
});

function isDirect({ client, gateway }: Site): boolean {
  return [client, gateway].every(({ node }) =>
    node.snapshot().routes.PeerToPeer === 1
  );
}

function isRelayed({ client, gateway }: Site): boolean {
  return [client, gateway].every(({ node }) =>
    node.snapshot().routes.PeerToPeer === 0
  );
}

/** Leaves each node one relay of its own as the only way out. */
function cutToRelays({ world, portal, client, gateway, relays }: Site): void {
  const [relayA, relayB] = relays;
  if (!relayA || !relayB) throw new Error("Two relays are needed");
  world.setLink(client, gateway, CUT_LINK);
  world.setLink(client, relayB, CUT_LINK);
  world.setLink(gateway, relayA, CUT_LINK);
  client.node.updateRelays({ removed: [relayB.name], upserted: [] }, world.now);
  gateway.node.updateRelays(
    { removed: [relayA.name], upserted: [] },
    world.now,
  );
  portal.announceRelays(client, [relayA]);
  portal.announceRelays(gateway, [relayB]);
  world.advance(1_000);
}

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
