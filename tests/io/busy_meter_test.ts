import assert from "node:assert/strict";
import fc from "fast-check";
import { instant } from "../../lib/base/mod.ts";
import { BusyMeter } from "../../lib/io/busy_meter.ts";

Deno.test("[ops 6] a loop that sleeps a quarter of the time is busy for the rest", () => {
  const meter = new BusyMeter(instant(0));

  for (let at = 0; at < 30_000; at += 100) {
    meter.noteSleep(instant(at), instant(at + 25));
  }

  assert.ok(Math.abs(meter.share(instant(30_000)) - 0.75) < 0.01);
});

Deno.test("[ops 6] a loop that never sleeps is busy all the time, one that only sleeps never", () => {
  const busy = new BusyMeter(instant(5_000));
  const asleep = new BusyMeter(instant(5_000));

  for (let at = 5_000; at < 25_000; at += 500) {
    asleep.noteSleep(instant(at), instant(at + 500));
  }

  assert.equal(busy.share(instant(25_000)), 1);
  assert.ok(asleep.share(instant(25_000)) < 0.001);
});

Deno.test("[ops 6] a loop that is kept from the processor is busy, however long it seems to sleep", () => {
  let wantedMs = 5_000;
  const meter = new BusyMeter(instant(0), () => wantedMs);

  for (let at = 0; at < 30_000; at += 100) {
    wantedMs += 90;
    meter.noteSleep(instant(at), instant(at + 99));
  }

  assert.ok(Math.abs(meter.share(instant(30_000)) - 0.9) < 0.02);
  for (let at = 30_000; at < 42_000; at += 100) {
    meter.noteSleep(instant(at), instant(at + 100));
  }
  assert.ok(meter.share(instant(42_000)) < 0.01);
});

Deno.test("[ops 6] what was more than ten seconds ago does not count", () => {
  const meter = new BusyMeter(instant(0));
  for (let at = 0; at < 10_000; at += 500) {
    meter.noteSleep(instant(at), instant(at + 500));
  }

  assert.ok(meter.share(instant(10_000)) < 0.001);
  assert.ok(meter.share(instant(15_000)) >= 0.5);
  assert.equal(meter.share(instant(20_000)), 1);
  assert.equal(meter.share(instant(3_000_000)), 1);
});

Deno.test("[ops 6] the share is between 0 and 1 whatever the loop does", () => {
  const turn = fc.record({
    worksMs: fc.double({ min: 0, max: 30_000, noNaN: true }),
    sleepsMs: fc.double({ min: 0, max: 500, noNaN: true }),
  });
  fc.assert(fc.property(fc.array(turn), (turns) => {
    const meter = new BusyMeter(instant(0));
    let now = 0;
    for (const { worksMs, sleepsMs } of turns) {
      now += worksMs;
      meter.noteSleep(instant(now), instant(now + sleepsMs));
      now += sleepsMs;
      const share = meter.share(instant(now));
      assert.ok(share >= 0 && share <= 1);
    }
  }));
});
