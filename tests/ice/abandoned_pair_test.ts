import assert from "node:assert/strict";
import { GATEWAY_ACTIVE, GATEWAY_IDLE } from "../../lib/ice/mod.ts";
import {
  answerTo,
  CLIENT_CREDENTIALS,
  connectedGateway,
  OURS,
  PEER,
  request,
  TestAgent,
} from "./support.ts";

/** Another address of the client, of which pairs have a lower priority. */
const RELAYED = "198.51.100.9:51234";

/** How often a client checks each pair, active and idle, p2p spec §2.9. */
const ACTIVE_MS = 1_500;
const IDLE_MS = 25_000;

Deno.test("[p2p 50] a gateway leaves a nominated pair that the client checks no more for one that it does", () => {
  const gateway = gatewayWithTwoPairs();

  const afterMs = checkOnly(gateway, [RELAYED], ACTIVE_MS, 60_000);

  assert.ok(afterMs !== undefined && afterMs <= 9_000, `after ${afterMs} ms`);
});

Deno.test("[p2p 50] a gateway returns to the better pair when the client checks it again", () => {
  const gateway = gatewayWithTwoPairs();
  checkOnly(gateway, [RELAYED], ACTIVE_MS, 60_000);

  check(gateway, PEER);

  assert.deepEqual(gateway.takeSelected(), [PEER]);
});

Deno.test("a gateway stays with its pair when the client falls silent on all of them", () => {
  const gateway = gatewayWithTwoPairs();

  gateway.runFor(60_000);

  assert.deepEqual(gateway.takeSelected(), []);
});

Deno.test("four lost checks in a row do not move a gateway", () => {
  const gateway = gatewayWithTwoPairs();

  const moved = checkOnly(gateway, [RELAYED], ACTIVE_MS, 4 * ACTIVE_MS);
  check(gateway, PEER);

  assert.equal(moved, undefined);
  assert.deepEqual(gateway.takeSelected(), []);
});

Deno.test("an idle client checks its pairs so rarely that a gateway stays, and has time to wake up", () => {
  const gateway = gatewayWithTwoPairs();
  gateway.agent.setTiming(GATEWAY_IDLE, gateway.now);
  for (let i = 0; i < 3; i++) {
    gateway.runFor(IDLE_MS / 2);
    check(gateway, PEER);
    gateway.runFor(IDLE_MS / 2);
    check(gateway, RELAYED);
  }

  gateway.agent.setTiming(GATEWAY_ACTIVE, gateway.now);
  check(gateway, RELAYED);
  gateway.runFor(ACTIVE_MS);
  check(gateway, RELAYED);
  check(gateway, PEER);

  assert.deepEqual(gateway.takeSelected(), []);
});

Deno.test("a client that has given up its only pair takes it up again when the gateway checks it", () => {
  const client = new TestAgent("controlling");
  client.addLocal(PEER);
  client.addRemote(OURS);
  client.runFor(30_000);
  const stateAfterSilence = client.agent.state;

  const verdict = client.receive(
    request({
      username: "resc:jbi4",
      password: CLIENT_CREDENTIALS.password,
    }),
    OURS,
    PEER,
  );
  const [, check] = client.run();
  assert.ok(check);
  client.receive(answerTo(check.payload), OURS, PEER);

  assert.equal(stateAfterSilence, "disconnected");
  assert.equal(verdict, "accepted");
  assert.deepEqual(client.takeSelected(), [OURS]);
  assert.equal(client.agent.state, "completed");
});

/** A gateway that sends on the better of two nominated pairs. */
function gatewayWithTwoPairs(): TestAgent {
  const gateway = connectedGateway();
  gateway.addRemote(RELAYED, "relay", 37_748_479);
  check(gateway, RELAYED);
  check(gateway, PEER);
  assert.deepEqual(gateway.takeSelected(), []);
  return gateway;
}

function check(gateway: TestAgent, source: string): void {
  const verdict = gateway.receive(
    request({ useCandidate: true }),
    source,
    OURS,
  );
  assert.equal(verdict, "accepted");
}

/** Lets the client check only these pairs. Returns when the gateway moved, in ms. */
function checkOnly(
  gateway: TestAgent,
  sources: readonly string[],
  everyMs: number,
  limitMs: number,
): number | undefined {
  for (let ms = everyMs; ms <= limitMs; ms += everyMs) {
    gateway.runFor(everyMs);
    for (const source of sources) check(gateway, source);
    const [selected] = gateway.takeSelected();
    if (selected !== undefined) {
      assert.equal(selected, sources[0]);
      return ms;
    }
  }
  return undefined;
}
