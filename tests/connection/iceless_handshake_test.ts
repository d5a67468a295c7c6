import assert from "node:assert/strict";
import { equalBytes, formatSocketAddress, toHex } from "../../lib/base/mod.ts";
import { mac1KeyOf, mac1Of } from "../../lib/wireguard/cookie.ts";
import { peerConfig } from "../sim/sim_portal.ts";
import type { Site } from "../sim/site.ts";
import { CUT_LINK, hasAddress, type SimDatagram } from "../sim/world.ts";
import {
  connectedIcelessSite,
  icelessSite,
  isInitiation,
  isResponse,
  messageOf,
} from "./iceless_support.ts";
import { canExchange, milestones, packetNumber } from "./support.ts";

Deno.test("[p2p 64] without ICE the client calls at creation, on every pair with a relay and on no other", () => {
  const site = icelessSite({ families: [4] });
  const { world, client, gateway, relays: [relay] } = site;
  assert.ok(relay);

  site.portal.authorize(client, gateway);
  world.advance(80);

  const initiations = world.sent.filter(isInitiation);
  const first = initiations[0];
  assert.ok(first);
  assert.ok(
    initiations.every((sent) => equalBytes(messageOf(sent), messageOf(first))),
  );
  const fromClient = initiations.filter(({ source }) =>
    hasAddress(client, source.ip)
  );
  assert.ok(fromClient.length > 2);
  assert.ok(
    fromClient.every(({ destination }) => hasAddress(relay, destination.ip)),
  );
});

Deno.test("[p2p 59] [p2p 60] each copy of an initiation gets the same response on its own path, and one session comes of it", () => {
  const site = icelessSite();
  const { world, client, gateway } = site;

  site.portal.authorize(client, gateway);
  world.advance(2_000);

  const arrived = world.sent.filter((sent) =>
    isInitiation(sent) && hasAddress(gateway, sent.destination.ip)
  );
  const answers = world.sent.filter((sent) =>
    isResponse(sent) && hasAddress(gateway, sent.source.ip)
  );
  assert.ok(arrived.length > 1);
  const ways = (sent: SimDatagram, end: "source" | "destination") =>
    formatSocketAddress(sent[end]) + toHex(sent.payload.subarray(0, 2));
  assert.deepEqual(
    answers.map((sent) => ways(sent, "destination")).sort(),
    arrived.map((sent) =>
      ways({
        ...sent,
        payload: sent.payload[0] === 1
          ? Uint8Array.of(2, 0)
          : sent.payload.subarray(0, 2),
      }, "source")
    ).sort(),
  );
  assert.equal(new Set(answers.map((sent) => toHex(messageOf(sent)))).size, 1);
  assert.ok(canExchange(site));
});

Deno.test("[p2p 59] a re-key is answered on the path it came, not on the primary", () => {
  const site = connectedIcelessSite({ families: [4] });
  const { world, client, gateway, relays: [relay] } = site;
  assert.ok(relay);
  const stray = strayInitiation(site);
  world.advance(200);

  const before = world.sent.length;
  gateway.handleDatagram({ ...stray, source: elsewhere(stray) }, world.now);
  world.advance(0);

  const answers = world.sent.slice(before).filter(isResponse);
  assert.deepEqual(answers.map(({ destination }) => destination), [
    elsewhere(stray),
  ]);
  assert.ok(hasAddress(client, stray.source.ip));
});

Deno.test("[p2p 60] a copy within 10 s is answered from memory, later copies are dropped", () => {
  const site = icelessSite({ families: [4] });
  const { world, client, gateway } = site;
  site.portal.authorize(client, gateway);
  world.advance(2_000);
  const copy = world.sent.find((sent) =>
    isInitiation(sent) && hasAddress(gateway, sent.destination.ip)
  );
  assert.ok(copy);
  const answersTo = (datagram: SimDatagram): number => {
    const before = world.sent.length;
    gateway.handleDatagram(datagram, world.now);
    world.advance(0);
    return world.sent.slice(before).filter(isResponse).length;
  };

  const soon = answersTo(copy);
  const refusedSoon = gateway.refusals.length;
  world.advance(10_000);
  const late = answersTo(copy);

  assert.deepEqual([soon, refusedSoon, late], [1, 0, 0]);
  assert.deepEqual(gateway.refusals, ["refused-handshake"]);
  assert.ok(canExchange(site));
});

Deno.test("[p2p 60] what a replaced connection has answered is not answered with its response", () => {
  const site = icelessSite({ families: [4] });
  const { world, client, gateway } = site;
  site.portal.authorize(client, gateway);
  world.advance(2_000);
  const copy = world.sent.find((sent) =>
    isInitiation(sent) && hasAddress(gateway, sent.destination.ip)
  );
  assert.ok(copy);
  gateway.node.upsertConnection({
    ...peerConfig(client, gateway, "receiver", "again"),
    useIceless: true,
  }, world.now);
  const before = world.sent.length;

  gateway.handleDatagram(copy, world.now);
  world.advance(0);

  const former = world.sent.slice(0, before).filter(isResponse).map(messageOf);
  const answers = world.sent.slice(before).filter(isResponse).map(messageOf);
  assert.equal(answers.length, 1);
  assert.ok(former.every((message) => toHex(message) !== toHex(answers[0]!)));
});

Deno.test("[p2p 59] a response takes the way back even if other messages of the tunnel wait to be sent", () => {
  const site = connectedIcelessSite({ families: [4] });
  const { world, client, gateway } = site;
  const fromClient = strayInitiation(site);
  const fromGateway = world.sent.findLast((sent) =>
    isInitiation(sent) && hasAddress(gateway, sent.source.ip)
  );
  assert.ok(fromGateway);
  let response: SimDatagram | undefined;
  world.dropIf = (sent) => {
    if (isResponse(sent)) response ??= sent;
    return true;
  };
  gateway.handleDatagram(fromClient, world.now);
  world.advance(0);
  assert.ok(response);
  const before = world.sent.length;

  client.handleDatagram(response, world.now);
  const source = elsewhere(fromGateway);
  client.handleDatagram({ ...fromGateway, source }, world.now);
  world.advance(0);

  const [answer] = world.sent.slice(before).filter(isResponse);
  assert.deepEqual(answer?.destination, source);
});

Deno.test("[p2p 61] an initiation that fails authentication changes nothing", () => {
  const site = connectedIcelessSite({ families: [4] });
  const { world, gateway } = site;
  const stray = strayInitiation(site);
  const snapshot = gateway.node.snapshot();

  const wrongKey = forgery(site, stray, 60);
  const wrongTimestamp = forgery(site, stray, 100);
  const wrongMac = { ...stray, payload: stray.payload.with(120, 0) };
  for (const sent of [wrongKey, wrongTimestamp, wrongMac]) {
    const before = world.sent.length;
    gateway.handleDatagram({ ...sent, source: elsewhere(stray) }, world.now);
    world.advance(0);
    assert.equal(world.sent.length, before);
  }

  assert.deepEqual(gateway.node.snapshot().routes, snapshot.routes);
  assert.deepEqual(gateway.refusals, [
    "unopenable-initiation",
    "refused-handshake",
    "wrong-mac1",
  ]);
  assert.ok(canExchange(site));
});

Deno.test("[p2p 61] under load an initiation is answered with a cookie on its path, and copies of an accepted one are not counted", () => {
  const site = icelessSite({ families: [4] });
  const { world, client, gateway } = site;
  site.portal.authorize(client, gateway);
  world.advance(150);
  const copy = world.sent.find((sent) =>
    isInitiation(sent) && hasAddress(gateway, sent.destination.ip)
  );
  assert.ok(copy);
  for (let i = 0; i < 300; i++) gateway.handleDatagram(copy, world.now);
  const refusedCopies = gateway.refusals.length;
  const stray = strayInitiation(site);
  const before = world.sent.length;

  for (let i = 0; i < 101; i++) {
    gateway.handleDatagram(forgery(site, stray, 88 + i % 28, 1 + i), world.now);
  }
  gateway.handleDatagram({ ...stray, source: elsewhere(stray) }, world.now);
  world.advance(0);

  assert.equal(refusedCopies, 0);
  assert.equal(gateway.refusals.at(-1), "cookie-required");
  const cookies = world.sent.slice(before).filter(({ payload }) =>
    payload.length === 64 && payload[0] === 3
  );
  assert.deepEqual(cookies.at(-1)?.destination, elsewhere(stray));
});

Deno.test("[p2p 66] once there is a session re-keys take the primary alone", () => {
  const site = connectedIcelessSite();
  const { world, client, gateway } = site;
  const before = world.sent.length;

  for (let i = 0; i < 13; i++) {
    client.send("gateway", packetNumber(i), world.now);
    world.advance(10_000);
  }

  const initiations = world.sent.slice(before).filter(isInitiation);
  assert.equal(initiations.length, 1);
  assert.ok(hasAddress(gateway, initiations[0]!.destination.ip));
  assert.ok(canExchange(site));
});

Deno.test("[p2p 80] an unanswered initiation is repeated after 2 s, and the connection expires after 90 s", () => {
  const site = connectedIcelessSite({ families: [4] });
  const { world, client, gateway, relays } = site;
  world.advance(12_000);
  for (const host of [gateway, ...relays]) {
    world.setLink(client, host, CUT_LINK);
  }
  const before = world.sent.length;
  const initiations = () => world.sent.slice(before).filter(isInitiation);
  client.send("gateway", packetNumber(1), world.now);

  const firstMs = world.advanceUntil(() => initiations().length > 0, 10_000);
  world.advance(2_400);
  const soon = initiations().length;
  const endMs = world.advanceUntil(
    () => milestones(client).includes("failed"),
    120_000,
  );

  assert.ok(firstMs !== undefined && firstMs >= 7_000 && firstMs <= 7_400);
  assert.equal(soon, 2);
  assert.ok(endMs !== undefined && Math.abs(endMs + 2_400 - 90_000) < 20);
});

Deno.test("[p2p 80] what is received without an answer of an application is acknowledged after 5 s", () => {
  const site = connectedIcelessSite({ families: [4] });
  const { world, client, gateway } = site;
  world.advance(12_000);
  client.send("gateway", packetNumber(1), world.now);
  const before = world.sent.length;
  const keepalive = ({ source, payload }: SimDatagram) =>
    payload.length === 32 && hasAddress(gateway, source.ip);

  world.advance(4_900);
  const early = world.sent.slice(before).filter(keepalive).length;
  world.advance(200);

  assert.equal(early, 0);
  assert.equal(world.sent.slice(before).filter(keepalive).length, 1);
});

Deno.test("[p2p 83] the response leaves in the same instant in which the initiation arrives", () => {
  const site = icelessSite({ families: [4] });
  const { world, client, gateway } = site;
  let arrivedAt = NaN;
  let answeredAt = NaN;
  world.dropIf = (sent) => {
    if (isInitiation(sent) && hasAddress(gateway, sent.destination.ip)) {
      arrivedAt = Math.min(arrivedAt || Infinity, world.now + 10);
    }
    if (isResponse(sent) && hasAddress(gateway, sent.source.ip)) {
      answeredAt = Math.min(answeredAt || Infinity, world.now);
    }
    return false;
  };

  site.portal.authorize(client, gateway);
  world.advance(1_000);

  assert.equal(answeredAt, arrivedAt);
});

/** Cuts the network until the client starts a re-key, whose initiation never arrives, and returns that. */
function strayInitiation({ world, client, gateway }: Site): SimDatagram {
  let stray: SimDatagram | undefined;
  world.dropIf = (sent) => {
    const isFromClient = hasAddress(client, sent.source.ip);
    const isToGateway = hasAddress(gateway, sent.destination.ip);
    if (isFromClient && isToGateway && isInitiation(sent)) stray ??= sent;
    return true;
  };
  client.send("gateway", packetNumber(1), world.now);
  world.advanceUntil(() => stray !== undefined, 200_000);
  world.dropIf = () => false;
  if (!stray) throw new Error("The client started no handshake");
  return stray;
}

/** Another port at the same address. */
function elsewhere({ source }: SimDatagram): SimDatagram["source"] {
  return { ip: source.ip, port: 4_000 };
}

/** Changes a byte of an initiation to the gateway, and makes its mac1 right again. */
function forgery(
  { gateway }: Site,
  initiation: SimDatagram,
  at: number,
  change = 1,
): SimDatagram {
  const payload = initiation.payload.slice();
  payload[at]! ^= change;
  const key = mac1KeyOf(gateway.node.publicKey);
  payload.set(mac1Of(key, payload), 116);
  return { ...initiation, payload };
}
