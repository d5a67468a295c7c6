import assert from "node:assert/strict";
import { instant } from "../../lib/base/mod.ts";
import { blake2s, blake2sMac } from "../../lib/crypto/mod.ts";
import { Site } from "../sim/site.ts";
import { CUT_LINK, hasAddress, type SimDatagram } from "../sim/world.ts";
import { addressOf } from "../support/datagram.ts";
import { connectedSite, milestones } from "./support.ts";

/** Twice the rate above which a node asks for cookies, p2p spec §5.8. */
const FLOOD_PER_SECOND = 200;

for (const path of ["direct", "relayed"] as const) {
  Deno.test(`[p2p 125] under a flood of initiations an established peer renews its keys, ${path}`, () => {
    const site = new Site();
    const { world, client, gateway } = site;
    if (path === "relayed") world.setLink(client, gateway, CUT_LINK);
    assert.ok(site.connect() !== undefined);

    for (let second = 0; second < 200; second++) {
      const isFlooded = second > 100 && second < 150;
      if (isFlooded) world.schedule(second * 1_000, () => flood(site));
      world.schedule(second * 1_000 + 500, () => send(site));
    }
    world.advance(150_000);
    const whileFlooded = responsesOf(site);
    world.advance(51_000);

    const { datagrams, routes } = gateway.node.snapshot();
    assert.ok(datagrams["cookie-required"] > 40 * 100);
    assert.equal(whileFlooded, 2);
    assert.equal(routes.PeerToPeer, path === "direct" ? 1 : 0);
    assert.ok(!milestones(client).includes("failed"));
    assert.ok(!milestones(gateway).includes("failed"));
    assert.ok(client.inbox.length >= 199, `${client.inbox.length} of 200`);
    assert.ok(gateway.inbox.length >= 199, `${gateway.inbox.length} of 200`);
  });
}

Deno.test("[p2p 125] the limit on handshakes is one for the node, not one for each source", () => {
  const site = connectedSite();
  site.world.advance(2_000);

  flood(site);

  const { datagrams } = site.gateway.node.snapshot();
  // Each comes from an address of its own, and cookies are needed from the 101st on.
  assert.equal(datagrams["cookie-required"], FLOOD_PER_SECOND - 100);
  assert.equal(datagrams["unopenable-initiation"], 100);
});

/** A second's worth of initiations that pass mac1, from as many addresses: all arrive at the start of the gateway's window. */
function flood({ gateway, world }: Site): void {
  for (let i = 0; i < FLOOD_PER_SECOND; i++) {
    gateway.handleDatagram(
      forgedInitiation(gateway.node.publicKey, i),
      instant(world.now),
    );
  }
}

function send({ client, gateway, world }: Site): void {
  const packet = new Uint8Array(28);
  packet.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 253]);
  client.send("gateway", packet, world.now);
  gateway.send("client", packet, world.now);
}

/** What anybody can make who knows the gateway's public key, whitepaper §5.4.4. */
function forgedInitiation(publicKey: Uint8Array, number: number): SimDatagram {
  const payload = new Uint8Array(148);
  payload[0] = 1;
  payload[4] = number;
  // A public key of small order would be refused before the key agreement.
  payload[8] = 9;
  const mac1Key = blake2s(new TextEncoder().encode("mac1----"), publicKey);
  payload.set(blake2sMac(mac1Key, 16, payload.subarray(0, 116)), 116);
  return {
    source: addressOf(`198.18.${number >> 8}.${number & 0xff}:4000`),
    destination: addressOf("203.0.113.2:52625"),
    payload,
    ecn: 0,
    isPinned: false,
  };
}

/** How many handshake responses the gateway sent, to the client or to its relay. */
function responsesOf({ world, gateway }: Site): number {
  return world.sent.filter(({ source, payload }) => {
    const at = payload[0] === 0x40 ? 4 : 0;
    return hasAddress(gateway, source.ip) && payload[at] === 2 &&
      payload.length - at === 92;
  }).length;
}
