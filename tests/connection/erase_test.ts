import assert from "node:assert/strict";
import type { RandomSource } from "../../lib/base/mod.ts";
import { Site } from "../sim/site.ts";
import { SimNode } from "../sim/sim_node.ts";
import { CUT_LINK } from "../sim/world.ts";
import { addressOf } from "../support/datagram.ts";
import { milestones, packetNumber } from "./support.ts";

/*
 * How keys are overwritten is tested with the tunnel. Here it is told by the
 * private ephemeral key of an initiation that is under way, that a connection
 * takes its keys along, whichever way it ends.
 */
for (
  const [end, act] of [
    ["closed", close],
    ["replaced", replace],
    ["given up", giveUp],
  ] as const
) {
  Deno.test(`a connection that is ${end} leaves no key behind`, () => {
    const { site, client, draws } = siteOfLoggedClient();
    const { world, gateway } = site;
    site.portal.authorize(client, gateway);
    world.advance(3_000);
    assert.deepEqual(milestones(client), ["established"]);
    draws.keys.length = 0;
    for (const host of [gateway, ...site.relays]) {
      world.setLink(client, host, CUT_LINK);
    }
    // Data that stays unanswered for 15 s makes the tunnel renew its keys.
    client.send("gateway", packetNumber(1), world.now);
    world.advanceUntil(() => draws.keys.some(isSecret), 17_000);
    const underWay = draws.keys.filter(isSecret).length;

    act(site, client);

    assert.ok(underWay > 0);
    assert.equal(draws.keys.filter(isSecret).length, 0);
  });
}

function close({ world }: Site, client: SimNode): void {
  client.node.closeConnection("gateway", { goodbye: false }, world.now);
}

function replace({ portal, gateway }: Site, client: SimNode): void {
  portal.authorize(client, gateway, "other");
}

/** Time does it: the peer is cut off. */
function giveUp({ world }: Site, client: SimNode): void {
  world.advance(60_000);
  assert.equal(client.node.connectionCount, 0);
}

function siteOfLoggedClient() {
  const site = new Site();
  const { world } = site;
  const draws = new DrawLog(world.random);
  const addresses = [addressOf("203.0.113.9:1").ip];
  const client = world.add(
    new SimNode({
      name: "logged",
      role: "controlling",
      addresses,
      random: draws,
      now: world.now,
    }),
  );
  site.portal.announceRelays(client, site.relays);
  site.portal.announceRelays(site.gateway, site.relays);
  world.advance(1_000);
  return { site, client, draws };
}

/** Remembers the very arrays that were filled with private keys. */
class DrawLog implements RandomSource {
  readonly keys: Uint8Array[] = [];
  readonly #random: RandomSource;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  fill(bytes: Uint8Array): void {
    this.#random.fill(bytes);
    if (bytes.length === 32) this.keys.push(bytes);
  }
}

function isSecret(bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte !== 0);
}
