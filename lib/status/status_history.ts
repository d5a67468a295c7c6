import { elapsedMs, type Instant } from "../base/mod.ts";
import type { TrafficSnapshot } from "../connection/mod.ts";
import type { MetricInputs } from "./metric_inputs.ts";

/** Ten minutes of one sample a second. */
const SAMPLE_LIMIT = 600;

/** A gateway in one second. */
export interface HistorySample {
  /** The end of the second, in ms of Unix time. */
  readonly at: number;
  /** What came from clients, in bytes per second. */
  readonly receivedRate: number;
  /** What went to clients, in bytes per second. */
  readonly sentRate: number;
  /** Clients that are reached directly. */
  readonly direct: number;
  /** Clients that are reached through a relay. */
  readonly relayed: number;
  /** Share of the last ten seconds in which the data worker worked or waited for a processor, from 0 to 1. */
  readonly saturation: number;
}

/** Remembers how a gateway did in the last ten minutes. */
export class StatusHistory {
  readonly #samples: HistorySample[] = [];
  #last:
    | { readonly traffic: TrafficSnapshot; readonly at: Instant }
    | undefined;

  /** Adds what is known at a moment. Whoever forgets to, or asks in vain, leaves a gap. */
  record({ data }: MetricInputs, now: Instant, unixNow: number): void {
    if (!data) return;
    const { traffic, routes } = data.core.node;
    const last = this.#last;
    const seconds = last ? elapsedMs(last.at, now) / 1_000 : 0;
    if (last && seconds <= 0) return;

    this.#last = { traffic, at: now };
    if (!last) return;
    const rate = (key: "bytesReceived" | "bytesSent") =>
      Math.round((traffic[key] - last.traffic[key]) / seconds);
    this.#forgetAfter(unixNow);
    const { PeerToPeer: direct, ...others } = routes;
    this.#samples.push({
      at: unixNow,
      receivedRate: rate("bytesReceived"),
      sentRate: rate("bytesSent"),
      direct,
      relayed: Object.values(others).reduce((sum, it) => sum + it, 0),
      saturation: data.plane.loop.busyShare,
    });
    if (this.#samples.length > SAMPLE_LIMIT) this.#samples.shift();
  }

  /** Returns the samples after a moment of Unix time, the oldest first. */
  since(at: number): readonly HistorySample[] {
    return this.#samples.filter((sample) => sample.at > at);
  }

  /** A wall clock that was set back would put what follows before what was. */
  #forgetAfter(unixNow: number): void {
    while ((this.#samples.at(-1)?.at ?? 0) >= unixNow && this.#samples.pop());
  }
}
