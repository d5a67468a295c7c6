import assert from "node:assert/strict";
import {
  Arena,
  formatCidr,
  formatIp,
  instant,
  NO_LOG,
  unixMs,
} from "../../lib/base/mod.ts";
import { Node } from "../../lib/connection/mod.ts";
import { PacketCipher } from "../../lib/crypto/mod.ts";
import { Gateway } from "../../lib/gateway/mod.ts";
import type { GatewayInit } from "../../lib/portal/mod.ts";
import { addressOf } from "../support/datagram.ts";
import {
  acknowledged,
  ALICE,
  BOB,
  cidrResource,
  GatewayHarness,
  ipOf,
} from "../support/gateway_harness.ts";
import { SeededRandom } from "../support/random.ts";

Deno.test("a snapshot shows the state of the gateway and of its node", () => {
  const world = new GatewayHarness();
  const before = world.gateway.snapshot();

  world.init();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.grant(ALICE, cidrResource("r2", "11.0.0.0/8"));
  world.grant(BOB, cidrResource("r1", "10.0.0.0/8"));
  const after = world.gateway.snapshot();

  assert.deepEqual(
    [before.initialized, before.clients, before.authorizations],
    [false, 0, 0],
  );
  assert.deepEqual(
    [after.initialized, after.clients, after.authorizations],
    [true, 2, 3],
  );
  assert.equal(after.node.connections, 3);
  assert.equal(after.lostEvents, 0);
});

Deno.test("[portal 63] [p2p 3] the acknowledgement precedes the candidates for that client", () => {
  const world = GatewayHarness.initialized();
  world.node.localCandidates = ["candidate:1", "candidate:2"];

  const ref = world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));

  assert.deepEqual(world.takeRequests(), [
    acknowledged(ref),
    {
      kind: "broadcast-ice-candidates",
      clientId: ALICE.id,
      candidates: ["candidate:1", "candidate:2"],
    },
  ]);
});

Deno.test("[portal 64] [p2p 4] [dp 32] without a relay the portal is asked for some and nothing is acknowledged or granted", () => {
  const world = GatewayHarness.initialized();
  world.node.upsertOutcome = "no-relays";

  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.grant(ALICE, cidrResource("r2", "10.0.0.0/8"));

  assert.deepEqual(world.takeRequests(), [{ kind: "no-relays" }]);
  assert.equal(world.gateway.snapshot().clients, 0);
});

Deno.test("losing the last relay asks the portal for relays, once at a time", () => {
  const world = GatewayHarness.initialized();

  world.node.announce({ kind: "no-relays" });
  world.node.announce({ kind: "no-relays" });
  const first = world.takeRequests();
  world.node.announce({ kind: "no-relays" });
  const second = world.takeRequests();

  assert.deepEqual(first, [{ kind: "no-relays" }]);
  assert.deepEqual(second, [{ kind: "no-relays" }]);
});

Deno.test("[portal 67] the portal's choice between the two connection modes reaches the node", () => {
  const world = GatewayHarness.initialized();

  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.useIceless = true;
  world.grant(ALICE, cidrResource("r2", "10.1.0.0/16"));

  const modes = world.node.peers.map(({ useIceless }) => useIceless);
  assert.deepEqual(modes, [false, true]);
});

Deno.test("[portal 65] a connection gets the client's keys and credentials the right way round", () => {
  const world = GatewayHarness.initialized();

  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));

  assert.deepEqual(world.node.peers, [{
    id: ALICE.id,
    publicKey: new Uint8Array(32).fill(1),
    presharedKey: new Uint8Array(32).fill(2),
    localCredentials: { username: "gw", password: "gw-secret" },
    remoteCredentials: { username: "client", password: "client-secret" },
    useIceless: false,
  }]);
});

Deno.test("[portal 60] init adds relays and removes none", () => {
  const world = new GatewayHarness();

  world.tell(initWith([relay("relay-1"), relay("relay-2")]));

  assert.deepEqual(world.node.calls, ["relays - +relay-1,relay-2"]);
});

Deno.test("[dp 16] [dp 19] every init configures the interface with both addresses and both tunnel ranges", () => {
  const world = new GatewayHarness();

  for (const ipv4 of ["100.70.0.1", "100.70.0.2"]) {
    world.init([], { ipv4, ipv6: "fd00:2021:1111::a:1" });

    const [event] = world.takeEvents();
    assert.ok(event?.kind === "configure-interface");
    assert.equal(formatIp(event.ipv4), ipv4);
    assert.equal(formatIp(event.ipv6), "fd00:2021:1111::a:1");
    assert.deepEqual(event.routes.map(formatCidr), [
      "100.64.0.0/11",
      "fd00:2021:1111::/107",
    ]);
  }
});

Deno.test("a later init with other addresses moves the gateway's own address", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));

  world.init(
    [{ client: ALICE, resource: "r1", inSeconds: 60 }],
    { ipv4: "100.70.0.2", ipv6: "fd00:2021:1111::a:2" },
  );

  assert.equal(world.sendTo("100.70.0.2"), "forward");
  assert.equal(world.sendTo("100.70.0.1"), "prohibited-tunnel-address");
});

Deno.test("candidates of the portal go to the node one by one", () => {
  const world = GatewayHarness.initialized();

  world.tell({
    kind: "ice-candidates",
    clientId: ALICE.id,
    candidates: ["a", "b"],
  });
  world.tell({
    kind: "invalidate-ice-candidates",
    clientId: ALICE.id,
    candidates: ["a"],
  });

  assert.deepEqual(world.node.calls.slice(-3), [
    `add ${ALICE.id} a`,
    `add ${ALICE.id} b`,
    `remove ${ALICE.id} a`,
  ]);
});

Deno.test("candidates of the node go to the portal, additions and removals apart", () => {
  const world = GatewayHarness.initialized();

  world.node.announce({
    kind: "candidates",
    peer: ALICE.id,
    added: ["b", "a"],
    removed: ["c"],
  });

  assert.deepEqual(world.takeRequests(), [
    {
      kind: "broadcast-ice-candidates",
      clientId: ALICE.id,
      candidates: ["b", "a"],
    },
    {
      kind: "broadcast-invalidated-ice-candidates",
      clientId: ALICE.id,
      candidates: ["c"],
    },
  ]);
});

Deno.test("[portal 75] relays that left and relays that came go to the node together", () => {
  const world = GatewayHarness.initialized();

  world.tell({
    kind: "relays-presence",
    disconnectedIds: ["relay-1"],
    connected: [relay("relay-1"), relay("relay-3")],
  });

  assert.equal(world.node.calls.at(-1), "relays -relay-1 +relay-1,relay-3");
});

Deno.test("connections that come up or move are reported", () => {
  const world = GatewayHarness.initialized();

  world.node.announce({
    kind: "established",
    peer: ALICE.id,
    path: "relayed",
    tookMs: 120,
  });
  world.node.announce({
    kind: "path-changed",
    peer: ALICE.id,
    path: "direct",
    tookMs: 900,
  });

  assert.deepEqual(world.takeEvents(), [
    {
      kind: "connection-established",
      clientId: ALICE.id,
      path: "relayed",
      tookMs: 120,
    },
    { kind: "connection-path-changed", clientId: ALICE.id, path: "direct" },
  ]);
});

Deno.test("[dp 45] stopping says goodbye through the node and forgets all clients", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));

  world.gateway.stop(world.now);

  assert.equal(world.node.calls.at(-1), "stop");
  assert.equal(world.gateway.snapshot().clients, 0);
  assert.equal(world.sendTo("10.0.0.1"), "unknown-client");
});

Deno.test("an idle gateway asks for no timer of its own, one with clients for one each second", () => {
  const world = GatewayHarness.initialized();
  assert.equal(world.gateway.pollTimeout(), Infinity);

  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), 3);
  const dueAt: number[] = [];
  while (world.gateway.pollTimeout() < Infinity) {
    world.now = world.gateway.pollTimeout();
    dueAt.push(world.now);
    world.gateway.handleTimeout(world.now);
  }

  assert.deepEqual(dueAt, [1_000, 2_000, 3_000]);
});

Deno.test("the node is called when it asked to be", () => {
  const world = GatewayHarness.initialized();
  world.node.dueAt = instant(250);

  assert.equal(world.gateway.pollTimeout(), 250);
  world.gateway.handleTimeout(instant(250));

  assert.equal(world.node.calls.at(-1), "timeout 250");
});

Deno.test("housekeeping that comes hours late expires everything that is due", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), 60);
  world.grant(BOB, cidrResource("r1", "10.0.0.0/8"), 100_000);

  world.gateway.handleTimeout(instant(7_200_000));

  assert.equal(world.sendTo("10.0.0.1"), "unknown-client");
  assert.equal(world.replyTo("10.0.0.1", BOB.ipv4), "sent");
});

Deno.test("[dp 134] nothing that packets or the portal's ordinary messages do is logged above debug", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"), 5);

  world.sendTo("11.0.0.1");
  world.replyTo("11.0.0.1");
  world.advance(10_000);

  assert.deepEqual(world.loud, []);
});

Deno.test("on a real node, init reaches for the relays it names", () => {
  const now = instant(0);
  const epoch = { instant: now, unix: unixMs(0) };
  const arena = new Arena(1 << 20);
  const random = new SeededRandom(1);
  const node = new Node({
    role: "controlled",
    staticPrivateKey: new Uint8Array(32).fill(7),
    epoch,
    now,
    random,
    cipher: new PacketCipher(arena),
    log: NO_LOG,
  });
  const gateway = new Gateway({ node, arena, epoch, random, log: NO_LOG });

  gateway.handleMessage(initWith([relay("relay-1")]), now);

  const transmit = gateway.pollTransmit();
  assert.deepEqual(transmit?.destination, addressOf("198.51.100.7:3478"));
  const relays = gateway.snapshot().node.relays.map(({ id }) => id);
  assert.deepEqual(relays, ["relay-1"]);
});

Deno.test("a changed network makes a gateway ask its relays and connect to the portal again, and keep its clients", () => {
  const world = GatewayHarness.initialized();

  world.gateway.handleMessage({ kind: "network-changed" }, world.now);

  assert.deepEqual(world.node.calls.at(-1), "verify relays");
  assert.deepEqual(world.takeEvents(), [{ kind: "reconnect-portal" }]);
});

function initWith(relays: GatewayInit["relays"]): GatewayInit {
  return {
    kind: "init",
    interface: { ipv4: ipOf("100.70.0.1"), ipv6: ipOf("fd00:2021:1111::a:1") },
    relays,
    authorizations: [],
    flowLogs: { apiUrl: "", uploadIntervalSecs: 0, uploadBatchSize: 0 },
    accountSlug: null,
  };
}

function relay(id: string) {
  return {
    id,
    ipv4: addressOf("198.51.100.7:3478"),
    username: "user",
    password: "secret",
  };
}
