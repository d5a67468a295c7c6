import assert from "node:assert/strict";
import { instant } from "../../lib/base/mod.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  GatewayHarness,
} from "../support/gateway_harness.ts";

Deno.test("[ops 6] a gateway that drains takes leave of each client after ten seconds of silence, and tells when none is left", () => {
  const world = drainable();
  world.node.activity.set(ALICE.id, instant(-9_000));
  world.node.activity.set(BOB.id, instant(0));

  world.tell({ kind: "drain" });
  world.advance(2_000);
  const afterTwoSeconds = goodbyes(world);
  const early = drainedEvents(world);
  world.advance(8_000);

  assert.deepEqual(afterTwoSeconds, [`close ${ALICE.id} goodbye`]);
  assert.equal(early, 0);
  assert.deepEqual(goodbyes(world), [
    `close ${ALICE.id} goodbye`,
    `close ${BOB.id} goodbye`,
  ]);
  assert.equal(drainedEvents(world), 1);
});

Deno.test("[ops 6] a client that goes on talking is not sent away by a drain", () => {
  const world = drainable();

  world.tell({ kind: "drain" });
  for (let second = 0; second < 60; second++) {
    world.node.activity.set(ALICE.id, world.now);
    world.advance(1_000);
  }

  assert.deepEqual(goodbyes(world), [`close ${BOB.id} goodbye`]);
  assert.equal(drainedEvents(world), 0);
  assert.equal(world.sendTo("10.0.0.1"), "forward");
});

Deno.test("[ops 6] a client without a connection is sent away at once, and a gateway without clients is drained at once", () => {
  const world = drainable();

  world.tell({ kind: "drain" });
  world.advance(0);

  assert.equal(goodbyes(world).length, 2);
  assert.equal(drainedEvents(world), 1);
});

Deno.test("[ops 6] a second order to drain changes nothing", () => {
  const world = drainable();

  world.tell({ kind: "drain" });
  world.advance(1_000);
  world.tell({ kind: "drain" });
  world.advance(1_000);

  assert.equal(drainedEvents(world), 1);
});

function drainable(): GatewayHarness {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
  world.grant(BOB, cidrResource("r1", "10.0.0.0/8"));
  return world;
}

function goodbyes({ node }: GatewayHarness): string[] {
  return node.calls.filter((call) => call.startsWith("close"));
}

function drainedEvents(world: GatewayHarness): number {
  return world.takeEvents().filter(({ kind }) => kind === "drained").length;
}
