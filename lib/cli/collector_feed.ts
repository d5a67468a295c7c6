import { type Logger, unixMs } from "../base/mod.ts";
import { settlesWithin } from "../io/mod.ts";
import type { MetricsExport } from "../otlp/mod.ts";
import { type GatewayObserver, METRICS } from "../status/mod.ts";
import { hostName } from "./examine.ts";
import type { MetricsTarget } from "./metrics_settings.ts";

/** Longest wait for the collector when the gateway ends, in ms. */
const STOP_LIMIT_MS = 1_000;

/** Sends metrics to a collector as long as a gateway runs. */
export class CollectorFeed {
  readonly #export: Promise<MetricsExport>;
  #stopping: Promise<void> | undefined;

  /** Starts. `tunName` tells gateways of one host from each other. */
  constructor(
    target: MetricsTarget,
    observer: GatewayObserver,
    tunName: string,
    log: Logger,
  ) {
    this.#export = start(target, observer, tunName, log);
  }

  /** Begins to send for the last time: the data worker still answers. */
  handleStopping(): void {
    this.#stopping = this.#export.then((it) => it.stop());
  }

  /** Waits for the end of that, but not for a collector that does not answer. */
  async stop(): Promise<void> {
    if (this.#stopping) await settlesWithin(this.#stopping, STOP_LIMIT_MS);
  }
}

/** Loads what it takes only now: few gateways have a collector. */
async function start(
  target: MetricsTarget,
  observer: GatewayObserver,
  tunName: string,
  log: Logger,
): Promise<MetricsExport> {
  const { MetricsExport } = await import("../otlp/mod.ts");
  return new MetricsExport({
    target,
    instance: `${hostName()}/${tunName}`,
    metrics: METRICS,
    inputs: () => observer.metricInputs(),
    unixNow: () => unixMs(Date.now()),
    log,
  });
}
