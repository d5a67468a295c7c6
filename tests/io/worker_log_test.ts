import assert from "node:assert/strict";
import { instant } from "../../lib/base/mod.ts";
import type { Clock } from "../../lib/io/clock.ts";
import type { ControlChannel } from "../../lib/io/control_channel.ts";
import { createIoCounters } from "../../lib/io/io_counters.ts";
import { WorkerLog } from "../../lib/io/worker_log.ts";
import type { FromWorker } from "../../lib/io/worker_protocol.ts";

Deno.test("the worker's loggers follow the thresholds, also those that exist and their children", () => {
  const sent: string[] = [];
  const logs = logInto(sent);
  const io = logs.logger("io");
  const ice = io.child("ice");

  io.log("debug", "hidden");
  logs.setThresholds({ fallback: "warn", targets: [["ice", "trace"]] });
  io.log("info", "hidden, too");
  ice.log("trace", "shown");
  io.child("ice").log("debug", "shown as well");

  assert.deepEqual(sent, ["ice: shown", "ice: shown as well"]);
  assert.equal(io.enabled("info"), false);
  assert.equal(ice.enabled("trace"), true);
});

Deno.test("of a flood of lines so many cross as the main thread can take, and the rest are counted", () => {
  const sent: string[] = [];
  const counters = createIoCounters();
  const log = logInto(sent, counters).logger("io");

  for (let i = 0; i < 6_000; i++) log.log("info", "again");

  assert.equal(sent.length, 5_000);
  assert.equal(counters.get("log-line-suppressed"), 1_000);
});

function logInto(sent: string[], counters = createIoCounters()): WorkerLog {
  const channel: Pick<ControlChannel, "publish"> = {
    publish(message: FromWorker) {
      if (message.kind === "log") {
        sent.push(`${message.target}: ${message.message}`);
      }
    },
  };
  const clock: Pick<Clock, "now"> = { now: () => instant(0) };
  const thresholds = { fallback: "info", targets: [] } as const;
  return new WorkerLog(
    channel as unknown as ControlChannel,
    thresholds,
    counters,
    clock as unknown as Clock,
  );
}
