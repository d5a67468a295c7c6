import { median } from "./statistics.ts";

/** What one round found about one contender, by metric. */
export type Sample = Readonly<Record<string, number>>;

/** One line of the result. */
export interface Metric {
  /** Its key in a sample. */
  readonly id: string;
  /** What it is, with its unit. */
  readonly title: string;
  /** Whether more is better. */
  readonly better: "more" | "less";
  /** Decimal places worth showing. */
  readonly digits: number;
  /** Which of the rounds' values counts. */
  readonly pick: "median" | "first" | "highest";
  /** Whether the ratio of two contenders says anything. */
  readonly isComparable: boolean;
}

/** Returns what a run measures that sends full-size UDP packets at these rates, in Mbit/s. */
export function metricsOf(udpRates: readonly number[]): Metric[] {
  return [
    speed("tcp1Up", "TCP to resource, 1 stream, Mbit/s"),
    speed("tcp1Down", "TCP from resource, 1 stream, Mbit/s"),
    speed("tcp8Up", "TCP to resource, 8 streams, Mbit/s"),
    speed("tcp8Down", "TCP from resource, 8 streams, Mbit/s"),
    ...udpRates.flatMap((rate) => [
      speed(`udp${rate}`, `UDP 1280 B, ${rate} Mbit/s offered: Mbit/s`),
      {
        ...cost(
          `udp${rate}Loss`,
          `UDP 1280 B, ${rate} Mbit/s offered: loss, %`,
        ),
        isComparable: false,
      },
    ]),
    speed("smallPackets", "UDP 64 B: 1000 packets a second"),
    cost("idleMs", "Round trip idle: average, ms", 3),
    cost("idleP99Ms", "Round trip idle: p99, ms", 3),
    cost("loadedMs", "Round trip under TCP: average, ms"),
    cost("loadedP99Ms", "Round trip under TCP: p99, ms"),
    cost("gatewayCpu", "CPU of the gateway, TCP: s/Gbit", 3),
    cost("peerCpu", "CPU of the client, TCP: s/Gbit", 3),
    {
      ...cost("gatewayMbIdle", "Memory of the gateway, before: MB", 0),
      pick: "first",
    },
    {
      ...cost("gatewayMb", "Memory of the gateway, after: MB", 0),
      pick: "highest",
    },
    {
      ...cost("peerMbIdle", "Memory of the client, before: MB", 0),
      pick: "first",
    },
    {
      ...cost("peerMb", "Memory of the client, after: MB", 0),
      pick: "highest",
    },
  ];
}

/** Reduces the samples of all rounds to one; what was not measured is NaN. */
export function summarize(
  metrics: readonly Metric[],
  samples: readonly Sample[],
): Sample {
  return Object.fromEntries(metrics.map(({ id, pick }) => {
    const values = samples.flatMap((sample) => sample[id] ?? []);
    return [id, PICK[pick](values)];
  }));
}

const PICK: Record<Metric["pick"], (values: readonly number[]) => number> = {
  median,
  first: ([first = NaN]) => first,
  highest: (values) => values.length > 0 ? Math.max(...values) : NaN,
};

function speed(id: string, title: string): Metric {
  const pick = "median";
  return { id, title, better: "more", digits: 0, pick, isComparable: true };
}

function cost(id: string, title: string, digits = 2): Metric {
  const pick = "median";
  return { id, title, better: "less", digits, pick, isComparable: true };
}
