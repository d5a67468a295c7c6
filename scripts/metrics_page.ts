/** Writes `docs/metrics.md` from the catalogue of metrics. A test holds the page to it. */
import { type MetricDefinition, METRICS } from "../lib/status/mod.ts";

const INTRODUCTION = `# Metrics

The gateway serves these at \`/metrics\` of its health check address
(\`--health-check-addr\`, port 8080 unless told) in the text format of
Prometheus:

\`\`\`yaml
scrape_configs:
  - job_name: firezone-gateway
    static_configs:
      - targets: ["gateway.example:8080"]
\`\`\`

Do I need another gateway? \`firezone_gateway_saturation_ratio\` says how much of
the time the thread that carries packets works, or waits because other programs
hold the processors (where the kernel counts that in \`schedstat\`). When it stays above 0.8, or
\`firezone_gateway_drops_total{source="kernel"}\` rises, add a gateway to the site.

Drops of the source \`io\` whose reason begins with \`send-\` are datagrams that the
kernel of this host did not send. A few \`send-unroutable\` are ordinary: relays have
IPv6 addresses that a host without IPv6 has no route to. \`send-forbidden\` means a
firewall of this host; \`send-blocked\` and \`send-queue-full\` that it cannot send
fast enough.

An OpenTelemetry collector can read this address with its Prometheus receiver, or
be sent the same metrics under the same names:

\`\`\`sh
firezone-gateway --otlp-endpoint http://collector:4318      # OTLP/HTTP, protobuf
firezone-gateway --otlp-grpc-endpoint collector:4317        # OTLP/gRPC without TLS
\`\`\`

These are OpenTelemetry's variable \`OTEL_EXPORTER_OTLP_ENDPOINT\` and Firezone's
\`OTLP_GRPC_ENDPOINT\`. Of OpenTelemetry's other variables
\`OTEL_EXPORTER_OTLP_PROTOCOL\` (\`http/protobuf\` or \`grpc\`),
\`OTEL_METRIC_EXPORT_INTERVAL\`, \`OTEL_EXPORTER_OTLP_HEADERS\`,
\`OTEL_EXPORTER_OTLP_TIMEOUT\`, \`OTEL_SERVICE_NAME\` and
\`OTEL_RESOURCE_ATTRIBUTES\` count; for OTLP/HTTP also those for compression and
certificates. \`OTEL_DENO\` does nothing: it is Deno's own switch, which is fixed
when a program is compiled. A collector that takes nothing is logged once, as a
warning, until it takes metrics again; what it missed is in the next sums.

This page is made from the code by \`deno task docs:metrics\`.

`;

/** Returns the page. */
export function metricsPage(metrics: readonly MetricDefinition[]): string {
  const rows = metrics.map(({ name, kind, labels, help }) => {
    const names = labels.map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${kind} | ${names} | ${help} |`;
  });
  return [
    INTRODUCTION + "| Metric | Kind | Labels | Meaning |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

if (import.meta.main) {
  await Deno.writeTextFile("docs/metrics.md", metricsPage(METRICS));
}
