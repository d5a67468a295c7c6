import assert from "node:assert/strict";
import { instant } from "../../lib/base/mod.ts";
import { RepairPace } from "../../lib/cli/repair_pace.ts";

Deno.test("a firewall that is changed without harm to us is looked at once a second, however often", () => {
  const pace = new RepairPace();

  for (let second = 0; second < 100; second++) {
    assert.equal(pace.handleLook(false, instant(second * 1_000)), 1_000);
  }
  assert.equal(pace.isFight, false);
});

Deno.test("each repair that follows another doubles the pause, up to half a minute", () => {
  const pace = new RepairPace();
  const pauses: number[] = [];

  let now = 0;
  for (let i = 0; i < 7; i++) {
    const pauseMs = pace.handleLook(true, instant(now));
    pauses.push(pauseMs);
    now += pauseMs;
  }

  assert.deepEqual(
    pauses,
    [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000],
  );
});

Deno.test("looks that find all well in the midst of a fight do not end it", () => {
  const pace = new RepairPace();
  for (let i = 0; i < 3; i++) pace.handleLook(true, instant(i * 1_000));

  assert.equal(pace.handleLook(false, instant(3_000)), 4_000);
  assert.equal(pace.handleLook(true, instant(7_000)), 8_000);
});

Deno.test("a minute without a repair ends a fight", () => {
  const pace = new RepairPace();
  const fights: boolean[] = [];
  for (let i = 0; i < 5; i++) {
    pace.handleLook(true, instant(i));
    fights.push(pace.isFight);
  }

  const justBefore = pace.handleLook(false, instant(60_003));
  const wasFight = pace.isFight;
  const afterwards = pace.handleLook(false, instant(60_004));

  assert.deepEqual(fights, [false, false, false, false, true]);
  assert.equal(justBefore, 16_000);
  assert.equal(wasFight, true);
  assert.equal(afterwards, 1_000);
  assert.equal(pace.isFight, false);
});
