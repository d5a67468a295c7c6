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

OTLP is not spoken: let the Prometheus receiver of an OpenTelemetry collector read
this address. Leave \`OTEL_DENO\` unset: Deno's exporter waits for all threads, and
the one that carries packets does not stop for it, so nothing is sent.

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
