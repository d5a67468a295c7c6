import assert from "node:assert/strict";
import { canExchange, connectedSite } from "./support.ts";
import { isEstablished, type Site } from "../sim/site.ts";

/** Our own limit, per peer. */
const MOST_ADDRESSES = 64;

Deno.test("a peer that names ever more addresses gets no more than 64 channels of the relay", () => {
  const site = connectedSite({ families: [4] });
  const { world, gateway } = site;
  const before = channelsOf(site);

  for (let batch = 0; batch < 60; batch++) {
    nameAddresses(site, batch * 20, 20);
    world.advance(1_000);
  }

  assert.ok(channelsOf(site) - before <= MOST_ADDRESSES);
  assert.ok(channelsOf(site) >= MOST_ADDRESSES);
  assert.ok(gateway.node.snapshot().inputs["too-many-channels"] >= 1_000);
  assert.ok(canExchange(site));
});

Deno.test("another peer gets its channels all the same", () => {
  const site = connectedSite({ families: [4] });
  const { world, gateway, relays } = site;
  nameAddresses(site, 0, 200);
  world.advance(1_000);

  const second = site.addNode("second", "controlling", 3);
  site.portal.announceRelays(second, relays);
  world.advance(1_000);
  world.dropIf = ({ source, destination }) =>
    [source, destination].some(({ ip }) => ip.bytes[3] === 3) &&
    [source, destination].some(({ ip }) => ip.bytes[3] === 2);
  site.portal.authorize(second, gateway);
  world.advance(5_000);

  assert.equal(gateway.node.snapshot().routes.PeerToPeer, 1);
  assert.ok(isEstablished(second));
});

Deno.test("addresses that were given up make room after a quarter of an hour", () => {
  const site = connectedSite({ families: [4] });
  const { world, gateway } = site;
  nameAddresses(site, 0, 100);
  world.advance(1_000);
  const refused = refusedBy(site);
  for (let i = 0; i < 100; i++) {
    gateway.node.removeRemoteCandidate("client", lineOf(i), world.now);
  }

  world.advance(901_000);
  const before = refusedBy(site);
  nameAddresses(site, 200, 40);
  world.advance(1_000);

  assert.ok(refused > 0);
  assert.equal(refusedBy(site), before);
});

function nameAddresses(
  { gateway, world }: Site,
  first: number,
  count: number,
): void {
  for (let i = first; i < first + count; i++) {
    gateway.node.addRemoteCandidate("client", lineOf(i), world.now);
  }
}

function lineOf(number: number): string {
  return `candidate:x 1 udp 1 198.51.100.7 ${1_000 + number} ` +
    "typ srflx raddr 0.0.0.0 rport 0";
}

function channelsOf({ relays: [relay] }: Site): number {
  return relay!.server.snapshot().channels;
}

function refusedBy({ gateway }: Site): number {
  return gateway.node.snapshot().inputs["too-many-channels"];
}
