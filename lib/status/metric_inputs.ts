import type { HistogramSnapshot } from "../base/mod.ts";
import type { GatewaySnapshot } from "../gateway/mod.ts";
import type { DataPlaneSnapshot } from "../io/mod.ts";
import type { InterfaceStatus, PortalStatus } from "./gateway_status.ts";
import type { Readiness } from "./readiness.ts";

/** What metrics are made from: all there is to know at a moment. */
export interface MetricInputs {
  /** Version of the program. */
  readonly version: string;
  /** When the process started, in ms of Unix time. */
  readonly startedAt: number;
  /** Whether clients can be served. */
  readonly readiness: Readiness;
  /** The portal. */
  readonly portal: PortalStatus;
  /** The interface. */
  readonly interface: InterfaceStatus;
  /** Whether it is about to leave. */
  readonly isDraining: boolean;
  /** Processor time of the process so far, in ms. */
  readonly processorMs: number;
  /** Processor time over the last seconds, in processors. */
  readonly cpuShare: number;
  /** Memory in use, in bytes. */
  readonly residentBytes: number;
  /** How long connections took from the authorization until packets could pass, in ms. */
  readonly connectionSetups: HistogramSnapshot;
  /** How long names took to look up, in ms. */
  readonly lookups: HistogramSnapshot;
  /** The data worker; `undefined` while it does not answer. */
  readonly data: WorkerInputs | undefined;
}

/** What the data worker says of itself. */
export interface WorkerInputs {
  /** The shell. */
  readonly plane: DataPlaneSnapshot;
  /** The core. */
  readonly core: GatewaySnapshot;
}
