import assert from "node:assert/strict";
import { instant, NEVER, utf8 } from "../../lib/base/mod.ts";
import { CLIENT_IDLE, GATEWAY_IDLE } from "../../lib/ice/mod.ts";
import { sealStun, verifyIntegrity } from "../../lib/stun/mod.ts";
import { encodeStun, STUN_METHOD } from "../../lib/wire/mod.ts";
import { addressOf } from "../support/datagram.ts";
import {
  answerTo,
  CLIENT_CREDENTIALS,
  connectedGateway,
  exchange,
  GATEWAY_CREDENTIALS,
  OURS,
  PEER,
  request,
  STRANGER,
  stunOf,
  TestAgent,
  textOf,
} from "./support.ts";

Deno.test("[p2p 38] a gateway sends ICE-CONTROLLED with one tie-breaker and never USE-CANDIDATE", () => {
  const gateway = connectedGateway();

  const checks = gateway.runFor(60_000).map(({ transmit }) =>
    stunOf(transmit.payload)
  ).filter((stun) => stun.class === "request");

  const tieBreakers = new Set(checks.map((stun) => stun.iceControlled()));
  assert.ok(checks.length > 3);
  assert.equal(tieBreakers.size, 1);
  assert.notEqual(checks[0]?.iceControlled(), undefined);
  assert.ok(checks.every((stun) => !stun.useCandidate));
});

Deno.test("[p2p 39] a client sends ICE-CONTROLLING", () => {
  const client = new TestAgent("controlling");
  client.addLocal(PEER);
  client.addRemote(OURS);

  const [check] = client.run();

  assert.ok(check);
  assert.notEqual(stunOf(check.payload).iceControlling(), undefined);
});

Deno.test("[p2p 37] [p2p 40] a check carries the receiver's and the sender's name and the receiver's integrity", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  gateway.addRemote(PEER);

  const [check] = gateway.run();

  assert.ok(check);
  const stun = stunOf(check.payload);
  assert.equal(stun.username(), "resc:jbi4");
  assert.equal(stun.priority(), 1862270719);
  assert.equal(verifyIntegrity(stun, utf8(CLIENT_CREDENTIALS.password)), true);
});

Deno.test("[p2p 41] every check has a transaction id of its own", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  gateway.addRemote(PEER);

  const ids = gateway.runFor(120_000).map(({ transmit }) =>
    stunOf(transmit.payload).transactionId().join()
  );

  assert.ok(ids.length > 10);
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("[p2p 42] the STUN length equals the datagram length minus 20", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  gateway.addRemote(PEER);

  const [check] = gateway.run();

  assert.ok(check);
  const { payload } = check;
  assert.equal(
    ((payload[2] ?? 0) << 8) | (payload[3] ?? 0),
    payload.length - 20,
  );
});

Deno.test("[p2p 43] a valid request from an unknown source is answered and checked in turn", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);

  const verdict = gateway.receive(request(), STRANGER, OURS);
  const sent = gateway.run();

  assert.equal(verdict, "accepted");
  assert.deepEqual(
    sent.map(({ destination, payload, local }) => [
      stunOf(payload).class,
      textOf(destination),
      textOf(local.base),
    ]),
    [["success", STRANGER, OURS], ["request", STRANGER, OURS]],
  );
  assert.equal(gateway.agent.remoteCandidates()[0]?.kind, "prflx");
  assert.equal(gateway.agent.remoteCandidates()[0]?.priority, 7);
});

Deno.test("[p2p 40] an answer tells the observed source and has the answerer's own integrity", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);

  gateway.receive(request(), STRANGER, OURS);

  const [answer] = gateway.takeTransmits();
  assert.ok(answer);
  const stun = stunOf(answer.payload);
  const key = utf8(GATEWAY_CREDENTIALS.password);
  assert.deepEqual(stun.xorMapped(), addressOf(STRANGER));
  assert.equal(verifyIntegrity(stun, key), true);
});

Deno.test("[p2p 44] a request with a wrong name or wrong integrity is ignored without an answer", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);

  const wrongLeft = request({ username: "xxxx:resc" });
  const wrongRight = request({ username: "jbi4:xxxx" });
  const wrongKey = request({ password: "wrong" });

  assert.equal(gateway.receive(wrongLeft, PEER, OURS), "wrong-username");
  assert.equal(gateway.receive(wrongRight, PEER, OURS), "wrong-username");
  assert.equal(gateway.receive(wrongKey, PEER, OURS), "wrong-integrity");
  assert.deepEqual(gateway.run(), []);
});

Deno.test("[p2p 45] a wrong FINGERPRINT does not matter", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  const message = request();
  message[message.length - 1]! ^= 0xff;

  assert.equal(gateway.receive(message, PEER, OURS), "accepted");
});

Deno.test("[p2p 46] binding indications and errors are not for the agent", () => {
  const gateway = new TestAgent("controlled");
  for (const kind of ["indication", "error"] as const) {
    const message = encodeStun({
      class: kind,
      method: STUN_METHOD.binding,
      transactionId: new Uint8Array(12),
      attributes: [],
    });

    assert.equal(gateway.receive(message, PEER, OURS), "not-a-check");
  }
});

Deno.test("[p2p 46] neither side ever sends a binding indication", () => {
  const gateway = connectedGateway();

  const classes = gateway.runFor(100_000).map(({ transmit }) =>
    stunOf(transmit.payload).class
  );

  assert.ok(!classes.includes("indication"));
});

Deno.test("[p2p 47] USE-CANDIDATE behind MESSAGE-INTEGRITY nominates nothing", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  const sealed = sealStun(
    encodeStun({
      class: "request",
      method: STUN_METHOD.binding,
      transactionId: new Uint8Array(12),
      attributes: [
        { kind: "username", text: "jbi4:resc" },
        { kind: "priority", priority: 7 },
      ],
    }),
    utf8(GATEWAY_CREDENTIALS.password),
  );
  const message = Uint8Array.of(...sealed, 0x00, 0x25, 0, 0);
  message[3] = message.length - 20;

  const verdict = gateway.receive(message, PEER, OURS);

  assert.equal(verdict, "accepted");
  assert.deepEqual(gateway.takeSelected(), []);
});

Deno.test("a request to an address that is no host or relay candidate is ignored", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  gateway.addLocal("203.0.113.7:40001", "srflx", OURS);

  assert.equal(
    gateway.receive(request(), PEER, "203.0.113.7:40001"),
    "not-a-local-candidate",
  );
});

Deno.test("a client ignores a request that wants to nominate", () => {
  const client = new TestAgent("controlling");
  client.addLocal(PEER);
  const message = request({
    username: "resc:jbi4",
    password: CLIENT_CREDENTIALS.password,
    useCandidate: true,
  });

  assert.equal(
    client.receive(message, OURS, PEER),
    "unexpected-use-candidate",
  );
});

Deno.test("[p2p 48] a pair that the peer nominates is checked at once", () => {
  const gateway = connectedGateway();
  gateway.addRemote("10.0.0.9:1", "host", 1);
  gateway.run();
  gateway.run(100);

  gateway.receive(request({ useCandidate: true }), "10.0.0.9:1", OURS);
  const sent = gateway.run();

  const checked = sent.filter(({ payload }) =>
    stunOf(payload).class === "request"
  );
  assert.deepEqual(checked.map(({ destination }) => textOf(destination)), [
    "10.0.0.9:1",
  ]);
});

Deno.test("[p2p 49] a gateway uses a pair as soon as it is nominated, without a check of its own", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);

  gateway.receive(request({ useCandidate: true }), PEER, OURS);

  assert.deepEqual(gateway.takeSelected(), [PEER]);
});

Deno.test("[p2p 50] a gateway takes the best of all nominated pairs and falls back when it vanishes", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  gateway.addRemote("10.0.0.8:1", "host", 100);
  const best = gateway.addRemote("10.0.0.9:1", "relay", 200);

  gateway.receive(request({ useCandidate: true }), "10.0.0.9:1", OURS);
  gateway.receive(request({ useCandidate: true }), "10.0.0.8:1", OURS);
  const selected = gateway.takeSelected();
  gateway.agent.withdrawRemoteCandidate(best, gateway.now);

  assert.deepEqual(selected, ["10.0.0.9:1"]);
  assert.deepEqual(gateway.takeSelected(), ["10.0.0.8:1"]);
});

Deno.test("[p2p 51] a gateway follows a nomination while it is idle", () => {
  const gateway = connectedGateway();
  gateway.agent.setTiming(GATEWAY_IDLE, gateway.now);
  gateway.run(5_000);

  gateway.addRemote("10.0.0.9:1", "host", 4_000_000_000);
  gateway.receive(request({ useCandidate: true }), "10.0.0.9:1", OURS);

  assert.deepEqual(gateway.takeSelected(), ["10.0.0.9:1"]);
});

Deno.test("[p2p 52] a client selects and nominates each better pair that works", () => {
  const client = new TestAgent("controlling");
  client.addLocal(PEER);
  client.addRemote("10.0.0.8:1", "relay", 37748479);
  const [first] = client.run();
  assert.ok(first);
  client.receive(answerTo(first.payload), "10.0.0.8:1", PEER);
  const firstSelection = client.takeSelected();
  client.run();
  client.addRemote("10.0.0.9:1", "host", 2130706175);
  const [second] = client.run();
  assert.ok(second);

  client.receive(answerTo(second.payload), "10.0.0.9:1", PEER);
  const secondSelection = client.takeSelected();
  const nominations = client.run();

  assert.deepEqual(firstSelection, ["10.0.0.8:1"]);
  assert.deepEqual(secondSelection, ["10.0.0.9:1"]);
  assert.deepEqual(
    nominations.map(({ destination, payload }) => [
      textOf(destination),
      stunOf(payload).useCandidate,
    ]),
    [["10.0.0.9:1", true]],
  );
});

Deno.test("a nominated pair keeps its USE-CANDIDATE when a better one is selected", () => {
  const client = new TestAgent("controlling");
  client.addLocal(PEER);
  client.addRemote("10.0.0.8:1", "relay", 1);
  client.addRemote("10.0.0.9:1", "host", 2130706175);
  const checks = client.run();
  for (const { payload, destination } of checks) {
    client.receive(answerTo(payload), destination, PEER);
  }

  const later = client.runFor(1_000).filter(({ transmit }) =>
    textOf(transmit.destination) === "10.0.0.8:1"
  );

  assert.ok(later.length > 0);
  assert.ok(
    later.every(({ transmit }) => stunOf(transmit.payload).useCandidate),
  );
});

Deno.test("an answer counts once, from the right peer, and within 10 s", () => {
  const client = new TestAgent("controlling");
  client.addLocal(PEER);
  client.addRemote(OURS);
  const [check] = client.run();
  assert.ok(check);
  const answer = answerTo(check.payload);

  const forged = answerTo(check.payload, "wrong");
  assert.equal(client.receive(forged, OURS, PEER), "wrong-integrity");
  assert.equal(client.receive(answer, OURS, PEER), "accepted");
  assert.equal(client.receive(answer, OURS, PEER), "unknown-transaction");

  const late = new TestAgent("controlling");
  late.addLocal(PEER);
  late.addRemote(OURS);
  const [lateCheck] = late.run();
  assert.ok(lateCheck);
  late.now = (late.now + 10_001) as typeof late.now;
  const lateAnswer = answerTo(lateCheck.payload);
  assert.equal(late.receive(lateAnswer, OURS, PEER), "unknown-transaction");
});

Deno.test("an address that only the peer sees becomes a local candidate and is not signalled", () => {
  const client = new TestAgent("controlling");
  client.addLocal(PEER);
  client.addRemote(OURS);
  const [check] = client.run();
  assert.ok(check);
  client.takeEvents();

  client.receive(answerTo(check.payload, undefined, STRANGER), OURS, PEER);

  const kinds = client.agent.localCandidates().map(({ kind }) => kind);
  const signalled = client.takeEvents().filter(({ kind }) =>
    kind === "local-candidate-added"
  );
  assert.deepEqual(kinds, ["host", "prflx"]);
  assert.deepEqual(signalled, []);
});

Deno.test("[p2p 58] a check from a relay candidate is labelled with it", () => {
  const gateway = new TestAgent("controlled");
  gateway.addLocal("198.51.100.9:5", "relay", OURS);
  gateway.addRemote(PEER);

  const [check] = gateway.run();

  assert.equal(check?.local.kind, "relay");
  assert.equal(textOf(check.local.base), "198.51.100.9:5");
  assert.equal(stunOf(check.payload).priority(), 1849687807);
});

Deno.test("the state follows candidates, nomination and the loss of all pairs", () => {
  const gateway = new TestAgent("controlled");
  const states: string[] = [];
  const note = () => states.push(gateway.agent.state);
  note();
  gateway.run();
  note();
  gateway.addLocal(OURS);
  gateway.addRemote("10.0.0.8:1");
  const only = gateway.addRemote(PEER);
  gateway.receive(request({ useCandidate: true }), PEER, OURS);
  note();
  gateway.agent.withdrawRemoteCandidate(
    "candidate:x 1 udp 1 10.0.0.8 1 typ host",
    gateway.now,
  );
  note();
  gateway.agent.withdrawRemoteCandidate(only, gateway.now);
  note();

  assert.deepEqual(states, [
    "checking",
    "checking",
    "connected",
    "completed",
    "disconnected",
  ]);
});

Deno.test("a client notices within 16.5 s that its only path is dead", () => {
  const [client] = connectedPair();

  client.runFor(19_000);

  assert.equal(client.agent.state, "disconnected");
});

Deno.test("an idle client checks each pair every 25 s", () => {
  const [client] = connectedPair();
  client.agent.setTiming(CLIENT_IDLE, client.now);
  client.run(25_000);

  const next = client.runFor(30_000).map(({ atMs }) => atMs);

  assert.deepEqual(next, [25_000]);
});

Deno.test("[p2p 53] checks of an idle gateway that are due within 2.5 s leave together, then every 25 s", () => {
  const gateway = new TestAgent("controlled");
  gateway.agent.setTiming(GATEWAY_IDLE, gateway.now);
  gateway.addLocal(OURS);
  gateway.addRemote("10.0.0.8:1");
  gateway.run();
  gateway.now = instant(2_400);
  gateway.addRemote("10.0.0.8:2");
  gateway.run();
  gateway.now = instant(8_000);
  gateway.addRemote("10.0.0.8:3");
  gateway.run();
  gateway.now = instant(20_000);

  const sent = gateway.runFor(40_000).map(({ atMs, transmit }) => [
    20_000 + atMs,
    transmit.destination.port,
  ]);

  assert.deepEqual(sent, [
    [25_000, 1],
    [25_000, 2],
    [33_000, 3],
    [50_000, 1],
    [50_000, 2],
    [58_000, 3],
  ]);
});

Deno.test("an agent without pairs asks for no timer", () => {
  const gateway = new TestAgent("controlled");
  gateway.run();

  assert.equal(gateway.agent.pollTimeout(), NEVER);
});

Deno.test("two agents agree on the best pair", () => {
  const [client, gateway] = connectedPair();

  assert.deepEqual(client.takeSelected(), []);
  assert.equal(client.agent.state, "completed");
  assert.equal(gateway.agent.state, "completed");
});

/** A client and a gateway with one pair, which works. */
function connectedPair(): [TestAgent, TestAgent] {
  const client = new TestAgent("controlling", { seed: 3 });
  const gateway = new TestAgent("controlled", { seed: 4 });
  client.addLocal(PEER);
  gateway.addLocal(OURS);
  client.addRemote(OURS);
  gateway.addRemote(PEER);
  exchange(client, gateway);
  assert.deepEqual(client.takeSelected(), [OURS]);
  assert.deepEqual(gateway.takeSelected(), [PEER]);
  return [client, gateway];
}
