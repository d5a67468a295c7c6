import {
  getNumberFromEnv,
  getStringFromEnv,
  parseKeyPairsIntoRecord,
} from "@opentelemetry/core";
import {
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import type { Logger, UnixMs } from "../base/mod.ts";
import type { MetricDefinition, MetricInputs } from "../status/mod.ts";
import { GrpcSender } from "./grpc_sender.ts";
import { HttpSender } from "./http_sender.ts";
import { metricsData } from "./metrics_data.ts";
import type { MetricsSender, MetricsTarget } from "./metrics_sender.ts";

const SERVICE_NAME = "firezone-gateway";

/** Longest wait for a gRPC call when no variable says, in ms, as the library has it for HTTP. */
const CALL_LIMIT_MS = 10_000;

/** What an export works with. */
export interface MetricsExportOptions {
  /** Where the metrics go. */
  readonly target: MetricsTarget;
  /** Tells this gateway from others, such as `gateway.example/tun-firezone`. */
  readonly instance: string;
  /** All metrics there are. */
  readonly metrics: readonly MetricDefinition[];
  /** Gathers what they are made from. */
  readonly inputs: () => Promise<MetricInputs>;
  /** Reads the wall clock. */
  readonly unixNow: () => UnixMs;
  /** Hears when the collector takes no metrics, and when it does again. */
  readonly log: Logger;
}

/** Sends all metrics again and again. A collector that is gone harms nothing. */
export class MetricsExport {
  readonly #options: MetricsExportOptions;
  readonly #sender: MetricsSender;
  readonly #timer: ReturnType<typeof setInterval>;
  #resource: Resource | undefined;
  #running: Promise<void> | undefined;
  #isFailing = false;

  /** Starts. The first metrics leave after one interval. */
  constructor(options: MetricsExportOptions) {
    const { target, log } = options;
    this.#options = options;
    this.#sender = senderFor(target);
    this.#timer = setInterval(() => void this.#run(), target.intervalMs);
    const { protocol, url, intervalMs } = target;
    log.log("info", "Sending metrics", {
      ...{ protocol, url: withoutSecrets(url), intervalMs },
    });
  }

  /** Sends what came since, and ends. A collector that does not answer makes that long. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    await this.#run();
    this.#sender.close();
  }

  /** Sends, unless it still does. Never rejects. */
  async #run(): Promise<void> {
    this.#running ??= this.#send().finally(() => this.#running = undefined);
    await this.#running;
  }

  async #send(): Promise<void> {
    const { inputs, log, metrics, unixNow } = this.#options;
    try {
      const read = await inputs();
      this.#resource ??= this.#describe(read.version);
      const scope = { name: SERVICE_NAME, version: read.version };
      const data = metricsData(metrics, read, unixNow());
      await this.#sender.send({
        resource: this.#resource,
        scopeMetrics: [{ scope, metrics: data }],
      });
      if (this.#isFailing) log.log("info", "Metrics are sent again");
      this.#isFailing = false;
    } catch (error) {
      if (this.#isFailing) return;
      this.#isFailing = true;
      const reason = error instanceof Error ? error.message : String(error);
      log.log("warn", "Metrics cannot be sent, going on trying", { reason });
    }
  }

  /** `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` have the last word. */
  #describe(version: string): Resource {
    return resourceFromAttributes({
      "service.name": SERVICE_NAME,
      "service.version": version,
      "service.instance.id": this.#options.instance,
    }).merge(detectResources({ detectors: [envDetector] }));
  }
}

function senderFor({ protocol, url }: MetricsTarget): MetricsSender {
  if (protocol === "http") return new HttpSender(url);
  const headers = getStringFromEnv("OTEL_EXPORTER_OTLP_HEADERS");
  const limitMs = getNumberFromEnv("OTEL_EXPORTER_OTLP_TIMEOUT");
  return new GrpcSender(
    url,
    parseKeyPairsIntoRecord(headers),
    limitMs && limitMs > 0 ? limitMs : CALL_LIMIT_MS,
  );
}

/** A URL can hold a password, and a query a key. */
function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
