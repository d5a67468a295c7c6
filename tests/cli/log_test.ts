import assert from "node:assert/strict";
import { LogFilter } from "../../lib/cli/log_filter.ts";
import { type LogFormat, LogSink } from "../../lib/cli/log_sink.ts";
import { Secret } from "../../lib/cli/secret.ts";

Deno.test("a directive for a target beats the general level, the longest target wins", () => {
  const filter = filterOf("warn,ice=debug,ice::pair=error");

  assert.equal(filter.keeps("portal", "info"), false);
  assert.equal(filter.keeps("ice", "debug"), true);
  assert.equal(filter.keeps("ice::pair", "warn"), false);
  assert.equal(filterOf("off").keeps("portal", "error"), false);
});

Deno.test("a malformed directive is named", () => {
  assert.deepEqual(LogFilter.parse("info,ice=loud"), { malformed: "ice=loud" });
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

function filterOf(directives: string): LogFilter {
  const filter = LogFilter.parse(directives);
  assert.ok(filter instanceof LogFilter);
  return filter;
}

function render(
  format: LogFormat,
  fields: Record<string, string | number>,
): string {
  const lines: string[] = [];
  const clock = () => new Date("2026-01-02T03:04:05.678Z");
  const sink = new LogSink(
    filterOf("info"),
    format,
    (line) => lines.push(line),
    clock,
  );

  sink.logger("portal").log("warn", "Lost", fields);
  sink.logger("portal").log("debug", "Hidden", fields);

  assert.equal(lines.length, 1);
  return lines[0] ?? "";
}
