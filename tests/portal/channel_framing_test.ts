import assert from "node:assert/strict";
import type { GatewayRequest } from "../../lib/portal/mod.ts";
import {
  CLIENT_ID,
  Harness,
  initPayload,
  LOST,
  RESOURCE_ID,
} from "./harness.ts";

const NO_RELAYS: GatewayRequest = { kind: "no-relays" };

function created(ref: string): GatewayRequest {
  return { kind: "authorization-created", ref };
}

Deno.test("[portal 33] every outgoing message has topic, event, payload and an integer ref", () => {
  const portal = new Harness({ capabilities: { iceless: false } }).open();
  const texts: string[] = [];
  const collect = () => {
    for (;;) {
      const text = portal.channel.pollTransmit();
      if (text === undefined) return;
      texts.push(text);
    }
  };
  collect();
  portal.reply(0);
  portal.channel.send(NO_RELAYS);
  portal.channel.send(created("signed"));
  collect();
  portal.channel.handleTimeout(portal.channel.pollTimeout());
  collect();

  const frames = texts.map((text) => JSON.parse(text));

  assert.deepEqual(frames, [
    { topic: "gateway", event: "phx_join", payload: null, ref: 0 },
    {
      topic: "gateway",
      event: "set_snownet_capabilities",
      payload: { iceless: false },
      ref: 1,
    },
    { topic: "gateway", event: "no_relays", payload: {}, ref: 2 },
    {
      topic: "gateway",
      event: "authorization_created",
      payload: { ref: "signed" },
      ref: 3,
    },
    { topic: "phoenix", event: "heartbeat", payload: {}, ref: 4 },
  ]);
});

Deno.test("[portal 34] refs are unique in a connection and start at 0 in each", () => {
  const portal = new Harness().join();
  portal.channel.send(NO_RELAYS);
  assert.deepEqual(portal.sent().map((frame) => frame.ref), [1]);
  assert.deepEqual(portal.advance(20_000).map((frame) => frame.ref), [2, 3]);

  portal.reopen();

  assert.deepEqual(portal.sent().map((frame) => frame.ref), [0]);
});

Deno.test("[portal 35] [portal 36] [portal regression 10] the join comes first and alone until it is acknowledged", () => {
  const portal = new Harness().open();
  assert.equal(portal.channel.send(created("a")), "queued");

  const beforeJoin = portal.sent();
  portal.reply(0);
  const afterJoin = portal.sent();

  assert.deepEqual(beforeJoin, [
    { topic: "gateway", event: "phx_join", payload: null, ref: 0 },
  ]);
  assert.deepEqual(afterJoin.map((frame) => frame.payload), [{ ref: "a" }]);
});

Deno.test("[portal 37] [portal regression 11] a join without reply for 5 s fails the connection", () => {
  const portal = new Harness().open();
  portal.sent();

  portal.advance(4_999);
  assert.deepEqual(portal.kinds(), []);
  portal.advance(1);

  assert.deepEqual(portal.kinds(), ["release", "disconnected", "connect"]);
});

Deno.test("[portal 38] [portal regression 12] a join error is fatal", () => {
  for (const reason of ["refused", "join crashed", "unmatched topic"]) {
    const portal = new Harness().open();
    portal.sent();

    portal.refuse(0, reason);

    assert.deepEqual(portal.events(), [
      { kind: "release", how: "close" },
      { kind: "fatal", reason: { kind: "join-refused", reason } },
    ]);
  }
});

Deno.test("[portal 39] a reply with the wrong ref, topic or response does not complete the join", () => {
  const portal = new Harness().open();
  portal.sent();

  portal.reply(1);
  portal.reply(0, "client");
  portal.reply(0, "gateway", null);
  portal.reply(0, "gateway", { hello: "gateway" });
  portal.reply(0, "gateway", []);
  portal.receive({
    topic: "gateway",
    event: "phx_reply",
    payload: { status: "ok", response: {} },
    ref: "0",
  });
  portal.receive({
    topic: "gateway",
    event: "phx_reply",
    payload: { status: "ok", response: {} },
  });

  assert.deepEqual(portal.events(), []);
  assert.equal(portal.channel.joined, false);
  assert.equal(portal.channel.counters["invalid-reply"], 2);
  assert.equal(portal.channel.counters["reply-without-result"], 1);
  assert.equal(portal.channel.counters["reply-without-ref"], 1);
  assert.equal(portal.channel.counters["invalid-envelope"], 1);
  assert.equal(portal.channel.counters["reply-ignored"], 2);
  portal.reply(0);
  assert.deepEqual(portal.kinds(), ["joined"]);
});

Deno.test("[portal 40] [portal regression 13] heartbeats go out every 10 s from the handshake on, whatever else is sent", () => {
  const portal = new Harness().join();
  const start = portal.now;
  const times: number[] = [];

  for (let second = 1; second <= 60; second++) {
    portal.channel.send(created(`${second}`));
    for (const frame of portal.advance(1_000)) {
      if (frame.event !== "heartbeat") continue;
      times.push(portal.now - start);
      assert.equal(frame.topic, "phoenix");
      portal.reply(frame.ref, "phoenix");
    }
  }

  assert.deepEqual(times, [10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
});

Deno.test("[portal 41] [portal regression 15] the connection fails when a fourth heartbeat is unanswered, not before", () => {
  const portal = new Harness().join();

  assert.equal(portal.advance(30_000).length, 3);
  assert.deepEqual(portal.kinds(), []);
  assert.equal(portal.advance(10_000).length, 1);

  const events = portal.events();
  assert.deepEqual(events.map((event) => event.kind), [
    "release",
    "disconnected",
    "connect",
  ]);
  assert.deepEqual(
    events[1]?.kind === "disconnected" && events[1].failure,
    { kind: "heartbeats-unanswered" },
  );
});

Deno.test("[portal 41] replies to other refs do not count as answers", () => {
  const portal = new Harness().join();
  for (let i = 0; i < 3; i++) {
    for (const frame of portal.advance(10_000)) {
      portal.reply(frame.ref + 100, "phoenix");
    }
  }

  portal.advance(10_000);

  assert.ok(portal.kinds().includes("disconnected"));
});

Deno.test("[portal regression 15] a late reply keeps the connection", () => {
  const portal = new Harness().join();
  const [first, second, third] = portal.advance(30_000);
  for (const frame of [third, first, second]) {
    portal.reply(frame?.ref ?? NaN, "phoenix");
  }

  portal.advance(30_000);

  assert.deepEqual(portal.kinds(), []);
});

Deno.test("[portal 42] [portal regression 14] heartbeats that could not be written are not outstanding", () => {
  const portal = new Harness().join();
  portal.writable = false;

  portal.advance(600_000);
  assert.deepEqual(portal.kinds(), []);
  portal.writable = true;

  assert.equal(portal.sent().length, 1, "missed ticks are skipped");
  assert.equal(portal.advance(20_000).length, 2);
  assert.deepEqual(portal.kinds(), []);
});

Deno.test("ticks missed while the machine slept are skipped", () => {
  const portal = new Harness().join();

  portal.now = (portal.now + 86_400_000) as typeof portal.now;
  portal.channel.handleTimeout(portal.now);

  assert.equal(portal.sent().length, 1);
  assert.equal(portal.advance(9_999).length, 0);
  assert.equal(portal.advance(1).length, 1);
});

Deno.test("heartbeats are sent while a second join is pending", () => {
  const portal = new Harness().join();
  portal.channel.send(NO_RELAYS);
  const [message] = portal.sent();
  portal.advance(8_000);
  portal.refuse(message?.ref ?? NaN, "unmatched topic");

  const events = portal.advance(2_000).map((frame) => frame.event);

  assert.deepEqual(events, ["phx_join", "heartbeat"]);
});

Deno.test("[portal 43] [portal regression 22] unmatched topic leads to a second join on the same socket that holds back messages", () => {
  const portal = new Harness({ capabilities: { iceless: true } }).join();
  portal.sent();
  portal.channel.send(created("lost"));
  portal.channel.send(created("lost too"));
  const lost = portal.sent();

  portal.refuse(lost[0]?.ref ?? NaN, "unmatched topic");
  portal.channel.send(created("kept"));
  const joins = portal.sent();
  portal.refuse(lost[1]?.ref ?? NaN, "unmatched topic");
  assert.deepEqual(portal.sent(), [], "one join at a time");
  portal.reply(joins[0]?.ref ?? NaN);
  const after = portal.sent();

  assert.deepEqual(joins.map((frame) => frame.event), ["phx_join"]);
  assert.deepEqual(portal.kinds(), ["joined"]);
  assert.deepEqual(after.map((frame) => frame.payload), [
    { iceless: true },
    { ref: "kept" },
  ]);
});

Deno.test("[portal 43] a second join has 5 s like the first", () => {
  const portal = new Harness().join();
  portal.channel.send(NO_RELAYS);
  const [message] = portal.sent();
  portal.refuse(message?.ref ?? NaN, "unmatched topic");
  portal.sent();

  portal.advance(5_000);

  assert.ok(portal.kinds().includes("disconnected"));
});

Deno.test("[portal 44] other error replies are ignored", () => {
  const portal = new Harness().join();
  portal.channel.send(NO_RELAYS);
  const ref = portal.sent()[0]?.ref ?? NaN;

  for (
    const reason of [
      "unknown_message",
      "invalid_ref",
      "invalid_version",
      "disabled",
      "bad reply",
    ]
  ) {
    portal.refuse(ref, reason);
  }
  portal.refuse(ref, "unmatched topic", "phoenix");

  assert.deepEqual(portal.kinds(), []);
  assert.deepEqual(portal.sent(), []);
  assert.equal(portal.channel.joined, true);
});

Deno.test("[portal 45] phx_close leads to a reconnect and phx_error is ignored", () => {
  const portal = new Harness().join();

  portal.push("phx_error", {});
  portal.push("phx_error", { reason: "channel_crash" });
  assert.deepEqual(portal.kinds(), []);
  portal.push("phx_close", { unexpected: true });
  assert.deepEqual(portal.kinds(), []);
  portal.push("phx_close", {});

  assert.deepEqual(portal.kinds(), ["release", "disconnected", "connect"]);
});

Deno.test("[portal 46] a close frame leads to a reconnect whatever its code", () => {
  for (const code of [1000, 1001, 1002, 1005, 1009, 1011, 1012, 3000, 4999]) {
    const portal = new Harness().join();

    const delay = portal.failWith({ kind: "closed", code });

    assert.ok(typeof delay === "number" && delay >= 500);
  }
});

Deno.test("[portal 47] disconnect with token_expired is fatal, with any other reason ignored", () => {
  const portal = new Harness().join();

  portal.push("disconnect", { reason: "certificate_revoked" });
  portal.push("disconnect", {});
  portal.push("disconnect", null);
  assert.deepEqual(portal.events(), []);
  assert.equal(portal.channel.counters["unknown-disconnect"], 3);
  portal.push("disconnect", { reason: "token_expired" });

  assert.deepEqual(portal.events(), [
    { kind: "release", how: "close" },
    { kind: "fatal", reason: { kind: "token-expired" } },
  ]);
});

Deno.test("[portal 48] unknown events and unknown fields are ignored", () => {
  const portal = new Harness().join();

  portal.push("shiny_feature", { a: 1 });
  assert.deepEqual(portal.events(), []);
  portal.receive({
    topic: "gateway",
    event: "reject_access",
    ref: null,
    join_ref: null,
    surprise: 1,
    payload: { client_id: CLIENT_ID, resource_id: RESOURCE_ID, extra: [] },
  });

  assert.deepEqual(portal.events(), [{
    kind: "message",
    message: {
      kind: "reject-access",
      clientId: CLIENT_ID,
      resourceId: RESOURCE_ID,
    },
  }]);
  assert.equal(portal.channel.counters["unknown-event"], 1);
});

Deno.test("[portal 49] a message with a missing field is dropped and the connection kept", () => {
  const portal = new Harness().join();

  portal.push("reject_access", { client_id: CLIENT_ID });

  assert.deepEqual(portal.events(), []);
  assert.equal(portal.channel.counters["missing-field"], 1);
  assert.equal(portal.channel.joined, true);
});

Deno.test("[portal 50] truncated JSON fails the connection, other malformed JSON is dropped", () => {
  for (const text of ["", " ", "{", '{"topic":"gate', '{"event":tr', "[1,"]) {
    const portal = new Harness().join();

    portal.receiveText(text);

    assert.ok(portal.kinds().includes("disconnected"), text);
    assert.equal(portal.channel.counters["truncated-json"], 1);
  }
  for (
    const text of ["{]", "nope", "{}x", "'a'", '{"a":1,}', "[1 2]", "\u0000"]
  ) {
    const portal = new Harness().join();

    portal.receiveText(text);

    assert.deepEqual(portal.kinds(), [], text);
    assert.equal(portal.channel.counters["invalid-json"], 1, text);
  }
});

Deno.test("[portal 50] JSON that is no envelope is dropped", () => {
  const portal = new Harness().join();
  const texts = [
    "null",
    "5",
    "[]",
    '"text"',
    "{}",
    '{"topic":"gateway","event":"init","ref":null}',
    '{"topic":1,"event":"init","payload":{},"ref":null}',
    '{"topic":"gateway","event":null,"payload":{},"ref":null}',
    '{"topic":"gateway","event":"init","payload":{},"ref":-1}',
    '{"topic":"gateway","event":"init","payload":{},"ref":1.5}',
  ];

  for (const text of texts) portal.receiveText(text);

  assert.deepEqual(portal.kinds(), []);
  assert.equal(portal.channel.counters["invalid-envelope"], texts.length);
});

Deno.test("[portal 51] binary frames are ignored", () => {
  const portal = new Harness().join();

  portal.channel.handleBinary();

  assert.deepEqual(portal.kinds(), []);
  assert.equal(portal.channel.counters["binary-frame"], 1);
});

Deno.test("[portal 52] [portal regression 17] messages made while disconnected are dropped, and none outlives its connection", () => {
  const portal = new Harness().join();
  portal.writable = false;
  portal.channel.send(created("queued on the old connection"));
  portal.channel.handleFailure(LOST);
  portal.events();
  const verdict = portal.channel.send(created("while disconnected"));
  portal.writable = true;
  portal.channel.handleConnected(portal.now);
  portal.acknowledgeJoin();

  assert.equal(verdict, "not-connected");
  assert.deepEqual(portal.sent(), []);
  assert.equal(portal.channel.counters["not-connected"], 1);
});

Deno.test("[portal regression 9] neither join nor heartbeats of an old connection burden the next", () => {
  const portal = new Harness().join();
  portal.advance(30_000);
  portal.reopen();
  portal.sent();
  portal.advance(4_000);
  portal.reopen();
  const [join] = portal.sent();

  portal.advance(4_000);
  assert.deepEqual(portal.kinds(), [], "the join has its own 5 s");
  portal.reply(join?.ref ?? NaN);
  portal.channel.send(NO_RELAYS);

  assert.deepEqual(portal.sent().map((frame) => frame.event), ["no_relays"]);
  portal.advance(30_000);
  assert.deepEqual(portal.kinds(), ["joined"]);
});

Deno.test("[portal 53] [portal regression 19] a message equal to one that waits is not queued twice, one equal to a written one is", () => {
  const portal = new Harness().join();

  assert.equal(portal.channel.send(NO_RELAYS), "queued");
  assert.equal(portal.channel.send(NO_RELAYS), "duplicate");
  assert.equal(portal.channel.send(created("a")), "queued");
  assert.equal(portal.channel.send(NO_RELAYS), "duplicate");
  assert.equal(portal.sent().length, 2);
  assert.equal(portal.channel.send(NO_RELAYS), "queued");

  assert.equal(portal.sent().length, 1);
  assert.equal(portal.channel.counters.duplicate, 2);
});

Deno.test("[portal regression 18] the queue is bounded, and refuses newcomers when full", () => {
  const portal = new Harness().join();
  portal.writable = false;

  const verdicts = Array.from(
    { length: 5_000 },
    (_, i) => portal.channel.send(created(`${i}`)),
  );

  assert.equal(verdicts.at(-1), "queue-full");
  assert.ok(portal.channel.counters["queue-full"] > 0);
  portal.writable = true;
  assert.deepEqual(portal.sent()[0]?.payload, { ref: "0" });
});

Deno.test("[portal regression 20] messages are written in the order in which they were sent", () => {
  const portal = new Harness().join();
  const refs = Array.from({ length: 50 }, (_, i) => `${i}`);
  for (const ref of refs) portal.channel.send(created(ref));

  const written = portal.sent().map((frame) => frame.payload);

  assert.deepEqual(written, refs.map((ref) => ({ ref })));
});

Deno.test("[portal regression 21] the room is joined once on each connection", () => {
  const portal = new Harness().join();

  portal.advance(9_000);
  portal.reply(0);
  portal.push("init", initPayload());

  assert.deepEqual(portal.sent(), []);
});

Deno.test("[portal 54] connecting again closes the old connection first", () => {
  const portal = new Harness().join();

  portal.channel.connect();

  assert.deepEqual(portal.events(), [
    { kind: "release", how: "close" },
    { kind: "connect", delayMs: 0 },
  ]);
});

Deno.test("[portal 55] a message that would make a frame of 8,000,000 bytes is refused", () => {
  const portal = new Harness().join();

  assert.equal(portal.channel.send(created("x".repeat(7_990_000))), "queued");
  assert.equal(
    portal.channel.send(created("x".repeat(7_999_990))),
    "too-large",
  );
  assert.equal(
    portal.channel.send(created("\u20ac".repeat(2_700_000))),
    "too-large",
  );

  const longest = portal.channel.pollTransmit() ?? "";
  assert.ok(new TextEncoder().encode(longest).length < 8_000_000);
});

Deno.test("[p2p 2] [portal 56] capabilities are announced after every join before anything else", () => {
  const portal = new Harness({ capabilities: { iceless: false } }).open();
  portal.channel.send(NO_RELAYS);
  portal.acknowledgeJoin();

  const first = portal.sent().map((frame) => frame.event);
  portal.reopen();
  portal.acknowledgeJoin();
  const second = portal.sent().map((frame) => frame.event);

  assert.deepEqual(first, ["set_snownet_capabilities", "no_relays"]);
  assert.deepEqual(second, ["set_snownet_capabilities"]);
});

Deno.test("[portal 57] [portal regression 29] every init is delivered, at any time", () => {
  const portal = new Harness().join();

  portal.push("init", initPayload());
  portal.push("init", initPayload());

  assert.deepEqual(portal.kinds(), ["message", "message"]);
});

Deno.test("[portal 83] stopping closes the socket and ends the channel", () => {
  const portal = new Harness().join();

  portal.channel.stop();

  assert.deepEqual(portal.events(), [{ kind: "release", how: "close" }]);
  assert.equal(portal.channel.over, true);
  assert.equal(portal.channel.pollTimeout(), Infinity);
});
