import assert from "node:assert/strict";
import { TestPathAgent } from "./support.ts";

const HOST = "10.0.0.5:52625";
const RELAYED = "198.51.100.9:50001";
const PEER = "203.0.113.7:52625";
const PEER_RELAYED = "198.51.100.8:50002";
const STRANGER = "192.0.2.99:4000";

Deno.test("[p2p 64] until there is a session an initiation goes out on each pair with a relay, and on no other", () => {
  const client = clientWithCandidates();

  client.sendInitiation();

  assert.deepEqual(pathsOf(client).sort(), [
    `${HOST} > ${PEER_RELAYED}`,
    `${RELAYED} > ${PEER_RELAYED}`,
    `${RELAYED} > ${PEER}`,
  ]);
});

Deno.test("[p2p 64] a pair that comes to be later gets the initiation at once", () => {
  const client = new TestPathAgent();
  client.addLocal("host", HOST);
  client.sendInitiation();
  client.advance(300);
  const before = client.sent.length;

  client.addRemote("relay", PEER_RELAYED, PEER);
  client.addLocal("relay", RELAYED, HOST);

  assert.equal(before, 0);
  assert.deepEqual(pathsOf(client), [
    `${HOST} > ${PEER_RELAYED}`,
    `${RELAYED} > ${PEER_RELAYED}`,
  ]);
});

Deno.test("[p2p 65] copies of the initiation climb the ladder of gaps once", () => {
  const client = new TestPathAgent();
  client.addLocal("host", HOST);
  client.addRemote("relay", PEER_RELAYED, PEER);

  client.sendInitiation();
  client.advance(60_000);

  const times = client.sent.map(({ at }) => at);
  assert.deepEqual(times, [0, 50, 100, 150, 250, 450, 850, 1_650, 3_250]);
});

Deno.test("[p2p 65] a repeated initiation is sent once at once, and the ladder goes on with its bytes", () => {
  const client = new TestPathAgent();
  client.addLocal("host", HOST);
  client.addRemote("relay", PEER_RELAYED, PEER);

  client.sendInitiation(1);
  client.advance(2_000);
  client.sendInitiation(2);
  client.advance(60_000);

  const later = client.sent.filter(({ at }) => at >= 2_000);
  assert.deepEqual(later.map(({ at }) => at), [2_000, 3_250]);
  assert.ok(later.every(({ payload }) => payload[1] === 2));
});

Deno.test("[p2p 66] with a response the copies end, and later initiations take the primary alone", () => {
  const client = clientWithCandidates();
  client.sendInitiation();
  client.advance(60);

  client.response(RELAYED, PEER);
  const before = client.sent.length;
  client.advance(10_000);
  client.sendInitiation(2);

  const messages = client.sent.slice(before).filter(({ kind }) =>
    kind === "message"
  );
  assert.deepEqual(messages.map(({ path }) => path), [`${RELAYED} > ${PEER}`]);
});

Deno.test("the path of the first response is the primary, and one of a better class takes its place", () => {
  const client = clientWithCandidates();
  client.sendInitiation();

  client.response(RELAYED, PEER_RELAYED);
  client.response(RELAYED, PEER);
  client.response(RELAYED, PEER_RELAYED);
  client.response(HOST, PEER_RELAYED);

  assert.deepEqual(client.selected, [
    `${RELAYED} > ${PEER_RELAYED}`,
    `${RELAYED} > ${PEER}`,
    `${HOST} > ${PEER_RELAYED}`,
  ]);
});

Deno.test("[p2p 62] the path of the first initiation is the primary, and that of no later one", () => {
  const gateway = gatewayWithCandidates();

  gateway.initiation(HOST, PEER_RELAYED);
  gateway.agent.noteData();
  gateway.initiation(HOST, PEER);

  assert.equal(gateway.primary, `${HOST} > ${PEER_RELAYED}`);
});

Deno.test("[p2p 62] an initiation that arrived at an address that is no candidate makes no primary", () => {
  const gateway = gatewayWithCandidates();

  gateway.initiation("10.0.0.77:52625", PEER);

  assert.equal(gateway.primary, undefined);
});

Deno.test("[p2p 63] an unknown source of an initiation or a probe becomes a reflexive candidate, of which four are kept", () => {
  const gateway = gatewayWithCandidates();
  const strangers = [1, 2, 3, 4, 5].map((host) => `192.0.2.${host}:4000`);

  gateway.initiation(HOST, STRANGER);
  gateway.probe(HOST, STRANGER);
  gateway.probe(HOST, PEER);
  const afterOne = gateway.agent.remoteCandidates();
  for (const stranger of strangers) gateway.probe(HOST, stranger);

  assert.equal(gateway.selected[0], `${HOST} > ${STRANGER}`);
  assert.deepEqual(afterOne.map(({ kind }) => kind), [
    "srflx",
    "srflx",
    "relay",
  ]);
  assert.equal(gateway.agent.remoteCandidates().length, 4 + 2);
});

Deno.test("[p2p 63] the new path is probed at once, and the primary is kept", () => {
  const gateway = gatewayWithCandidates();
  gateway.initiation(HOST, PEER_RELAYED);
  gateway.advance(100);

  gateway.probe(HOST, STRANGER);
  gateway.advance(0);

  assert.equal(gateway.primary, `${HOST} > ${PEER_RELAYED}`);
  assert.deepEqual(gateway.probesOn(HOST, STRANGER).map(({ at }) => at), [100]);
});

Deno.test("a reflexive candidate takes its proper kind when the peer signals its address", () => {
  const gateway = new TestPathAgent();
  gateway.addLocal("host", HOST);
  gateway.initiation(HOST, PEER_RELAYED);

  gateway.addRemote("relay", PEER_RELAYED, PEER);

  const kinds = gateway.agent.remoteCandidates().map(({ kind }) => kind);
  assert.deepEqual(kinds, ["relay"]);
});

Deno.test("a probe wakes a silent path that was never measured", () => {
  const gateway = gatewayWithCandidates();
  gateway.initiation(HOST, PEER_RELAYED);
  gateway.advance(60_000);
  const before = gateway.probesOn(HOST, PEER).length;

  gateway.probe(HOST, PEER);
  gateway.advance(0);

  assert.equal(before, 12);
  assert.equal(gateway.probesOn(HOST, PEER).length, 13);
});

Deno.test("nothing is probed before there is a session", () => {
  const gateway = gatewayWithCandidates();

  gateway.probe(HOST, PEER);
  gateway.advance(60_000);

  assert.deepEqual(gateway.sent, []);
});

function clientWithCandidates(): TestPathAgent {
  const client = new TestPathAgent();
  client.addLocal("host", HOST);
  client.addLocal("relay", RELAYED, HOST);
  client.addRemote("srflx", PEER, "10.9.9.9:52625");
  client.addRemote("relay", PEER_RELAYED, "10.9.9.9:52625");
  return client;
}

function gatewayWithCandidates(): TestPathAgent {
  const gateway = new TestPathAgent();
  gateway.addLocal("host", HOST);
  gateway.addRemote("srflx", PEER, "10.9.9.9:52625");
  gateway.addRemote("relay", PEER_RELAYED, "10.9.9.9:52625");
  return gateway;
}

function pathsOf({ sent }: TestPathAgent): string[] {
  return sent.map(({ path }) => path);
}
