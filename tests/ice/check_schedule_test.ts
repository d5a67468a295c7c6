import assert from "node:assert/strict";
import { instant } from "../../lib/base/mod.ts";
import {
  type Attempt,
  CheckSchedule,
  type CheckTiming,
  CLIENT_ACTIVE,
  CLIENT_IDLE,
  GATEWAY_ACTIVE,
  GATEWAY_IDLE,
} from "../../lib/ice/mod.ts";

Deno.test("[p2p 54] [p2p 55] the paces of checks are those of p2p spec §2.9", () => {
  assert.deepEqual(CLIENT_ACTIVE, {
    initialMs: 250,
    maxMs: 1500,
    retransmits: 12,
  });
  assert.deepEqual(CLIENT_IDLE, {
    initialMs: 25_000,
    maxMs: 25_000,
    retransmits: 4,
    earlyMs: 2_500,
  });
  assert.deepEqual(GATEWAY_ACTIVE, {
    initialMs: 250,
    maxMs: 15_000,
    retransmits: 45,
  });
  assert.deepEqual(GATEWAY_IDLE, {
    initialMs: 25_000,
    maxMs: 25_000,
    retransmits: 40,
    earlyMs: 2_500,
  });
});

Deno.test("[p2p 54] an unanswered pair of a client is checked at 0, 250, 750, 1750 ms, then every 1.5 s", () => {
  const run = new Run(CLIENT_ACTIVE);

  run.neverAnswer(6);

  assert.deepEqual(run.sentAt, [0, 250, 750, 1750, 3250, 4750]);
});

Deno.test("[p2p 53] an answered pair settles at 15 s on an active gateway and 25 s on an idle one", () => {
  const active = new Run(GATEWAY_ACTIVE);
  const idle = new Run(GATEWAY_IDLE);

  active.alwaysAnswer(20);
  idle.alwaysAnswer(5);

  assert.deepEqual(active.gaps().slice(-3), [15_000, 15_000, 15_000]);
  assert.deepEqual(idle.gaps(), [25_000, 25_000, 25_000, 25_000]);
});

Deno.test("when answers stop, an established pair of a client waits out its interval, then speeds up", () => {
  const run = new Run(CLIENT_ACTIVE);
  run.alwaysAnswer(20);

  run.neverAnswer(6);

  assert.deepEqual(run.gaps().slice(-5), [1500, 500, 1000, 1500, 1500]);
});

Deno.test("when answers stop, an established pair of a gateway waits out its interval, then speeds up", () => {
  const run = new Run(GATEWAY_ACTIVE);
  run.alwaysAnswer(50);

  run.neverAnswer(8);

  assert.deepEqual(
    run.gaps().slice(-7),
    [15_000, 500, 1000, 2000, 4000, 8000, 15_000],
  );
});

Deno.test("an unanswered check says nothing before half the longest wait has passed", () => {
  const dueAfterPause = (pauseMs: number): number => {
    const run = new Run(GATEWAY_ACTIVE);
    run.alwaysAnswer(50);
    run.neverAnswer(1);
    const last = run.sentAt.at(-1) ?? 0;
    const now = instant(last + pauseMs);
    run.schedule.setTiming(GATEWAY_IDLE, instant(last + 1));
    run.schedule.setTiming(GATEWAY_ACTIVE, now);
    return run.schedule.dueAt - last;
  };

  assert.equal(dueAfterPause(7_500), 15_000);
  assert.equal(dueAfterPause(7_501), 250);
});

Deno.test("[p2p 54] [p2p 55] an established pair is declared dead after the times of p2p spec §2.9", () => {
  const cases: [CheckTiming, number][] = [
    [GATEWAY_ACTIVE, 615_500],
    [GATEWAY_IDLE, 1_000_000],
    [CLIENT_ACTIVE, 16_500],
    [CLIENT_IDLE, 100_000],
  ];
  for (const [timing, expectedMs] of cases) {
    const run = new Run(timing);
    run.alwaysAnswer(60);

    const diedAfterMs = run.untilDeath();

    assert.equal(diedAfterMs, expectedMs);
  }
});

Deno.test("a pair on which the peer checks us lives on", () => {
  const run = new Run(CLIENT_ACTIVE);
  run.neverAnswer(12);
  const last = run.sentAt.at(-1) ?? 0;

  run.schedule.notePeerCheck(instant(last + 1000));

  assert.equal(run.schedule.isDead(instant(last + 1500)), false);
  assert.equal(run.schedule.isDead(instant(last + 15_999)), false);
  assert.equal(run.schedule.isDead(instant(last + 16_000)), true);
});

Deno.test("an expedited check is due at once, whatever happens before it is sent", () => {
  const run = new Run(GATEWAY_IDLE);
  run.alwaysAnswer(3);
  const now = instant(run.now + 1);

  run.schedule.expedite(now);
  run.schedule.setTiming(GATEWAY_ACTIVE, now);

  assert.equal(run.schedule.isDue(now), true);
});

Deno.test("a faster pace takes effect at once", () => {
  const run = new Run(GATEWAY_IDLE);
  run.alwaysAnswer(3);
  const last = run.sentAt.at(-1) ?? 0;

  run.schedule.setTiming(GATEWAY_ACTIVE, instant(last + 20_000));

  assert.equal(run.schedule.dueAt, last + 1000);
});

/** Drives a schedule as an agent would, answers included. */
class Run {
  readonly schedule: CheckSchedule;
  readonly sentAt: number[] = [];
  now = 0;

  constructor(timing: CheckTiming) {
    this.schedule = new CheckSchedule(timing, instant(0));
  }

  alwaysAnswer(checks: number): void {
    for (let i = 0; i < checks; i++) {
      const attempt = this.#send();
      this.now += 20;
      this.schedule.noteAnswered(attempt, instant(this.now));
    }
  }

  neverAnswer(checks: number): void {
    for (let i = 0; i < checks; i++) this.#send();
  }

  /** Sends without being answered. Returns how long after the first unanswered check the pair is dead. */
  untilDeath(): number {
    this.#send();
    const start = this.now;
    while (!this.schedule.isDead(instant(this.schedule.dueAt))) this.#send();
    return this.schedule.dueAt - start;
  }

  gaps(): number[] {
    return this.sentAt.slice(1).map((at, i) => at - (this.sentAt[i] ?? 0));
  }

  #send(): Attempt {
    this.now = Math.max(this.now, this.schedule.dueAt);
    this.sentAt.push(this.now);
    return this.schedule.noteSent(instant(this.now));
  }
}
