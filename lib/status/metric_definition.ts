import type { HistogramSnapshot } from "../base/mod.ts";
import type { MetricInputs, WorkerInputs } from "./metric_inputs.ts";

/** One number with its labels. */
export interface Sample {
  /** The number. */
  readonly value: number;
  /** Label values by name. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A metric: what it is called, what it means, and where its numbers come from. */
export type MetricDefinition =
  & {
    /** Its name in Prometheus. */
    readonly name: string;
    /** What it means, in one sentence. */
    readonly help: string;
    /** Names of its labels. */
    readonly labels: readonly string[];
  }
  & (
    | {
      readonly kind: "gauge" | "counter";
      /** Its numbers. */
      readonly read: (inputs: MetricInputs) => readonly Sample[];
    }
    | {
      readonly kind: "histogram";
      /** Its buckets in ms; it is exported in seconds. */
      readonly read: (inputs: MetricInputs) => HistogramSnapshot | undefined;
    }
  );

type Read = (inputs: MetricInputs) => readonly Sample[];

/** Reads one number. */
export function one(read: (inputs: MetricInputs) => number): Read {
  return (inputs) => [{ value: read(inputs) }];
}

/** Reads one number of the data worker; none while it does not answer. */
export function oneOfWorker(read: (data: WorkerInputs) => number): Read {
  return ({ data }) => data ? [{ value: read(data) }] : [];
}

/** Reads one number for each member of a record of the data worker. */
export function eachOfWorker(
  label: string,
  read: (data: WorkerInputs) => Readonly<Record<string, number>>,
): Read {
  return ({ data }) =>
    Object.entries(data ? read(data) : {})
      .map(([key, value]) => ({ value, labels: { [label]: key } }));
}
