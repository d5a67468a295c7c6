import type { MetricsTarget } from "../otlp/mod.ts";
import type { OptionGroup } from "./options.ts";
import type { SettingsReader } from "./settings.ts";

export type { MetricsTarget };

/** Where Firezone's gateway sends metrics. */
const EXPORTERS = ["sentry", "stdout", "otel-collector"] as const;

const PROTOCOLS = ["http/protobuf", "grpc"] as const;

/** Where a collector is when nobody says, as OpenTelemetry has it. */
const LOCAL_COLLECTORS = {
  "http/protobuf": "http://localhost:4318",
  "grpc": "http://localhost:4317",
} as const;

/** What is appended to the endpoint that all kinds of telemetry share. */
const HTTP_PATH = "/v1/metrics";

const INTERVAL_MS = 60_000;
const SHORTEST_INTERVAL_MS = 1_000;
const LONGEST_INTERVAL_MS = 86_400_000;

/** Options for the way of metrics to an OpenTelemetry collector, and those that Firezone's own gateway takes for telemetry. */
export const TELEMETRY: OptionGroup = {
  title:
    "Metrics to an OpenTelemetry collector (nothing is sent to any vendor)",
  options: [
    {
      name: "otlp-endpoint",
      env: "OTEL_EXPORTER_OTLP_ENDPOINT",
      value: "URL",
      help:
        "Send metrics to this collector by OTLP/HTTP, such as http://collector:4318",
    },
    {
      name: "otlp-grpc-endpoint",
      env: "OTLP_GRPC_ENDPOINT",
      value: "HOST:PORT",
      help: "Send them by OTLP/gRPC without TLS instead",
    },
    {
      name: "otlp-protocol",
      env: "OTEL_EXPORTER_OTLP_PROTOCOL",
      value: PROTOCOLS.join("|"),
      help: "How to talk to --otlp-endpoint",
      fallback: "http/protobuf",
    },
    {
      name: "otlp-interval",
      env: "OTEL_METRIC_EXPORT_INTERVAL",
      value: "MS",
      help: "How often, in milliseconds",
      fallback: String(INTERVAL_MS),
    },
    {
      name: "metrics",
      env: "FIREZONE_METRICS",
      value: EXPORTERS.join("|"),
      help: `otel-collector sends to ${
        LOCAL_COLLECTORS["http/protobuf"]
      } unless an endpoint is named; sentry and stdout are accepted without effect`,
    },
    {
      name: "no-telemetry",
      env: "FIREZONE_NO_TELEMETRY",
      help: "Without effect: there is no telemetry to switch off",
    },
  ],
};

/** Reads where metrics are sent: nowhere unless an endpoint is named, or a collector wished for. */
export function readMetricsTarget(
  reader: SettingsReader,
): MetricsTarget | undefined {
  reader.flag("no-telemetry");
  const exporter = reader.choice("metrics", EXPORTERS);
  const grpcEndpoint = reader.text(
    "otlp-grpc-endpoint",
    "",
    (it) => /^[^\s/@]+:\d+$/.test(it) && URL.canParse(`http://${it}`),
    "HOST:PORT",
  );
  const named = reader.text(
    "otlp-endpoint",
    "",
    isWebUrl,
    "a URL such as http://collector:4318",
  );
  const isWished = exporter === "otel-collector";
  if (grpcEndpoint === "" && named === "" && !isWished) return undefined;

  const intervalMs = reader.number("otlp-interval", INTERVAL_MS, {
    least: SHORTEST_INTERVAL_MS,
    most: LONGEST_INTERVAL_MS,
  });
  if (grpcEndpoint !== "") {
    return { protocol: "grpc", url: `http://${grpcEndpoint}`, intervalMs };
  }
  const protocol = reader.choice("otlp-protocol", PROTOCOLS) ?? "http/protobuf";
  const endpoint = named || LOCAL_COLLECTORS[protocol];
  return protocol === "grpc"
    ? { protocol, url: endpoint, intervalMs }
    : { protocol: "http", url: metricsUrl(endpoint), intervalMs };
}

/** Returns a sentence for whoever expects an effect of what has none. */
export function metricsNotices(reader: SettingsReader): string[] {
  return reader.choice("metrics", EXPORTERS) === "stdout"
    ? [
      "Ignored --metrics stdout: metrics are served at /metrics of the health check address, and sent to a collector with --otlp-endpoint",
    ]
    : [];
}

function metricsUrl(endpoint: string): string {
  const url = new URL(endpoint);
  url.pathname = url.pathname.replace(/\/*$/, HTTP_PATH);
  return url.href;
}

function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
