import assert from "node:assert/strict";
import { instant } from "../../lib/base/mod.ts";
import {
  acknowledged,
  ALICE,
  BOB,
  cidrResource,
  dnsResource,
  EPOCH_SECONDS,
  GatewayHarness,
  internetResource,
} from "../support/gateway_harness.ts";

const HTTPS = [{ protocol: "tcp", start: 443, end: 443 }] as const;
const DAY_MS = 86_400_000;

Deno.test("no access is granted before the first init, but the client is acknowledged", () => {
  const world = new GatewayHarness();

  const ref = world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));

  assert.deepEqual(world.takeRequests(), [acknowledged(ref)]);
  assert.equal(world.sendTo("10.0.0.1"), "unknown-client");
  assert.equal(world.gateway.snapshot().initialized, false);

  world.init();
  assert.equal(world.sendTo("10.0.0.1"), "unknown-client");
});

Deno.test("[portal 62] [dp 31] traffic passes as soon as an authorization is acknowledged", () => {
  const world = GatewayHarness.initialized();

  const ref = world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));

  assert.deepEqual(world.takeRequests(), [acknowledged(ref)]);
  assert.equal(world.sendTo("10.0.0.1"), "forward");
});

Deno.test("[portal 62] each repetition of an authorization is acknowledged with its own ref", () => {
  const world = GatewayHarness.initialized();

  const refs = [1, 2, 3].map(() =>
    world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"))
  );

  assert.deepEqual(world.takeRequests(), refs.map(acknowledged));
  assert.equal(world.gateway.snapshot().authorizations, 1);
});

Deno.test("[dp 33] [portal 72] a repeated authorization replaces filters and expiry, never the address", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), 10);

  world.grant(ALICE, cidrResource("r1", "11.0.0.0/8", [...HTTPS]), 20);

  assert.equal(world.sendTo("11.0.0.1"), "prohibited-destination");
  assert.equal(world.sendTo("10.0.0.1"), "prohibited-by-filter");
  world.advance(19_000);
  assert.equal(world.sendTo("10.0.0.1"), "prohibited-by-filter");
  world.advance(2_000);
  assert.equal(world.sendTo("10.0.0.1"), "unknown-client");
});

Deno.test("[dp 33] an authorization of another kind is acknowledged and renews the known resource", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), 5);

  const ref = world.grant(ALICE, internetResource("r1"), 60);

  assert.deepEqual(world.takeRequests().at(-1), acknowledged(ref));
  assert.deepEqual(world.loud, ["Resource was granted as another kind"]);
  world.advance(10_000);
  assert.equal(world.sendTo("10.0.0.1"), "forward");
  assert.equal(world.sendTo("1.1.1.1"), "prohibited-destination");
});

Deno.test("[dp 34] a client whose tunnel addresses changed starts from nothing", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));

  const moved = { ...ALICE, ipv4: "100.64.9.9" };
  world.grant(moved, cidrResource("r2", "172.16.0.0/12"));

  assert.equal(world.sendTo("10.0.0.1", moved.ipv4), "prohibited-destination");
  assert.equal(world.sendTo("172.16.0.1", moved.ipv4), "forward");
  assert.equal(world.sendTo("172.16.0.1", ALICE.ipv4), "prohibited-source");
  assert.equal(world.replyTo("172.16.0.1", ALICE.ipv4), "no-peer-state");
  assert.equal(world.replyTo("172.16.0.1", moved.ipv4), "sent");
});

Deno.test("of two clients with one address the later one gets the packets", () => {
  const world = GatewayHarness.initialized();
  const twin = { ...BOB, ipv4: ALICE.ipv4 };
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.grant(twin, cidrResource("r1", "10.0.0.0/8"));

  world.replyTo("10.0.0.1", ALICE.ipv4);
  world.reject(ALICE, "r1");
  world.replyTo("10.0.0.1", ALICE.ipv4);

  assert.deepEqual(world.takeSent().map(({ peer }) => peer), [BOB.id, BOB.id]);
});

Deno.test("a client outside the tunnel range is acknowledged but cannot be reached", () => {
  const world = GatewayHarness.initialized();
  const outside = { ...ALICE, ipv4: "100.96.0.1", ipv6: "fd00::1" };

  world.grant(outside, cidrResource("r1", "10.0.0.0/8"));

  assert.equal(world.replyTo("10.0.0.1", outside.ipv4), "not-a-peer");
  assert.equal(world.replyTo("10.0.0.1", "100.64.0.1"), "no-peer-state");
});

Deno.test("a client outside the tunnel range takes no address from one inside", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));

  const outside = { ...BOB, ipv4: "8.64.0.1", ipv6: "2001:db8::1" };
  world.grant(outside, cidrResource("r1", "10.0.0.0/8"));
  world.replyTo("10.0.0.1", ALICE.ipv4);
  world.reject(outside, "r1");
  world.replyTo("10.0.0.1", ALICE.ipv4);

  assert.deepEqual(
    world.takeSent().map(({ peer }) => peer),
    [ALICE.id, ALICE.id],
  );
});

Deno.test("[dp 35] [portal 69] an authorization ends within a second of its expiry, without the portal", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), 30);
  world.grant(ALICE, cidrResource("r2", "11.0.0.0/8"), 60);

  world.advance(29_999);
  assert.equal(world.sendTo("10.0.0.1"), "forward");
  world.advance(1_001);

  assert.equal(world.sendTo("10.0.0.1"), "prohibited-destination");
  assert.equal(world.replyTo("10.0.0.1"), "not-allowed");
  assert.equal(world.sendTo("11.0.0.1"), "forward");
});

Deno.test("[dp 36] [portal 68] a past expiry grants until the next housekeeping run", () => {
  for (const inSeconds of [0, -1, -EPOCH_SECONDS]) {
    const world = GatewayHarness.initialized();
    world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), inSeconds);
    const before = world.sendTo("10.0.0.1");
    world.advance(1_000);

    assert.equal(before, "forward");
    assert.equal(world.sendTo("10.0.0.1"), "unknown-client");
    assert.ok(world.node.calls.includes(`close ${ALICE.id} goodbye`));
  }
});

Deno.test("[dp 37] [portal 68] an authorization without expiry never ends", () => {
  const world = GatewayHarness.initialized();

  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), null);
  world.gateway.handleTimeout(instant(40 * 365 * DAY_MS));

  assert.equal(world.sendTo("10.0.0.1"), "forward");
});

Deno.test("an expiry that no clock can represent falls back to a day", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), Number.MAX_SAFE_INTEGER);

  world.gateway.handleTimeout(instant(DAY_MS - 1));
  const before = world.sendTo("10.0.0.1");
  world.gateway.handleTimeout(instant(DAY_MS + 1_000));

  assert.equal(before, "forward");
  assert.equal(world.sendTo("10.0.0.1"), "unknown-client");
});

Deno.test("[dp 46] a renewed authorization outlives its old expiry", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), 10);
  world.advance(9_000);

  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), 60);
  world.advance(50_000);

  assert.equal(world.sendTo("10.0.0.1"), "forward");
});

Deno.test("[dp 38] [portal 71] a rejected resource is gone at once, and only that one", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.grant(ALICE, cidrResource("r2", "11.0.0.0/8"));
  world.grant(BOB, cidrResource("r1", "10.0.0.0/8"));

  world.reject(ALICE, "r1");

  assert.equal(world.sendTo("10.0.0.1"), "prohibited-destination");
  assert.equal(world.sendTo("11.0.0.1"), "forward");
  assert.equal(world.replyTo("10.0.0.1", BOB.ipv4), "sent");
  assert.ok(!world.node.calls.some((call) => call.startsWith("close")));
});

Deno.test("[portal 71] rejecting an unknown pair does nothing", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.takeEvents();

  world.reject(ALICE, "r2");
  world.reject(BOB, "r1");

  assert.equal(world.sendTo("10.0.0.1"), "forward");
  assert.deepEqual(world.takeEvents(), []);
});

Deno.test("[dp 39] [p2p 14] [portal 71] rejecting the last resource closes the connection with a goodbye", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.takeEvents();

  world.reject(ALICE, "r1");

  assert.equal(world.node.calls.at(-1), `close ${ALICE.id} goodbye`);
  assert.deepEqual(world.takeEvents(), [{
    kind: "connection-closed",
    clientId: ALICE.id,
    reason: "no-authorizations",
  }]);
  assert.equal(world.sendTo("10.0.0.1"), "unknown-client");
  assert.equal(world.replyTo("10.0.0.1"), "no-peer-state");
});

Deno.test("[dp 39] [p2p 14] the expiry of the last resource closes the connection with a goodbye", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), 5);

  world.advance(6_000);

  assert.ok(world.node.calls.includes(`close ${ALICE.id} goodbye`));
  assert.equal(world.gateway.snapshot().clients, 0);
});

Deno.test("[portal 57] [portal 58] [dp 40] init revokes what it does not list, for clients it does not mention too", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.grant(ALICE, cidrResource("r2", "11.0.0.0/8"));
  world.grant(BOB, cidrResource("r1", "10.0.0.0/8"));

  world.init([{ client: ALICE, resource: "r2", inSeconds: 60 }]);

  assert.equal(world.sendTo("10.0.0.1"), "prohibited-destination");
  assert.equal(world.sendTo("11.0.0.1"), "forward");
  assert.equal(world.replyTo("10.0.0.1", BOB.ipv4), "not-allowed");
  assert.equal(world.gateway.snapshot().authorizations, 1);
});

Deno.test("[dp 39] [dp 40] a client that init left without resources is told goodbye within a second", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.init();

  assert.ok(!world.node.calls.some((call) => call.startsWith("close")));
  world.advance(1_000);

  assert.ok(world.node.calls.includes(`close ${ALICE.id} goodbye`));
  assert.equal(world.gateway.snapshot().clients, 0);
});

Deno.test("[portal 59] [dp 41] init moves the expiry of what it lists, both ways, and grants nothing", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), 10);
  world.grant(ALICE, cidrResource("r2", "11.0.0.0/8"), 1_000);

  world.init([
    { client: ALICE, resource: "r1", inSeconds: 100 },
    { client: ALICE, resource: "r2", inSeconds: 20 },
    { client: ALICE, resource: "r3", inSeconds: 100 },
    { client: BOB, resource: "r1", inSeconds: 100 },
  ]);
  world.advance(21_000);

  assert.equal(world.sendTo("10.0.0.1"), "forward");
  assert.equal(world.sendTo("11.0.0.1"), "prohibited-destination");
  assert.equal(world.replyTo("10.0.0.1", BOB.ipv4), "no-peer-state");
  assert.equal(world.gateway.snapshot().authorizations, 1);
});

Deno.test("[dp 42] [portal 72] changed filters hold for the next packet of every client that has the resource", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.grant(BOB, cidrResource("r1", "10.0.0.0/8"));

  world.tell({
    kind: "resource-updated",
    resource: cidrResource("r1", "11.0.0.0/8", [...HTTPS]),
  });

  assert.equal(world.sendTo("10.0.0.1"), "prohibited-by-filter");
  assert.equal(world.replyTo("10.0.0.1", BOB.ipv4), "not-allowed");
  assert.equal(world.sendTo("11.0.0.1"), "prohibited-destination");
});

Deno.test("[portal 72] an update of an unknown resource or to another kind changes nothing", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));

  for (
    const resource of [
      cidrResource("r2", "11.0.0.0/8"),
      internetResource("r1"),
      dnsResource("r1", [...HTTPS]),
    ]
  ) {
    world.tell({ kind: "resource-updated", resource });
  }

  assert.equal(world.sendTo("10.0.0.1"), "forward");
  assert.equal(world.sendTo("11.0.0.1"), "prohibited-destination");
  assert.equal(world.sendTo("1.1.1.1"), "prohibited-destination");
});

Deno.test("DNS resources are acknowledged, counted and expire like others", () => {
  const world = GatewayHarness.initialized();

  const ref = world.grant(ALICE, dnsResource("r1"), 5);

  assert.deepEqual(world.takeRequests(), [acknowledged(ref)]);
  assert.equal(world.gateway.snapshot().authorizations, 1);
  world.advance(6_000);
  assert.equal(world.gateway.snapshot().authorizations, 0);
});

Deno.test("[portal 80] [p2p 12] [dp 43] a failed connection takes no authorization away", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.takeEvents();

  world.node.announce({
    kind: "failed",
    peer: ALICE.id,
    reason: "ice-disconnected",
  });

  assert.deepEqual(world.takeEvents(), [
    {
      kind: "connection-failed",
      clientId: ALICE.id,
      reason: "ice-disconnected",
    },
  ]);
  world.advance(10_000);
  assert.equal(world.sendTo("10.0.0.1"), "forward");
});

Deno.test("[dp 44] [p2p 13] a goodbye drops all state of the client, without a reply", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.takeEvents();

  world.node.announce({ kind: "goodbye", peer: ALICE.id });

  assert.deepEqual(world.takeEvents(), [
    { kind: "connection-closed", clientId: ALICE.id, reason: "goodbye" },
  ]);
  assert.equal(world.sendTo("10.0.0.1"), "unknown-client");
  assert.ok(!world.node.calls.some((call) => call.startsWith("close")));
});

Deno.test("a goodbye from before an authorization does not take the authorization away", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.node.announce({ kind: "goodbye", peer: ALICE.id });

  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.takeEvents();

  assert.equal(world.sendTo("10.0.0.1"), "forward");
});
