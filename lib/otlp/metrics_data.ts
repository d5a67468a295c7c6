import { ValueType } from "@opentelemetry/api";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
} from "@opentelemetry/sdk-metrics";
import type { HistogramSnapshot, UnixMs } from "../base/mod.ts";
import type { MetricDefinition, MetricInputs } from "../status/mod.ts";

type Time = DataPoint<number>["startTime"];

/** When numbers were counted: from the start of the process until now. */
interface Span {
  readonly startTime: Time;
  readonly endTime: Time;
}

/** Units that the end of a name stands for, in UCUM as OpenTelemetry wants it. */
const UNITS: readonly (readonly [RegExp, string])[] = [
  [/_seconds(?:_total)?$/, "s"],
  [/_bytes(?:_total)?$/, "By"],
  [/_ratio$/, "1"],
];

/** Returns metrics as OTLP has them; without those that are not known. */
export function metricsData(
  definitions: readonly MetricDefinition[],
  inputs: MetricInputs,
  now: UnixMs,
): MetricData[] {
  const span = {
    startTime: timeOf(inputs.startedAt),
    endTime: timeOf(now),
  };
  return definitions.map((definition) => dataOf(definition, inputs, span))
    .filter(({ dataPoints }) => dataPoints.length > 0);
}

function dataOf(
  definition: MetricDefinition,
  inputs: MetricInputs,
  span: Span,
): MetricData {
  const { name, help, kind } = definition;
  const common = {
    descriptor: {
      ...{ name, description: help, unit: unitOf(name) },
      valueType: ValueType.DOUBLE,
    },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (kind === "histogram") {
    const snapshot = definition.read(inputs);
    return {
      ...common,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: snapshot ? [histogramPoint(snapshot, span)] : [],
    };
  }
  const dataPoints = definition.read(inputs).map(({ value, labels = {} }) => ({
    ...span,
    attributes: { ...labels },
    value,
  }));
  return kind === "gauge"
    ? { ...common, dataPointType: DataPointType.GAUGE, dataPoints }
    : {
      ...common,
      dataPointType: DataPointType.SUM,
      isMonotonic: true,
      dataPoints,
    };
}

/** From ms to seconds, as the names say. */
function histogramPoint(
  { bounds, counts, sum }: HistogramSnapshot,
  span: Span,
): DataPoint<HistogramValue> {
  const value = {
    buckets: {
      boundaries: bounds.map((ms) => ms / 1_000),
      counts: [...counts],
    },
    sum: sum / 1_000,
    count: counts.reduce((total, it) => total + it, 0),
  };
  return { ...span, attributes: {}, value };
}

interface HistogramValue {
  buckets: { boundaries: number[]; counts: number[] };
  sum: number;
  count: number;
}

function unitOf(name: string): string {
  return UNITS.find(([pattern]) => pattern.test(name))?.[1] ?? "";
}

/** Seconds and nanoseconds of Unix time. */
function timeOf(ms: number): Time {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}
