import assert from "node:assert/strict";
import { type Sent, TestPathAgent } from "./support.ts";

const HOST = "10.0.0.5:52625";
const PEER = "203.0.113.7:52625";
const PEER_RELAYED = "198.51.100.8:50002";

Deno.test("[p2p 70] without a primary a pair is probed after 0, 200, 300 and 500 ms, then each second for ever", () => {
  const gateway = established();

  gateway.advance(120_000);

  const times = gateway.probesOn(HOST, PEER).map(({ at }) => at);
  assert.deepEqual(times.slice(0, 6), [0, 200, 500, 1_000, 2_000, 3_000]);
  assert.equal(times.length, 123);
});

Deno.test("[p2p 70] beside a primary a pair is probed twelve times", () => {
  const gateway = established();
  gateway.advance(0);
  gateway.answerProbe(HOST, PEER);

  gateway.advance(120_000);

  assert.equal(gateway.probesOn(HOST, PEER_RELAYED).length, 12);
});

Deno.test("[p2p 71] the primary is probed every 25 s after its twelve probes", () => {
  const gateway = established();
  gateway.advance(0);
  gateway.answerProbe(HOST, PEER);

  gateway.advance(100_000);

  const times = gateway.probesOn(HOST, PEER).map(({ at }) => at);
  assert.deepEqual(times.slice(10), [8_000, 9_000, 34_000, 59_000, 84_000]);
});

Deno.test("[p2p 81] a primary whose probes go unanswered stays the primary", () => {
  const gateway = established();
  gateway.advance(0);
  gateway.answerProbe(HOST, PEER);

  gateway.advance(3_600_000);

  assert.equal(gateway.primary, `${HOST} > ${PEER}`);
});

Deno.test("[p2p 69] a reply with the id of another pair, from elsewhere, or twice is ignored", () => {
  const gateway = established();
  gateway.advance(0);
  const [probe] = gateway.probesOn(HOST, PEER);
  assert.ok(probe);
  const { id, sequence } = probe;

  assert.equal(gateway.reply(HOST, PEER, id ^ 1, sequence), "stale-probe");
  assert.equal(gateway.reply(HOST, PEER, id, sequence + 1), "stale-probe");
  assert.equal(
    gateway.reply(HOST, PEER_RELAYED, id, sequence),
    "stale-probe",
  );
  assert.equal(
    gateway.reply("10.0.0.6:52625", PEER, id, sequence),
    "stale-probe",
  );
  assert.equal(gateway.primary, undefined);

  assert.equal(gateway.reply(HOST, PEER, id, sequence), "accepted");
  assert.equal(gateway.reply(HOST, PEER, id, sequence), "stale-probe");
});

Deno.test("[p2p 69] a pair whose candidate is replaced gets another id, and replies to the former one are ignored", () => {
  const gateway = established();
  gateway.advance(0);
  const [before] = gateway.probesOn(HOST, PEER);
  assert.ok(before);

  gateway.addLocal("srflx", "203.0.113.200:4000", HOST);
  gateway.advance(0);
  const after = gateway.probesOn(HOST, PEER).at(-1);

  assert.notEqual(after?.id, before.id);
  assert.equal(
    gateway.reply(HOST, PEER, before.id, before.sequence),
    "stale-probe",
  );
});

Deno.test("[p2p 69] the last twelve probes of a pair may be answered", () => {
  const gateway = established();
  gateway.advance(30_000);
  const probes = gateway.probesOn(HOST, PEER);
  const [old] = probes.slice(-13);
  const [recent] = probes.slice(-12);
  assert.ok(old && recent);

  const { id } = old;
  assert.equal(gateway.reply(HOST, PEER, id, old.sequence), "stale-probe");
  assert.equal(gateway.reply(HOST, PEER, id, recent.sequence), "accepted");
});

Deno.test("[p2p 75] another candidate of either side leaves the primary and probes all pairs again", () => {
  for (const side of ["local", "remote"] as const) {
    const gateway = established();
    gateway.advance(0);
    gateway.answerProbe(HOST, PEER);
    gateway.advance(100_000);
    const before = gateway.probesOn(HOST, PEER).length;
    const spareBefore = gateway.probesOn(HOST, PEER_RELAYED).length;

    if (side === "local") gateway.addLocal("host", "10.0.0.6:52625");
    else gateway.addRemote("host", "10.9.9.9:52625");
    const { primary } = gateway;
    gateway.advance(0);

    assert.equal(primary, undefined, side);
    assert.equal(gateway.probesOn(HOST, PEER).length, before + 1);
    assert.equal(gateway.probesOn(HOST, PEER_RELAYED).length, spareBefore + 1);
  }
});

Deno.test("a candidate that is known already changes nothing", () => {
  const gateway = established();
  gateway.advance(0);
  gateway.answerProbe(HOST, PEER);
  gateway.advance(20_000);
  const before = gateway.sent.length;

  const isNew = gateway.addLocal("host", HOST);
  gateway.addRemote("srflx", PEER, "10.9.9.9:52625");
  gateway.advance(0);

  assert.equal(isNew, false);
  assert.equal(gateway.primary, `${HOST} > ${PEER}`);
  assert.equal(gateway.sent.length, before);
});

Deno.test("[p2p 76] six remote candidates of each kind are kept, the oldest goes first", () => {
  const gateway = new TestPathAgent();
  for (let host = 1; host <= 8; host++) {
    gateway.addRemote("host", `10.1.0.${host}:9`);
    gateway.addRemote("srflx", `203.0.113.${host}:9`, "10.1.0.1:9");
    gateway.addRemote("relay", `198.51.100.${host}:9`, "10.1.0.1:9");
  }

  const remotes = gateway.agent.remoteCandidates();
  for (const kind of ["host", "srflx", "relay"]) {
    const ofKind = remotes.filter((remote) => remote.kind === kind);
    const hosts = ofKind.map(({ address }) => address.ip.bytes[3]);
    assert.deepEqual(hosts, [3, 4, 5, 6, 7, 8], kind);
  }
});

Deno.test("candidates of ours are bounded, too", () => {
  const gateway = new TestPathAgent();
  for (let host = 1; host <= 100; host++) {
    gateway.addLocal("host", `10.1.0.${host}:9`);
  }

  assert.equal(gateway.agent.localCandidates().length, 8);
});

Deno.test("pairs are of one family, and a reflexive candidate of ours stands for its socket", () => {
  const gateway = new TestPathAgent();
  gateway.addLocal("host", HOST);
  gateway.addLocal("srflx", "203.0.113.200:4000", HOST);
  gateway.addLocal("relay", "[2001:db8::9]:50000", HOST);
  gateway.addRemote("host", PEER);
  gateway.addRemote("host", "[2001:db8::5]:52625");
  gateway.initiation(HOST, PEER);

  gateway.advance(0);

  const paths = gateway.sent.map(({ path }) => path).sort();
  assert.deepEqual(paths, [
    `${HOST} > ${PEER}`,
    "[2001:db8::9]:50000 > [2001:db8::5]:52625",
  ]);
});

Deno.test("a withdrawn candidate takes its pairs along, and the primary if that was one of them", () => {
  for (const side of ["local", "remote"] as const) {
    const gateway = established();
    gateway.advance(0);
    gateway.answerProbe(HOST, PEER);
    gateway.advance(20_000);
    const before = gateway.probesOn(HOST, PEER).length;

    if (side === "local") gateway.removeLocal("host", HOST);
    else gateway.removeRemote("srflx", PEER, "10.9.9.9:52625");
    gateway.advance(10_000);

    assert.equal(gateway.primary, undefined);
    assert.equal(gateway.probesOn(HOST, PEER).length, before);
  }
});

Deno.test("withdrawing a candidate that the primary does not use keeps the primary", () => {
  const gateway = established();
  gateway.advance(0);
  gateway.answerProbe(HOST, PEER);

  gateway.removeRemote("relay", PEER_RELAYED, "10.9.9.9:52625");

  assert.equal(gateway.primary, `${HOST} > ${PEER}`);
});

Deno.test("a candidate is withdrawn only under its kind, address and base", () => {
  const gateway = established();

  gateway.removeRemote("srflx", PEER, "10.9.9.10:52625");
  gateway.removeRemote("host", PEER);

  assert.equal(gateway.agent.remoteCandidates().length, 2);
});

Deno.test("after forgetting its own candidates an agent knows those of the peer and the session", () => {
  const client = established();
  client.advance(0);
  client.answerProbe(HOST, PEER);

  client.agent.forgetLocalCandidates(client.now);
  const { primary } = client;
  client.addLocal("host", "192.168.9.9:52625");
  const seen: Sent[] = [];
  client.advance(0, (sent) => seen.push(sent));

  assert.equal(primary, undefined);
  assert.deepEqual(seen.map(({ path }) => path).sort(), [
    `192.168.9.9:52625 > ${PEER_RELAYED}`,
    `192.168.9.9:52625 > ${PEER}`,
  ]);
});

Deno.test("what is due goes out at once, however late the call, and not in bursts", () => {
  const gateway = established();
  gateway.advance(1_000);
  const before = gateway.sent.length;
  const late = gateway.agent;

  late.handleTimeout((gateway.now + 3_600_000) as typeof gateway.now);
  let count = 0;
  while (late.pollTransmit()) count++;

  assert.equal(count, 2, `${before}`);
});

/** A gateway with two pairs, whose session came to be on a path that is none of them. */
function established(): TestPathAgent {
  const gateway = new TestPathAgent();
  gateway.addLocal("host", HOST);
  gateway.addRemote("srflx", PEER, "10.9.9.9:52625");
  gateway.addRemote("relay", PEER_RELAYED, "10.9.9.9:52625");
  gateway.initiation("10.0.0.99:52625", PEER);
  return gateway;
}
