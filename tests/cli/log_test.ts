import assert from "node:assert/strict";
import { parseLogDirectives } from "../../lib/cli/log_filter.ts";
import { type LogFormat, LogSink } from "../../lib/cli/log_sink.ts";
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

Deno.test("a malformed directive is named", () => {
  assert.deepEqual(parseLogDirectives("info,ice=loud"), {
    malformed: "ice=loud",
  });
});

Deno.test("a human line has time, padded level, target, message and fields", () => {
  assert.equal(
    render("human", { attempt: 2, reason: "no path", host: "a.example" }),
    '2026-01-02T03:04:05.678Z  WARN portal: Lost attempt=2 reason="no path" host=a.example',
  );
});

Deno.test("a field cannot forge a second log line", () => {
  assert.equal(render("human", { text: "a\nERROR b" }).split("\n").length, 1);
});

Deno.test("a JSON line is one flat object", () => {
  assert.deepEqual(JSON.parse(render("json", { attempt: 2 })), {
    time: "2026-01-02T03:04:05.678Z",
    level: "WARN",
    target: "portal",
    message: "Lost",
    attempt: 2,
  });
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

function sinkOf(
  directives: string,
  write: (line: string) => void,
  format: LogFormat = "human",
): LogSink {
  const thresholds = parseLogDirectives(directives);
  assert.ok(!("malformed" in thresholds));
  return new LogSink(
    thresholds,
    format,
    write,
    () => new Date("2026-01-02T03:04:05.678Z"),
  );
}

function render(
  format: LogFormat,
  fields: Record<string, string | number>,
): string {
  const lines: string[] = [];
  const sink = sinkOf("info", (line) => lines.push(line), format);

  sink.logger("portal").log("warn", "Lost", fields);
  sink.logger("portal").log("debug", "Hidden", fields);

  assert.equal(lines.length, 1);
  return lines[0] ?? "";
}
