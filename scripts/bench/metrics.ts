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
    ...DIRECTIONS.flatMap(({ id, title }) =>
      STREAMS.map((streams) =>
        speed(
          `tcp${streams}${id}`,
          `TCP ${title}, ${
            streams === 1 ? "1 stream" : `${streams} streams`
          }, Mbit/s`,
        )
      )
    ),
    ...DIRECTIONS.flatMap((direction) =>
      udpRates.flatMap((rate) => udpMetrics(direction, rate))
    ),
    {
      ...speed("smallSent", "UDP 64 B, most sent, 1000/s"),
      isComparable: false,
    },
    speed("smallMost", "UDP 64 B, most received, 1000/s"),
    speed("smallClean", "UDP 64 B, received at ≤ 1 % loss, 1000/s"),
    cost("idleMs", "Round trip, idle, average, ms", 3),
    cost("idleP99Ms", "Round trip, idle, p99, ms", 3),
    cost("loadedMs", "Round trip, 8 TCP streams, average, ms"),
    cost("loadedP99Ms", "Round trip, 8 TCP streams, p99, ms"),
    cost("gatewayCpu", "CPU of the gateway, TCP, s/Gbit", 3),
    cost("peerCpu", "CPU of the client, TCP, s/Gbit", 3),
    ...memoryMetrics("gateway", "Memory of the gateway"),
    ...memoryMetrics("peer", "Memory of the client"),
  ];
}

/** Streams of the TCP loads. */
export const STREAMS = [1, 4, 8] as const;

/** Which way a load goes; `id` ends the names of its metrics. */
export const DIRECTIONS = [
  { id: "Up", title: "to resource" },
  { id: "Down", title: "from resource" },
] as const;

/** One of `DIRECTIONS`. */
export type Direction = typeof DIRECTIONS[number];

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

function udpMetrics({ id, title }: Direction, rate: number): Metric[] {
  const name = `UDP ${title} at ${rate} Mbit/s`;
  const key = `udp${rate}${id}`;
  return [
    { ...speed(`${key}Sent`, `${name}, sent`), isComparable: false },
    { ...speed(key, `${name}, received`), isComparable: false },
    { ...cost(`${key}Loss`, `${name}, loss, %`), isComparable: false },
  ];
}

function memoryMetrics(id: string, title: string): Metric[] {
  return [
    { ...cost(`${id}MbIdle`, `${title}, before, MB`, 0), pick: "first" },
    { ...cost(`${id}Mb`, `${title}, after, MB`, 0), pick: "highest" },
  ];
}

function speed(id: string, title: string): Metric {
  const pick = "median";
  return { id, title, better: "more", digits: 0, pick, isComparable: true };
}

function cost(id: string, title: string, digits = 2): Metric {
  const pick = "median";
  return { id, title, better: "less", digits, pick, isComparable: true };
}
