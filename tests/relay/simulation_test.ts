import assert from "node:assert/strict";
import type { SocketAddress } from "../../lib/base/mod.ts";
import { SimulatedNetwork, type SimulatedNode } from "./network.ts";

const MINUTE_MS = 60_000;

Deno.test("two nodes talk for an hour through the same relay", () => {
  const network = new SimulatedNetwork({ seed: 1, loss: 0, delayMs: 40 });
  const [alice, bob] = [network.addNode(), network.addNode()];
  network.advance(1_000);
  const alicesPort = relayedOf(alice).port;

  chat(network, alice, bob, 60);

  assert.ok(bob.received.length >= 59, `${bob.received.length} of 60 arrived`);
  assert.ok(alice.received.length >= 59);
  assert.equal(relayedOf(alice).port, alicesPort);
  assert.equal(alice.failures + bob.failures, 0);
  assert.equal(network.relay.snapshot().counters["error-437"], 0);
  assert.equal(network.relay.snapshot().counters["error-400"], 0);
});

for (const seed of [1, 2, 3, 4, 5]) {
  Deno.test(`lossy and reordering links delay relaying but do not end it, seed ${seed}`, () => {
    const network = new SimulatedNetwork({ seed, loss: 0.15, delayMs: 300 });
    const [alice, bob] = [network.addNode(), network.addNode()];
    network.advance(30_000);

    chat(network, alice, bob, 60);

    assert.ok(
      bob.received.length >= 25,
      `${bob.received.length} of 60 arrived`,
    );
    assert.ok(
      alice.received.length >= 25,
      `${alice.received.length} of 60 arrived`,
    );
    assert.equal(network.relay.snapshot().allocations, 2);
  });
}

Deno.test("a node whose NAT gives it another port gets a fresh allocation, and the old one ends", () => {
  const network = new SimulatedNetwork({ seed: 1, loss: 0, delayMs: 20 });
  const alice = network.addNode();
  network.advance(1_000);
  const before = relayedOf(alice);

  alice.address4 = "203.0.113.1:40404";
  network.advance(6 * MINUTE_MS);

  assert.notEqual(relayedOf(alice).port, before.port);
  assert.equal(network.relay.snapshot().allocations, 1);
  assert.equal(alice.failures, 0);
});

Deno.test("a relay that cannot be reached is noticed, and used again once it can be", () => {
  const network = new SimulatedNetwork({ seed: 1, loss: 0, delayMs: 20 });
  const alice = network.addNode();
  network.advance(1_000);

  alice.isCutOff = true;
  network.advance(MINUTE_MS);
  assert.equal(alice.failures, 1);
  assert.equal(alice.allocation.relayed(4), undefined);

  alice.isCutOff = false;
  alice.allocation.refresh(network.now);
  network.advance(10_000);
  assert.ok(relayedOf(alice));
});

/** Lets both nodes send a line to each other every minute, reviving relays that failed as the portal would. */
function chat(
  network: SimulatedNetwork,
  alice: SimulatedNode,
  bob: SimulatedNode,
  minutes: number,
): void {
  for (let minute = 0; minute < minutes; minute++) {
    for (const [from, to] of [[alice, bob], [bob, alice]] as const) {
      if (!from.allocation.activeSocket) from.allocation.refresh(network.now);
      const peer = to.allocation.relayed(4);
      if (!peer) continue;
      network.send(from, peer, "warm-up");
      network.advance(2_000);
      network.send(from, peer, `line ${minute}`);
      network.advance(2_000);
      to.received.splice(0, to.received.length, ...lines(to));
    }
    network.advance(MINUTE_MS - 8_000);
  }
}

function lines(node: SimulatedNode): string[] {
  return node.received.filter((text) => text.includes("line"));
}

function relayedOf(node: SimulatedNode): SocketAddress {
  const address = node.allocation.relayed(4);
  assert.ok(address, "There is no allocation");
  return address;
}
