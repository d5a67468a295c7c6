import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";

/** Where metrics go. */
export interface MetricsTarget {
  /** `http`: a POST of protobuf (OTLP/HTTP); `grpc`: a call of `MetricsService/Export` (OTLP/gRPC). */
  readonly protocol: "http" | "grpc";
  /** `http:` or `https:`; for HTTP with the whole path, for gRPC without one. */
  readonly url: string;
  /** How often, in ms. */
  readonly intervalMs: number;
}

/** Takes metrics to a collector. */
export interface MetricsSender {
  /** Sends. Throws an `Error` with a reason for a person when the collector did not take them in time. */
  send(metrics: ResourceMetrics): Promise<void>;
  /** Lets go of what it keeps. */
  close(): void;
}
