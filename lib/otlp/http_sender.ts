import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { MetricsSender } from "./metrics_sender.ts";

/** `ExportResultCode.SUCCESS` of OpenTelemetry. */
const SUCCESS = 0;

/** Sends by OTLP/HTTP. Headers, time limit, compression and certificates are those that `OTEL_EXPORTER_OTLP_…` name. */
export class HttpSender implements MetricsSender {
  readonly #exporter: OTLPMetricExporter;

  /** `url` is the whole one, such as `http://localhost:4318/v1/metrics`. */
  constructor(url: string) {
    this.#exporter = new OTLPMetricExporter({ url });
  }

  /** Sends, again after a while if the collector is busy. */
  async send(metrics: ResourceMetrics): Promise<void> {
    const sent = Promise.withResolvers<void>();
    this.#exporter.export(metrics, ({ code, error }) => {
      if (code === SUCCESS) sent.resolve();
      else sent.reject(error ?? new Error("The collector refused them"));
    });
    await sent.promise;
  }

  /** Lets go of the connections that are kept open. */
  close(): void {
    void this.#exporter.shutdown();
  }
}
