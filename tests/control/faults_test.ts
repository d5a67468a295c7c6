import assert from "node:assert/strict";
import { gatewayUrl, Lab } from "./lab.ts";

const HEADERS = {
  "x-authorization": "Bearer .gateway",
  "user-agent": "Debian/12.0.0 gateway/1.6.0",
};

Deno.test("upgrades can be refused with any response, before any check", () => {
  const lab = new Lab();
  const refusal = { status: 503, headers: { "Retry-After": "2" }, body: "x" };
  lab.control.faults.refuseUpgrades = refusal;

  assert.deepEqual(lab.request("/nowhere", {}).answer, {
    kind: "refuse",
    refusal,
  });

  lab.control.faults.refuseUpgrades = undefined;
  lab.gateway();
});

Deno.test("joins can be left unanswered", () => {
  const lab = new Lab();
  lab.control.faults.ignoreJoins = true;
  const gateway = lab.gateway();

  assert.deepEqual(lab.take(gateway), []);

  lab.control.faults.ignoreJoins = false;
  lab.send(gateway, "gateway", "phx_join", null);
  assert.deepEqual(lab.takeEvents(gateway), ["phx_reply", "init"]);
});

Deno.test("heartbeats can be left unanswered", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  lab.take(gateway);
  lab.control.faults.ignoreHeartbeats = true;

  lab.send(gateway, "phoenix", "heartbeat", {});

  assert.deepEqual(lab.take(gateway), []);
});

Deno.test("any text and any push can be sent", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  lab.take(gateway);

  lab.control.sendText(gateway, '{"truncated":');
  lab.control.sendPush(gateway, "nonsense", { a: 1 });

  assert.deepEqual(lab.take(gateway), [
    '{"truncated":',
    { topic: "gateway", event: "nonsense", payload: { a: 1 }, ref: null },
  ]);
});

Deno.test("a socket can be closed with any code", () => {
  const lab = new Lab();
  const gateway = lab.gateway();

  lab.control.closeSocket(gateway, 4_321, lab.now);

  assert.equal(lab.closeCode(gateway), 4_321);
  lab.gateway(); // Its slot is free.
});

Deno.test("a channel can be closed under its socket, which may then join again", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  lab.take(gateway);

  lab.control.closeChannel(gateway, lab.now);
  lab.send(gateway, "gateway", "no_relays", {});
  lab.send(gateway, "gateway", "phx_join", null);

  const frames = lab.take(gateway);
  assert.deepEqual(frames.map(({ event }) => event), [
    "phx_close",
    "phx_reply",
    "phx_reply",
    "init",
  ]);
  assert.equal(frames[1].payload.response.reason, "unmatched topic");
  assert.equal(lab.closeCode(gateway), undefined);
});

Deno.test("a channel can crash, which ends its socket with 1012", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  lab.take(gateway);

  lab.control.crashChannel(gateway, lab.now);

  const [frame] = lab.take(gateway);
  assert.equal(frame.event, "phx_error");
  assert.deepEqual(frame.payload, { reason: "channel_crash" });
  assert.equal(lab.closeCode(gateway), 1012);
});

Deno.test("pushes can be sent twice, or held back and sent in reverse", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  lab.take(gateway);
  const { faults } = lab.control;

  faults.duplicatePushes = true;
  lab.control.sendPush(gateway, "a", {});
  faults.duplicatePushes = false;
  faults.holdPushes = true;
  lab.control.sendPush(gateway, "b", {});
  lab.control.sendPush(gateway, "c", {});
  assert.deepEqual(lab.takeEvents(gateway), ["a", "a"]);

  faults.holdPushes = false;
  lab.control.releasePushes("reversed");
  assert.deepEqual(lab.takeEvents(gateway), ["c", "b"]);
});

Deno.test("faults about sockets that do not exist have no effect", () => {
  const lab = new Lab();
  lab.request(gatewayUrl(), HEADERS);

  lab.control.closeSocket(99, 1000, lab.now);
  lab.control.closeChannel(99, lab.now);
  lab.control.crashChannel(99, lab.now);
  lab.control.sendPush(99, "x", {});

  assert.equal(lab.closeCode(99), undefined);
  assert.deepEqual(lab.take(99), []);
});
