import assert from "node:assert/strict";
import fc from "fast-check";
import type { PathCandidate } from "../../lib/path/mod.ts";
import { classOf, isWorthChanging } from "../../lib/path/score.ts";
import { candidate, TestPathAgent } from "./support.ts";

const HOST = "10.0.0.5:52625";
const HOST_6 = "[2001:db8::5]:52625";
const RELAYED = "198.51.100.9:50001";
const PEER = "203.0.113.7:52625";
const PEER_6 = "[2001:db8::7]:52625";
const PEER_RELAYED = "198.51.100.8:50002";

/** One candidate of each sort on our side. */
const OURS = {
  host: candidate("host", HOST),
  host6: candidate("host", HOST_6),
  srflx: candidate("srflx", "203.0.113.9:4000", HOST),
  relay: candidate("relay", RELAYED, HOST),
  relay6: candidate("relay", "[2001:db8::9]:50001", HOST_6),
  relay6over4: candidate("relay", "[2001:db8::9]:50001", HOST),
};
/** And on the peer's. */
const THEIRS = {
  host: candidate("host", PEER),
  host6: candidate("host", PEER_6),
  srflx: candidate("srflx", PEER, "10.9.9.9:1"),
  relay: candidate("relay", PEER_RELAYED, "10.9.9.9:1"),
  relay6: candidate("relay", "[2001:db8::8]:50002", "[2001:db8::1]:1"),
  relay6over4: candidate("relay", "[2001:db8::8]:50002", "10.9.9.9:1"),
};

Deno.test("[p2p 72] classes order by the worse kind, the better kind, own relay, family match and family", () => {
  const ordered: [PathCandidate, PathCandidate][] = [
    [OURS.host6, THEIRS.host6],
    [OURS.host, THEIRS.host],
    [OURS.host, THEIRS.srflx],
    [OURS.srflx, THEIRS.srflx],
    [OURS.relay6, THEIRS.host6],
    [OURS.relay, THEIRS.host],
    [OURS.relay6over4, THEIRS.host6],
    [OURS.host6, THEIRS.relay6],
    [OURS.host, THEIRS.relay],
    [OURS.host6, THEIRS.relay6over4],
    [OURS.relay, THEIRS.srflx],
    [OURS.srflx, THEIRS.relay],
    [OURS.relay6, THEIRS.relay6],
    [OURS.relay, THEIRS.relay],
    [OURS.relay6over4, THEIRS.relay6],
    [OURS.relay6, THEIRS.relay6over4],
  ];

  const classes = ordered.map(([local, remote]) => classOf(local, remote));

  const sorted = classes.toSorted((a, b) => a - b);
  assert.deepEqual(classes, sorted);
  assert.equal(new Set(classes).size, ordered.length - 1);
  assert.equal(classes.at(-1), classes.at(-2));
});

Deno.test("[p2p 72] both ends agree on all but whose relay it is", () => {
  for (
    const [local, remote] of [["host", "srflx"], ["srflx", "host"]] as const
  ) {
    assert.equal(
      classOf(OURS[local], THEIRS[remote]),
      classOf(OURS[remote], THEIRS[local]),
    );
  }
});

Deno.test("[p2p 72] within a class a path must be faster by 10 ms and by a fifth", () => {
  assert.equal(isWorthChanging(10, 20), false);
  assert.equal(isWorthChanging(9, 20), true);
  assert.equal(isWorthChanging(80, 100), false);
  assert.equal(isWorthChanging(79, 100), true);
});

Deno.test("[p2p 72] the best measured path takes an empty primary, a better class displaces it, a worse one never", () => {
  const gateway = gatewayOf();
  gateway.advance(5);

  gateway.answerProbe(HOST, PEER_RELAYED);
  gateway.answerProbe(HOST, PEER);
  gateway.advance(195);
  gateway.answerProbe(HOST, PEER_RELAYED);

  assert.deepEqual(gateway.selected, [
    `${HOST} > ${PEER_RELAYED}`,
    `${HOST} > ${PEER}`,
  ]);
});

Deno.test("[p2p 72] within a class the faster path is taken only with hysteresis", () => {
  const gateway = new TestPathAgent();
  gateway.addLocal("host", HOST);
  gateway.addRemote("host", "10.1.0.1:9");
  gateway.addRemote("host", "10.1.0.2:9");
  gateway.initiation("10.0.0.99:1", PEER);
  gateway.advance(100);
  gateway.answerProbe(HOST, "10.1.0.1:9");
  gateway.advance(100);

  gateway.advance(85);
  gateway.answerProbe(HOST, "10.1.0.2:9"); // 85 ms beside 100 ms.
  const afterSmallGain = gateway.primary;
  gateway.advance(215);
  gateway.answerProbe(HOST, "10.1.0.2:9"); // (85 + 0) / 2.

  assert.equal(afterSmallGain, `${HOST} > 10.1.0.1:9`);
  assert.equal(gateway.primary, `${HOST} > 10.1.0.2:9`);
});

Deno.test("the round-trip time of a path is the first sample, then halfway to each further one", () => {
  const gateway = new TestPathAgent();
  gateway.addLocal("host", HOST);
  gateway.addRemote("host", PEER);
  gateway.initiation(HOST, PEER);
  const answer = (afterMs: number): number | undefined => {
    gateway.advance(afterMs);
    gateway.answerProbe(HOST, PEER);
    return gateway.agent.roundTripMs;
  };

  gateway.advance(0);
  const first = answer(100);
  gateway.advance(100); // The second probe, 200 ms after the first.
  const second = answer(20);
  gateway.advance(280); // The third, 300 ms later.
  const third = answer(20);

  assert.deepEqual([first, second, third], [100, 60, 40]);
});

Deno.test("[p2p 72] a primary that was never measured is not left for one of its class", () => {
  const gateway = new TestPathAgent();
  gateway.addLocal("host", HOST);
  gateway.addRemote("host", "10.1.0.1:9");
  gateway.addRemote("host", "10.1.0.2:9");
  gateway.initiation(HOST, "10.1.0.1:9");
  gateway.advance(5);

  gateway.answerProbe(HOST, "10.1.0.2:9");

  assert.equal(gateway.primary, `${HOST} > 10.1.0.1:9`);
});

Deno.test("a primary that answers none of its first four probes is left for any path that answers, even one of a worse class", () => {
  const gateway = new TestPathAgent();
  gateway.addLocal("host", HOST);
  gateway.addRemote("host", "10.1.0.1:9");
  gateway.addRemote("relay", PEER_RELAYED, "10.1.0.1:9");
  gateway.initiation(HOST, "10.1.0.1:9");
  gateway.advance(999); // Probes at 0, 200 and 500 ms.
  gateway.answerProbe(HOST, PEER_RELAYED);
  const beforeFourth = gateway.primary;

  gateway.advance(1); // The fourth.
  gateway.answerProbe(HOST, PEER_RELAYED);

  assert.equal(beforeFourth, `${HOST} > 10.1.0.1:9`);
  assert.equal(gateway.primary, `${HOST} > ${PEER_RELAYED}`);
});

Deno.test("[p2p 63] four addresses that only packets revealed are kept for 15 s before a fifth takes the place of the oldest", () => {
  const gateway = withPrimary();
  const revealed = ["1", "2", "3", "4", "5"].map((n) => `10.7.0.${n}:9`);
  const known = () =>
    revealed.filter((remote) => gateway.probesOn(HOST, remote).length > 0);
  for (const remote of revealed) gateway.probe(HOST, remote);
  gateway.advance(14_999);
  gateway.probe(HOST, "10.7.0.5:9");
  gateway.advance(0);
  const early = known();

  gateway.advance(1);
  gateway.probe(HOST, "10.7.0.5:9");
  gateway.advance(0);

  assert.deepEqual(early, revealed.slice(0, 4));
  assert.deepEqual(known(), revealed);
});

Deno.test("[p2p 73] two initiations in a row without a response leave the primary and probe all paths", () => {
  const gateway = withPrimary();
  const before = gateway.sent.length;

  gateway.sendInitiation(1);
  const afterOne = gateway.primary;
  gateway.sendInitiation(2);
  const afterTwo = gateway.primary;
  gateway.sendInitiation(3);
  gateway.advance(0);

  assert.equal(afterOne, `${HOST} > ${PEER}`);
  assert.equal(afterTwo, undefined);
  const sent = gateway.sent.slice(before).map(({ kind, path }) =>
    `${kind} ${path}`
  );
  assert.deepEqual(sent, [
    `message ${HOST} > ${PEER}`,
    `message ${HOST} > ${PEER}`,
    `packet ${HOST} > ${PEER}`,
    `packet ${HOST} > ${PEER_RELAYED}`,
  ]);
});

Deno.test("[p2p 73] in distress the primary is probed at once, other paths go on with their first twelve probes", () => {
  const gateway = new TestPathAgent();
  gateway.addLocal("host", HOST);
  gateway.addRemote("host", PEER);
  gateway.addRemote("relay", PEER_RELAYED, "10.9.9.9:1");
  gateway.initiation(HOST, PEER);
  gateway.advance(1_500);
  const before = gateway.sent.length;

  gateway.sendInitiation(1);
  gateway.sendInitiation(2);
  gateway.advance(0);

  const probed = gateway.sent.slice(before)
    .filter(({ kind }) => kind === "packet").map(({ path }) => path);
  assert.deepEqual(probed, [`${HOST} > ${PEER}`]);
});

Deno.test("[p2p 74] a response in between resets the count of our initiations", () => {
  const gateway = withPrimary();

  gateway.sendInitiation(1);
  gateway.response(HOST, PEER);
  gateway.sendInitiation(2);

  assert.equal(gateway.primary, `${HOST} > ${PEER}`);
});

Deno.test("[p2p 73] two initiations of the peer without data in between leave the primary", () => {
  const gateway = withPrimary();

  gateway.initiation(HOST, PEER);
  const afterOne = gateway.primary;
  gateway.initiation(HOST, PEER);

  assert.equal(afterOne, `${HOST} > ${PEER}`);
  assert.equal(gateway.primary, undefined);
});

Deno.test("[p2p 74] data in between resets the count of the peer's initiations", () => {
  const gateway = withPrimary();

  for (let i = 0; i < 5; i++) {
    gateway.initiation(HOST, PEER);
    gateway.agent.noteData();
  }

  assert.equal(gateway.primary, `${HOST} > ${PEER}`);
});

Deno.test("[p2p 74] another primary resets both counts", () => {
  const gateway = gatewayOf();
  gateway.advance(5);
  gateway.answerProbe(HOST, PEER_RELAYED);
  gateway.agent.noteData();
  gateway.initiation(HOST, PEER_RELAYED);
  gateway.sendInitiation(1);

  gateway.answerProbe(HOST, PEER);
  gateway.initiation(HOST, PEER_RELAYED);
  gateway.sendInitiation(2);

  assert.equal(gateway.primary, `${HOST} > ${PEER}`);
});

Deno.test("after distress a path that was measured before is taken only if it answers again", () => {
  for (const restMs of [0, 60_000]) {
    const gateway = new TestPathAgent();
    gateway.addLocal("host", HOST);
    for (const host of [1, 2, 3]) gateway.addRemote("host", `10.1.0.${host}:9`);
    gateway.initiation("10.0.0.99:1", PEER);
    gateway.advance(5);
    gateway.answerProbe(HOST, "10.1.0.1:9");
    gateway.advance(5);
    gateway.answerProbe(HOST, "10.1.0.2:9");
    gateway.advance(restMs);

    gateway.sendInitiation(1);
    gateway.sendInitiation(2);
    gateway.advance(500);
    gateway.answerProbe(HOST, "10.1.0.3:9");

    assert.equal(gateway.primary, `${HOST} > 10.1.0.3:9`, `${restMs}`);
  }
});

Deno.test("a path that is found again is not announced again", () => {
  const gateway = withPrimary();

  gateway.sendInitiation(1);
  gateway.sendInitiation(2);
  gateway.advance(5);
  gateway.answerProbe(HOST, PEER);

  assert.equal(gateway.primary, `${HOST} > ${PEER}`);
  assert.deepEqual(gateway.selected, [`${HOST} > ${PEER}`]);
});

Deno.test("a routine re-key probes nothing", () => {
  const gateway = withPrimary();
  const before = gateway.sent.length;

  gateway.initiation(HOST, PEER);
  gateway.agent.noteData();
  gateway.sendInitiation(1);
  gateway.response(HOST, PEER);
  gateway.advance(100);

  const probes = gateway.sent.slice(before).filter(({ kind }) =>
    kind === "packet"
  );
  assert.deepEqual(probes, []);
});

Deno.test("whatever happens, the primary is a pair of live candidates and the agent comes to rest", () => {
  fc.assert(fc.property(fc.array(step(), { maxLength: 60 }), (steps) => {
    const agent = new TestPathAgent();
    for (const run of steps) {
      run(agent);
      agent.advance(17);
      const locals = agent.agent.localCandidates();
      const remotes = agent.agent.remoteCandidates();
      const { primary } = agent.agent;
      assert.ok(!primary || locals.includes(primary.local));
      assert.ok(!primary || remotes.includes(primary.remote));
      assert.ok(agent.agent.pollTimeout() > agent.now);
    }
    agent.advance(300_000);
    assert.ok(agent.agent.pollTimeout() > agent.now);
  }));
});

/** Something that may happen to an agent. */
function step(): fc.Arbitrary<(agent: TestPathAgent) => void> {
  const local = fc.constantFrom(HOST, RELAYED, "10.0.0.6:52625");
  const remote = fc.constantFrom(PEER, PEER_RELAYED, "10.1.0.1:9");
  const number = fc.integer({ min: 0, max: 12 });
  const kind = fc.constantFrom("host", "srflx", "relay");
  return fc.oneof(
    fc.tuple(kind, local).map(([kind, at]) => (agent: TestPathAgent) => {
      agent.addLocal(kind as "host", at, kind === "host" ? undefined : HOST);
    }),
    fc.tuple(kind, remote).map(([kind, at]) => (agent: TestPathAgent) =>
      agent.addRemote(kind as "host", at, kind === "host" ? undefined : PEER)
    ),
    fc.tuple(kind, remote).map(([kind, at]) => (agent: TestPathAgent) =>
      agent.removeRemote(kind as "host", at, kind === "host" ? undefined : PEER)
    ),
    fc.tuple(kind, local).map(([kind, at]) => (agent: TestPathAgent) => {
      agent.removeLocal(kind as "host", at, kind === "host" ? undefined : HOST);
    }),
    fc.tuple(local, remote).map(([a, b]) => (agent: TestPathAgent) =>
      agent.initiation(a, b)
    ),
    fc.tuple(local, remote).map(([a, b]) => (agent: TestPathAgent) =>
      agent.response(a, b)
    ),
    fc.tuple(local, remote).map(([a, b]) => (agent: TestPathAgent) =>
      agent.probe(a, b)
    ),
    fc.tuple(local, remote, number, number).map(
      ([a, b, id, seq]) => (agent: TestPathAgent) => {
        agent.reply(a, b, id, seq);
      },
    ),
    number.map((n) => (agent: TestPathAgent) => agent.sendInitiation(n)),
  );
}

/** A gateway with a direct and a relayed pair and a session, but no primary. */
function gatewayOf(): TestPathAgent {
  const gateway = new TestPathAgent();
  gateway.addLocal("host", HOST);
  gateway.addRemote("srflx", PEER, "10.9.9.9:52625");
  gateway.addRemote("relay", PEER_RELAYED, "10.9.9.9:52625");
  gateway.initiation("10.0.0.99:52625", PEER);
  gateway.agent.noteData();
  return gateway;
}

/** The same with the direct pair as the primary, at rest. */
function withPrimary(): TestPathAgent {
  const gateway = gatewayOf();
  gateway.advance(5);
  gateway.answerProbe(HOST, PEER);
  gateway.advance(20_000);
  return gateway;
}
