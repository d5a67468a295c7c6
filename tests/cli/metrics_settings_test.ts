import assert from "node:assert/strict";
import {
  metricsNotices,
  type MetricsTarget,
  readMetricsTarget,
} from "../../lib/cli/metrics_settings.ts";
import { SettingsReader } from "../../lib/cli/settings.ts";

const MINUTE_MS = 60_000;

Deno.test("[ops 1.1] metrics go nowhere unless somebody names a collector", () => {
  assert.equal(read({}), undefined);
  assert.equal(read({ metrics: "sentry", "no-telemetry": "true" }), undefined);
  assert.equal(
    read({ "otlp-protocol": "http/json", "otlp-interval": "soon" }),
    undefined,
  );
});

Deno.test("[ops 1.1] an endpoint for gRPC is taken as Firezone's gateway takes it", () => {
  const expected = {
    protocol: "grpc",
    url: "http://collector:4317",
    intervalMs: MINUTE_MS,
  };

  assert.deepEqual(read({ "otlp-grpc-endpoint": "collector:4317" }), expected);
  assert.deepEqual(
    read({
      metrics: "otel-collector",
      "otlp-grpc-endpoint": "collector:4317",
      "otlp-endpoint": "http://other:4318",
    }),
    expected,
  );
});

Deno.test("[ops 1.1] otel-collector without an endpoint means the one on this host, not none", () => {
  assert.deepEqual(read({ metrics: "OTEL-Collector" }), {
    protocol: "http",
    url: "http://localhost:4318/v1/metrics",
    intervalMs: MINUTE_MS,
  });
  assert.deepEqual(
    read({ metrics: "otel-collector", "otlp-protocol": "grpc" }),
    {
      protocol: "grpc",
      url: "http://localhost:4317",
      intervalMs: MINUTE_MS,
    },
  );
});

Deno.test("the endpoint of OpenTelemetry's variable gets the path of metrics, or is called by gRPC", () => {
  const urls = ["http://c:4318", "https://c/otlp/", "http://c/?key=1"]
    .map((url) => read({ "otlp-endpoint": url })?.url);

  assert.deepEqual(urls, [
    "http://c:4318/v1/metrics",
    "https://c/otlp/v1/metrics",
    "http://c/v1/metrics?key=1",
  ]);
  assert.deepEqual(
    read({
      "otlp-endpoint": "https://c:4317",
      "otlp-protocol": "grpc",
      "otlp-interval": "5000",
    }),
    { protocol: "grpc", url: "https://c:4317", intervalMs: 5_000 },
  );
});

Deno.test("what names no collector is refused", () => {
  for (
    const raw of [
      { "otlp-grpc-endpoint": "http://x" },
      { "otlp-grpc-endpoint": "collector" },
      { "otlp-grpc-endpoint": "user@collector:4317" },
      { "otlp-endpoint": "collector:4318" },
      { "otlp-endpoint": "ftp://collector" },
      { "otlp-endpoint": "http://c", "otlp-protocol": "http/json" },
      { "otlp-endpoint": "http://c", "otlp-interval": "999" },
      { metrics: "datadog" },
      { "no-telemetry": "perhaps" },
    ]
  ) {
    const reader = readerOf(raw);
    readMetricsTarget(reader);
    assert.equal(reader.problems.length, 1, JSON.stringify(raw));
  }
});

Deno.test("[ops 1.1] who expects metrics on standard output is told where they are", () => {
  assert.match(
    metricsNotices(readerOf({ metrics: "stdout" })).join(),
    /\/metrics/,
  );
  assert.deepEqual(metricsNotices(readerOf({ metrics: "otel-collector" })), []);
  assert.deepEqual(metricsNotices(readerOf({})), []);
});

function read(
  raw: Readonly<Record<string, string>>,
): MetricsTarget | undefined {
  const reader = readerOf(raw);
  const target = readMetricsTarget(reader);
  assert.deepEqual(reader.problems, []);
  return target;
}

function readerOf(raw: Readonly<Record<string, string>>): SettingsReader {
  return new SettingsReader(new Map(Object.entries(raw)));
}
