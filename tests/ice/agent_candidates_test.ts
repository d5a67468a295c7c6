import assert from "node:assert/strict";
import { addressOf } from "../support/datagram.ts";
import {
  CLIENT_CREDENTIALS,
  connectedGateway,
  OURS,
  PEER,
  request,
  STRANGER,
  stunOf,
  TestAgent,
  textOf,
} from "./support.ts";

Deno.test("[p2p 24] a remote candidate with a foreign ufrag is refused", () => {
  const gateway = new TestAgent("controlled");
  const line = "candidate:x 1 udp 1 10.0.0.1 9 typ host ufrag";

  const foreign = gateway.agent.addRemoteCandidate(`${line} wxyz`, gateway.now);
  const own = gateway.agent.addRemoteCandidate(`${line} resc`, gateway.now);

  assert.deepEqual(foreign, { ok: false, error: "foreign-ufrag" });
  assert.equal(own.ok, true);
});

Deno.test("without NAT the server-reflexive candidate is not signalled", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);

  assert.deepEqual(gateway.addLocal(OURS, "srflx", OURS), []);
});

Deno.test("adding a known local candidate again signals nothing", () => {
  const gateway = new TestAgent("controlled");

  assert.equal(gateway.addLocal(OURS).length, 1);
  assert.equal(gateway.addLocal(OURS).length, 0);
});

Deno.test("[p2p 25] a second host candidate is signalled with a lower priority", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);

  const [line] = gateway.addLocal("10.0.0.3:52625");

  assert.match(line ?? "", / 2130705663 10\.0\.0\.3 /);
});

Deno.test("[p2p 29] [p2p 30] a withdrawn relay candidate ends its pairs and can be brought back", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  const [added] = gateway.addLocal("198.51.100.9:5", "relay", OURS);
  gateway.addRemote(PEER);
  const before = gateway.agent.pairCount;

  gateway.agent.withdrawLocalCandidate(
    "relay",
    addressOf("198.51.100.9:5"),
    gateway.now,
  );
  const after = gateway.agent.pairCount;
  const kinds = gateway.takeEvents().map(({ kind }) => kind);
  const [restored] = gateway.addLocal("198.51.100.9:5", "relay", OURS);

  assert.deepEqual([before, after], [2, 1]);
  assert.ok(kinds.includes("local-candidate-withdrawn"));
  assert.equal(restored, added);
  assert.equal(gateway.agent.pairCount, 2);
});

Deno.test("[p2p 29] an invalidation matches whatever its priority and foundation are", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  gateway.addRemote("198.51.100.9:5", "relay", 37748479);

  gateway.agent.withdrawRemoteCandidate(
    "candidate:other 1 udp 50331391 198.51.100.9 5 typ relay raddr 0.0.0.0 rport 0",
    gateway.now,
  );

  assert.deepEqual(gateway.agent.remoteCandidates(), []);
  assert.equal(gateway.agent.pairCount, 0);
});

Deno.test("[p2p 31] [p2p 32] requests from a withdrawn address are ignored until it is signalled again", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  const line = gateway.addRemote("198.51.100.9:5", "relay", 37748479);
  gateway.agent.withdrawRemoteCandidate(line, gateway.now);

  const whileWithdrawn = gateway.receive(request(), "198.51.100.9:5", OURS);
  const answers = gateway.takeTransmits();
  gateway.agent.addRemoteCandidate(line, gateway.now);
  const afterwards = gateway.receive(request(), "198.51.100.9:5", OURS);

  assert.equal(whileWithdrawn, "withdrawn-remote");
  assert.deepEqual(answers, []);
  assert.equal(afterwards, "accepted");
});

Deno.test("[p2p 33] a candidate learned from a request is replaced when it is signalled", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  gateway.receive(request({ useCandidate: true }), STRANGER, OURS);
  gateway.takeEvents();

  gateway.addRemote(STRANGER, "srflx", 1686109951);

  assert.deepEqual(
    gateway.agent.remoteCandidates().map(({ kind, priority }) => [
      kind,
      priority,
    ]),
    [["srflx", 1686109951]],
  );
  assert.equal(gateway.agent.pairCount, 1);
  assert.deepEqual(gateway.takeSelected(), []);
});

Deno.test("[p2p 33] the pair of a replaced candidate takes on its priority", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  gateway.addRemote("10.0.0.8:1", "host", 100);
  gateway.receive(request({ useCandidate: true }), "10.0.0.8:1", OURS);
  gateway.receive(
    request({ useCandidate: true, priority: 7000 }),
    STRANGER,
    OURS,
  );
  const before = gateway.takeSelected();

  gateway.addRemote(STRANGER, "srflx", 5);

  assert.deepEqual(before, ["10.0.0.8:1", STRANGER]);
  assert.deepEqual(gateway.takeSelected(), ["10.0.0.8:1"]);
});

Deno.test("of two candidates on one socket the better one stands for the pair", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal("203.0.113.7:40001", "srflx", OURS);
  gateway.addRemote(PEER);
  gateway.addLocal(OURS);

  const checks = gateway.run();

  assert.deepEqual(
    checks.map(({ payload }) => stunOf(payload).priority()),
    [1862270719],
  );
});

Deno.test("a pair whose checks are never answered lives while the peer checks it", () => {
  const client = new TestAgent("controlling");
  client.addLocal(PEER);
  client.addRemote(OURS);
  const check = request({
    username: "resc:jbi4",
    password: CLIENT_CREDENTIALS.password,
  });

  for (let i = 0; i < 10; i++) {
    client.receive(check, OURS, PEER);
    client.runFor(10_000);
  }
  const whileChecked = client.agent.pairCount;
  client.runFor(20_000);

  assert.equal(whileChecked, 1);
  assert.equal(client.agent.pairCount, 0);
});

Deno.test("[p2p 34] at most two optimistic candidates follow from an addition, none over IPv6", () => {
  const gateway = new TestAgent("controlled");
  gateway.addRemote("10.0.0.1:1", "host");
  gateway.addRemote("10.0.0.2:2", "host");
  gateway.addRemote("10.0.0.3:3", "host");
  gateway.addRemote("[2001:db8::1]:4", "host");
  gateway.addRemote("[2001:db8::2]:5", "srflx");
  const before = gateway.agent.remoteCandidates().length;

  gateway.addRemote("203.0.113.7:9", "srflx");

  const added = gateway.agent.remoteCandidates().slice(before + 1);
  assert.deepEqual(
    added.map(({ kind, address }) => [kind, textOf(address)]),
    [["srflx", "203.0.113.7:1"], ["srflx", "203.0.113.7:2"]],
  );
});

Deno.test("[p2p 36] of more than 100 pairs the worst are dropped", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);

  for (let i = 1; i <= 120; i++) {
    gateway.addRemote(`10.1.0.${i}:9`, "host", 1000 + i);
  }
  const checked = gateway.run().map(({ destination }) => textOf(destination));

  assert.equal(gateway.agent.pairCount, 100);
  assert.equal(checked.length, 100);
  assert.ok(!checked.includes("10.1.0.20:9"));
  assert.ok(checked.includes("10.1.0.21:9"));
});

Deno.test("candidates of different families make no pair", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  gateway.addRemote("[2001:db8::1]:4");

  assert.equal(gateway.agent.pairCount, 0);
});

Deno.test("a thousand candidates of a peer do not grow the agent", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);

  for (let i = 0; i < 1000; i++) {
    gateway.addRemote(`10.2.${i >> 8}.${i & 255}:9`, "host", 1000 + i);
  }

  assert.ok(gateway.agent.remoteCandidates().length <= 128);
  assert.ok(gateway.agent.pairCount <= 100);
});

Deno.test("a thousand changed addresses of ours do not grow the agent and do not end the selected path", () => {
  const gateway = connectedGateway();

  for (let i = 0; i < 1000; i++) {
    gateway.addLocal(`203.0.${i >> 8}.${i & 255}:9`, "srflx", OURS);
  }

  assert.ok(gateway.agent.localCandidates().length <= 64);
  assert.ok(
    gateway.agent.localCandidates().some(({ address }) =>
      textOf(address) === OURS
    ),
  );
});
