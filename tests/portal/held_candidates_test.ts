import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CLIENT_PROFILE,
  type GatewayRequest,
  HeldCandidates,
} from "../../lib/portal/mod.ts";
import { CLIENT_ID, Harness, LOST } from "./harness.ts";

const OTHER_ID = "33333333-cccc-4ccc-8ccc-333333333333";

function appeared(clientId: string, ...candidates: string[]): GatewayRequest {
  return { kind: "broadcast-ice-candidates", clientId, candidates };
}

function vanished(clientId: string, ...candidates: string[]): GatewayRequest {
  return { kind: "broadcast-invalidated-ice-candidates", clientId, candidates };
}

function disconnected(): Harness {
  const portal = new Harness({ capabilities: { iceless: false } }).join();
  portal.sent();
  portal.channel.handleFailure(LOST);
  portal.events();
  return portal;
}

function afterRejoin(portal: Harness): [string, unknown][] {
  portal.channel.handleConnected(portal.now);
  portal.acknowledgeJoin();
  return portal.sent().map((frame) => [frame.event, frame.payload]);
}

Deno.test("[portal 78] [p2p 15] [portal regression 35] candidate changes of an outage are flushed after the next join, one message for each peer and kind", () => {
  const portal = disconnected();
  const verdicts = [
    portal.channel.send(appeared(CLIENT_ID, "a")),
    portal.channel.send(vanished(CLIENT_ID, "old")),
    portal.channel.send(appeared(OTHER_ID, "x", "y")),
    portal.channel.send(appeared(CLIENT_ID, "b")),
  ];

  const flushed = afterRejoin(portal);

  assert.deepEqual(verdicts, ["held", "held", "held", "held"]);
  assert.deepEqual(flushed, [
    ["set_snownet_capabilities", { iceless: false }],
    [
      "broadcast_ice_candidates",
      { client_ids: [CLIENT_ID], candidates: ["a", "b"] },
    ],
    [
      "broadcast_ice_candidates",
      { client_ids: [OTHER_ID], candidates: ["x", "y"] },
    ],
    [
      "broadcast_invalidated_ice_candidates",
      { client_ids: [CLIENT_ID], candidates: ["old"] },
    ],
  ]);
});

Deno.test("[portal 78] [p2p 16] held changes that cancel each other out leave nothing", () => {
  const portal = disconnected();
  portal.channel.send(appeared(CLIENT_ID, "a"));
  portal.channel.send(vanished(CLIENT_ID, "a"));
  portal.channel.send(vanished(OTHER_ID, "b"));
  portal.channel.send(appeared(OTHER_ID, "b"));

  const flushed = afterRejoin(portal);

  assert.deepEqual(flushed, [
    ["set_snownet_capabilities", { iceless: false }],
    ["broadcast_ice_candidates", { client_ids: [OTHER_ID], candidates: ["b"] }],
  ]);
});

Deno.test("[portal 78] [p2p 16] [p2p 29] an ICE candidate and its withdrawal cancel each other out, although their lines differ", () => {
  const address = "198.51.100.9 51234 typ relay raddr 0.0.0.0 rport 0";
  const addition = `candidate:fffe3f02a 1 udp 37748479 ${address} ufrag jbi4`;
  const withdrawal = `candidate:fffeff02a 1 udp 50331391 ${address}`;
  const portal = disconnected();
  portal.channel.send(appeared(CLIENT_ID, addition));
  portal.channel.send(vanished(CLIENT_ID, withdrawal));
  portal.channel.send(vanished(OTHER_ID, withdrawal));
  portal.channel.send(appeared(OTHER_ID, addition));

  const flushed = afterRejoin(portal);

  assert.deepEqual(flushed.slice(1), [[
    "broadcast_ice_candidates",
    { client_ids: [OTHER_ID], candidates: [addition] },
  ]]);
});

Deno.test("[p2p 18] what is held is announced best first, whenever it was found", () => {
  const relay = "candidate:c 1 udp 37748479 198.51.100.9 51234 typ relay";
  const host4 = "candidate:b 1 udp 2130706175 10.0.0.5 52625 typ host";
  const host6 = "candidate:a 1 udp 2130706431 2001:db8::5 52625 typ host";
  const portal = disconnected();
  for (const line of [relay, host4, host6]) {
    portal.channel.send(appeared(CLIENT_ID, line));
  }

  const flushed = afterRejoin(portal);

  assert.deepEqual(flushed.slice(1), [[
    "broadcast_ice_candidates",
    { client_ids: [CLIENT_ID], candidates: [host6, host4, relay] },
  ]]);
});

Deno.test("[portal 78] changes are held until the join is acknowledged, not only until the socket opens", () => {
  const portal = disconnected();
  portal.channel.handleConnected(portal.now);

  assert.equal(portal.channel.send(appeared(CLIENT_ID, "a")), "held");

  portal.acknowledgeJoin();
  assert.equal(portal.sent().length, 2);
  assert.equal(portal.channel.send(appeared(CLIENT_ID, "b")), "queued");
});

Deno.test("[portal 78] nothing is held twice", () => {
  const portal = disconnected();
  portal.channel.send(appeared(CLIENT_ID, "a"));
  assert.equal(afterRejoin(portal).length, 2);

  portal.channel.handleFailure(LOST);
  portal.events();

  assert.deepEqual(afterRejoin(portal).map(([event]) => event), [
    "set_snownet_capabilities",
  ]);
});

Deno.test("[portal 79] what is held for a closed connection is discarded", () => {
  const portal = disconnected();
  portal.channel.send(appeared(CLIENT_ID, "a"));
  portal.channel.send(vanished(CLIENT_ID, "b"));

  portal.channel.forgetPeer(CLIENT_ID);

  assert.equal(afterRejoin(portal).length, 1);
});

Deno.test("before the first join nothing is held", () => {
  const portal = new Harness();
  portal.channel.connect();

  assert.equal(
    portal.channel.send(appeared(CLIENT_ID, "a")),
    "not-connected",
  );
});

Deno.test("other requests are not held", () => {
  assert.equal(
    disconnected().channel.send({ kind: "no-relays" }),
    "not-connected",
  );
});

Deno.test("a client's candidate changes are held and announced as well", () => {
  const change = { peer: OTHER_ID, candidates: ["a"] };
  for (
    const [kind, request] of [
      ["added", "new-ice-candidates"],
      ["removed", "invalidate-ice-candidates"],
    ] as const
  ) {
    const announced = CLIENT_PROFILE.announce({ kind, ...change });

    assert.deepEqual(announced, {
      kind: request,
      gatewayId: OTHER_ID,
      candidates: ["a"],
    });
    assert.deepEqual(
      announced && CLIENT_PROFILE.candidateChangeOf(announced),
      { kind, ...change },
    );
  }
});

Deno.test("held changes agree with a model that applies the rules one candidate at a time", () => {
  const change = fc.record({
    kind: fc.constantFrom("added" as const, "removed" as const),
    peer: fc.constantFrom("p", "q"),
    candidates: fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 3 }),
  });
  fc.assert(fc.property(fc.array(change), (changes) => {
    const held = new HeldCandidates();
    const model = new Map<string, "added" | "removed">();

    for (const { kind, peer, candidates } of changes) {
      held.hold({ kind, peer, candidates });
      for (const candidate of candidates) {
        const key = `${peer}/${candidate}`;
        if (kind === "removed" && model.get(key) === "added") model.delete(key);
        else model.set(key, kind);
      }
    }

    const taken = held.take().flatMap(({ kind, peer, candidates }) =>
      candidates.map((candidate) => [`${peer}/${candidate}`, kind] as const)
    );
    assert.deepEqual(new Map(taken), model);
    assert.equal(taken.length, model.size);
    assert.deepEqual(held.take(), []);
  }));
});

Deno.test("held changes are bounded for each peer and in the number of peers", () => {
  const held = new HeldCandidates();
  for (let peer = 0; peer < 5_000; peer++) {
    held.hold({ kind: "added", peer: `${peer}`, candidates: ["a"] });
  }
  const many = Array.from({ length: 1_000 }, (_, i) => `${i}`);
  held.hold({ kind: "added", peer: "0", candidates: many });

  const taken = held.take();

  assert.ok(taken.length <= 2_000);
  assert.ok((taken[0]?.candidates.length ?? 0) <= 100);
});
