import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { HistogramSnapshot } from "../base/mod.ts";
import { METRICS } from "./metric_catalogue.ts";
import type { MetricDefinition, Sample } from "./metric_definition.ts";
import type { MetricInputs } from "./metric_inputs.ts";

/** What a client that asks for metrics is told their format is. */
export const METRICS_CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** Renders all metrics for Prometheus. */
export async function renderMetrics(inputs: MetricInputs): Promise<string> {
  const registry = new Registry();
  for (const definition of METRICS) register(definition, inputs, registry);
  return await registry.metrics();
}

function register(
  definition: MetricDefinition,
  inputs: MetricInputs,
  registry: Registry,
): void {
  const { name, help } = definition;
  if (definition.kind === "histogram") {
    const snapshot = definition.read(inputs);
    if (snapshot) registry.registerMetric(histogramOf(name, help, snapshot));
    return;
  }
  const samples = definition.read(inputs);
  // The library would make a number that is not known zero.
  if (samples.length === 0) return;
  const labelNames = [...definition.labels];
  const options = { name, help, labelNames, registers: [registry] };
  if (definition.kind === "gauge") {
    const gauge = new Gauge(options);
    samples.forEach(({ labels = {}, value }) => gauge.set(labels, value));
  } else {
    const counter = new Counter(options);
    samples.forEach(({ labels = {}, value }) => counter.inc(labels, value));
  }
}

/** Makes a histogram whose counts are known already: the library can only observe. */
function histogramOf(
  name: string,
  help: string,
  snapshot: HistogramSnapshot,
): Histogram {
  const histogram = new Histogram({ name, help, registers: [] });
  const values = histogramSamples(snapshot).map(({ suffix, ...sample }) => ({
    metricName: `${name}${suffix}`,
    ...sample,
  }));
  const rendered = { name, help, type: "histogram", values };
  return Object.assign(histogram, { getForPromString: () => rendered });
}

/** Returns the numbers of a histogram as Prometheus has them: cumulative buckets and sums in seconds. */
function histogramSamples(
  { bounds, counts, sum }: HistogramSnapshot,
): (Sample & { readonly suffix: string })[] {
  let total = 0;
  const buckets = counts.map((count, i) => {
    total += count;
    const bound = bounds[i];
    const le = bound === undefined ? "+Inf" : String(bound / 1_000);
    return { suffix: "_bucket", labels: { le }, value: total };
  });
  return [
    ...buckets,
    { suffix: "_sum", labels: {}, value: sum / 1_000 },
    { suffix: "_count", labels: {}, value: total },
  ];
}
