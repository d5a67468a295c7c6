import { metrics, type ObservableResult } from "@opentelemetry/api";
import type { HistogramSnapshot } from "../base/mod.ts";
import {
  type GatewayObserver,
  type MetricDefinition,
  type MetricInputs,
  METRICS,
} from "../status/mod.ts";

/** How often the numbers are gathered that an exporter reads, in ms. */
const GATHER_INTERVAL_MS = 5_000;

/**
 * Offers all metrics to Deno's OpenTelemetry exporter, if the operator has switched it on by `OTEL_DENO=true`.
 *
 * An exporter reads at its own time and does not wait, so it gets what was
 * gathered last. A histogram becomes two counters, `…_count` and `…_sum`:
 * there is no way to hand over counts that exist already. Returns the timers
 * that gather.
 */
export function exportMetrics(
  observer: Pick<GatewayObserver, "metricInputs">,
): ReturnType<typeof setInterval>[] {
  if (Deno.env.get("OTEL_DENO") !== "true") return [];
  let latest: MetricInputs | undefined;
  const gather = async () => {
    latest = await observer.metricInputs();
  };
  for (const definition of METRICS) offer(definition, () => latest);
  void gather();
  return [setInterval(() => void gather(), GATHER_INTERVAL_MS)];
}

function offer(
  definition: MetricDefinition,
  latest: () => MetricInputs | undefined,
): void {
  const { name, help: description } = definition;
  const meter = metrics.getMeter("firezone-gateway");
  const read = (observe: (inputs: MetricInputs) => void) => {
    const inputs = latest();
    if (inputs) observe(inputs);
  };
  if (definition.kind === "histogram") {
    for (const part of ["count", "sum"] as const) {
      const counter = meter.createObservableCounter(`${name}_${part}`, {
        description,
      });
      counter.addCallback((result) =>
        read((inputs) => {
          const snapshot = definition.read(inputs);
          if (snapshot) result.observe(PARTS[part](snapshot));
        })
      );
    }
    return;
  }
  const instrument = definition.kind === "gauge"
    ? meter.createObservableGauge(name, { description })
    : meter.createObservableCounter(name, { description });
  instrument.addCallback((result: ObservableResult) =>
    read((inputs) => {
      for (const { value, labels = {} } of definition.read(inputs)) {
        result.observe(value, labels);
      }
    })
  );
}

const PARTS = {
  count: ({ counts }: HistogramSnapshot) => counts.reduce((a, b) => a + b, 0),
  sum: ({ sum }: HistogramSnapshot) => sum / 1_000,
} as const;
