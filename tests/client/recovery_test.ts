import assert from "node:assert/strict";
import type { ClientRequest } from "../../lib/portal/mod.ts";
import { tcpPacket } from "../support/ip_packet.ts";
import { cidr, Harness, OWN_V4 } from "./harness.ts";

const NET = cidr("net", "10.20.0.0/16");
const OTHER = cidr("other", "10.30.0.0/16");
const ASK: ClientRequest = {
  kind: "request-authorization",
  resourceId: "net",
  connectedGatewayIds: [],
};
const FRESH_KEY = new Uint8Array(32).fill(9);

/** How long a route counts as in use. */
const IN_USE_MS = 60_000;

Deno.test("a connection that fails in the middle of a download is asked for at once, without a packet", () => {
  const h = inUse();

  h.node.announce({
    kind: "failed",
    peer: "gw-1",
    reason: "ice-disconnected",
  });
  h.requests();
  h.advance(0);

  assert.deepEqual(h.requests(), [ASK]);
});

Deno.test("a goodbye in the middle of a download leads to another request, without a packet", () => {
  const h = inUse();

  h.node.announce({ kind: "goodbye", peer: "gw-1" });
  h.requests();
  h.advance(0);

  assert.deepEqual(h.requests(), [ASK]);
});

Deno.test("a connection that nobody uses is not asked for before the next packet", () => {
  const h = inUse();
  h.advance(IN_USE_MS + 1);

  h.node.announce({
    kind: "failed",
    peer: "gw-1",
    reason: "wireguard-expired",
  });
  h.requests();
  h.advance(0);
  assert.deepEqual(h.requests(), []);

  assert.equal(h.send(toNet()), "waiting");
  assert.deepEqual(h.requests(), [ASK]);
});

Deno.test("while the site is offline a route in use asks every 2 s, until nobody uses it", () => {
  const h = inUse();
  h.node.announce({ kind: "goodbye", peer: "gw-1" });
  h.requests();
  h.advance(0);
  let asked = h.requests().length;

  for (let ms = 0; ms < 3 * IN_USE_MS; ms += 2_000) {
    refuse(h, "offline");
    h.advance(2_000);
    asked += h.requests().length;
  }

  assert.ok(asked >= 25 && asked <= 31, `asked ${asked} times`);
});

Deno.test("a route that policy forbids is not asked for without a packet", () => {
  const h = inUse();
  h.node.announce({ kind: "goodbye", peer: "gw-1" });
  h.requests();
  h.advance(0);
  h.requests();

  refuse(h, "forbidden");
  h.advance(10_000);

  assert.deepEqual(h.requests(), []);
});

Deno.test("a changed network rebinds the sockets, then connects to the portal with the node's key", () => {
  const h = inUse();

  h.client.handleMessage({
    kind: "network-changed",
    staticPrivateKey: FRESH_KEY,
  }, h.now);

  assert.ok(h.node.calls.includes("reset"));
  assert.deepEqual(h.events(), [
    { kind: "rebind-sockets" },
    { kind: "reconnect-portal", publicKey: FRESH_KEY },
  ]);
});

Deno.test("after a changed network nothing counts that the portal says about the former key", () => {
  const h = inUse();
  h.client.handleMessage({
    kind: "network-changed",
    staticPrivateKey: FRESH_KEY,
  }, h.now);
  const peersBefore = h.node.peers.length;

  h.grant("net");
  assert.equal(h.node.peers.length, peersBefore);

  h.advance(0);
  h.requests();
  h.init(NET, OTHER);
  assert.deepEqual(h.requests(), [ASK]);
  h.grant("net");
  assert.equal(h.node.peers.length, peersBefore + 1);
  assert.equal(h.send(toNet()), "sent");
});

/** A client with access to a network, which it has just used. */
function inUse(): Harness {
  const h = new Harness();
  h.init(NET, OTHER);
  h.send(toNet());
  h.grant("net");
  assert.equal(h.send(toNet()), "sent");
  h.events();
  return h;
}

function toNet(): Uint8Array {
  return tcpPacket({
    source: OWN_V4,
    destination: "10.20.0.1",
    sourcePort: 4_000,
    destinationPort: 80,
  });
}

function refuse(h: Harness, reason: "offline" | "forbidden"): void {
  h.message({
    kind: "authorization-creation-failed",
    resourceId: "net",
    reason,
  });
  h.events();
}
