import assert from "node:assert/strict";
import {
  LogFilter,
  parseLogDirectives,
  withFlowLogs,
} from "../../lib/cli/log_filter.ts";
import { LogSink, type LogSinkOptions } from "../../lib/cli/log_sink.ts";
import { rankOf, thresholdOf } from "../../lib/io/mod.ts";
import { Secret } from "../../lib/base/mod.ts";

Deno.test("a directive for a target beats the general level, the longest target wins", () => {
  const lines: string[] = [];
  const sink = sinkOf(
    "warn,ice=debug,ice::pair=error",
    (line) => lines.push(line),
  );

  sink.logger("portal").log("info", "dropped");
  sink.logger("ice").log("debug", "kept");
  sink.logger("ice::pair").log("warn", "dropped");

  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /kept/);
  assert.equal(
    sinkOf("off", () => {}).logger("portal").enabled("error"),
    false,
  );
});

Deno.test("[ops 1.1] levels are read in any case and by number, and of two directives for one target the last counts", () => {
  const ranks = (directives: string, target: string) => {
    const thresholds = parseLogDirectives(directives);
    assert.ok(!("malformed" in thresholds), directives);
    return thresholdOf(thresholds, target);
  };

  assert.equal(ranks("DEBUG", "io"), rankOf("debug"));
  assert.equal(ranks("Info,IO=Trace,io=5", "io"), rankOf("trace"));
  assert.equal(ranks("2", "io"), rankOf("warn"));
  assert.equal(ranks("io=trace, io=error ,", "io"), rankOf("error"));
  assert.equal(ranks("wire=debug", "wireguard"), rankOf("debug"));
  assert.equal(ranks("wire=debug", "io"), rankOf("info"));
  assert.equal(ranks("0", "io"), thresholdOf(parsed("off"), "io"));
});

Deno.test("[ops 1.1] a malformed directive is named", () => {
  for (const bad of ["ice=loud", "=info", "ice=", "a=b=info", "loud", "ice"]) {
    assert.deepEqual(parseLogDirectives(`info,${bad}`), { malformed: bad });
  }
});

Deno.test("lines about flows are kept whatever else is said of them", () => {
  const thresholds = withFlowLogs(parsed("flow_logs=off,warn"));

  assert.equal(thresholdOf(thresholds, "flow_logs"), rankOf("trace"));
  assert.equal(thresholdOf(thresholds, "io"), rankOf("warn"));
});

Deno.test("the filter changes while loggers are in use, and back to what is configured", () => {
  const lines: string[] = [];
  const filter = new LogFilter(parsed("warn"));
  const sink = sinkOf("", (line) => lines.push(line), { filter });
  const told: string[] = [];
  filter.onChange(({ fallback }) => told.push(fallback));
  const log = sink.logger("io");

  log.log("debug", "Hidden");
  assert.equal(filter.set("io=debug"), undefined);
  log.log("debug", "Shown");
  assert.deepEqual(filter.set("nonsense"), { malformed: "nonsense" });
  log.log("debug", "Shown still");
  filter.set("");
  log.log("info", "Hidden again");

  assert.equal(lines.length, 2);
  assert.deepEqual(told, ["info", "warn"]);
});

Deno.test("debug lines are switched on and off again", () => {
  const configured = parsed("error");
  const filter = new LogFilter(configured);

  assert.equal(filter.toggleDebug(), "debug");
  assert.equal(thresholdOf(filter.thresholds, "io"), rankOf("debug"));
  assert.equal(filter.toggleDebug(), "configured");
  assert.equal(filter.thresholds, configured);
});

Deno.test("[ops 1.7] a human line has UTC time in ms, padded level, target, message and fields", () => {
  assert.equal(
    render({}, { attempt: 2, reason: "no path", host: "a.example" }),
    '2026-01-02T03:04:05.678Z  WARN portal: Lost attempt=2 reason="no path" host=a.example',
  );
  assert.doesNotMatch(render({}, { gone: undefined }), /gone/);
});

Deno.test("[ops 1.7] only a terminal gets colours", () => {
  const plain = render({}, { attempt: 2 });
  const coloured = render({ isColoured: true }, { attempt: 2 });

  assert.ok(coloured.includes("\x1b[33m WARN\x1b[0m"), coloured);
  // deno-lint-ignore no-control-regex -- It is what colours are made of.
  assert.equal(coloured.replaceAll(/\x1b\[\d+m/g, ""), plain);
});

Deno.test("a field cannot forge a second log line", () => {
  assert.equal(render({}, { text: "a\nERROR b" }).split("\n").length, 1);
  assert.ok(!render({}, { text: "\x1b[2J" }).includes("\x1b"));
});

Deno.test("a field cannot bring what a terminal obeys or hides, and JSON stays what it was", () => {
  const hostile = [
    "\x9b2J",
    "a\u202eb",
    "\u2028x",
    "\u200b",
    "\u{e0001}",
    "\x7f",
  ];

  for (const text of hostile) {
    const human = render({}, { text });
    const json = render({ format: "json" }, { text });

    assert.match(human + json, /^[ -~]+$/, JSON.stringify(text));
    assert.equal(JSON.parse(json).text, text);
  }
});

Deno.test("[ops 1.7] a JSON line is one flat object, whose own members no field replaces", () => {
  const line = render({ format: "json" }, { attempt: 2, level: "x" });

  assert.deepEqual(JSON.parse(line), {
    time: "2026-01-02T03:04:05.678Z",
    level: "WARN",
    target: "portal",
    message: "Lost",
    attempt: 2,
    level_: "x",
  });
});

Deno.test("lines that find no room, or get lost, are counted and told once there is room", () => {
  const lines: string[] = [];
  let hasRoom = true;
  const sink = sinkOf("info", (line) => hasRoom && lines.push(line) > 0);
  const log = sink.logger("io");

  log.log("info", "First");
  hasRoom = false;
  log.log("info", "Second");
  log.log("info", "Third");
  sink.noteLost(5);
  hasRoom = true;
  log.log("info", "Fourth");

  assert.deepEqual(
    lines.map((line) => line.replace(/^\S+\s+INFO /, "")),
    [
      "io: First",
      "log: Lines were dropped: whoever reads the log is too slow lines=7",
      "io: Fourth",
    ],
  );
});

Deno.test("a secret never shows, however it is printed", () => {
  const secret = new Secret("hunter2");

  for (
    const shown of [
      `${secret}`,
      JSON.stringify({ secret }),
      Deno.inspect({ secret }),
    ]
  ) {
    assert.ok(!shown.includes("hunter2"), shown);
    assert.ok(shown.includes("[redacted]"), shown);
  }
  assert.equal(secret.reveal(), "hunter2");
});

function parsed(directives: string) {
  const thresholds = parseLogDirectives(directives);
  assert.ok(!("malformed" in thresholds), directives);
  return thresholds;
}

function sinkOf(
  directives: string,
  write: (line: string) => unknown,
  options: Partial<LogSinkOptions> = {},
): LogSink {
  return new LogSink({
    filter: new LogFilter(parsed(directives)),
    format: "human",
    write: (line) => write(line) !== false,
    clock: () => new Date("2026-01-02T03:04:05.678Z"),
    ...options,
  });
}

function render(
  options: Partial<LogSinkOptions>,
  fields: Record<string, string | number | undefined>,
): string {
  const lines: string[] = [];
  const sink = sinkOf("info", (line) => lines.push(line), options);

  sink.logger("portal").log("warn", "Lost", fields);
  sink.logger("portal").log("debug", "Hidden", fields);

  assert.equal(lines.length, 1);
  return lines[0] ?? "";
}
