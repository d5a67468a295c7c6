/**
 * Measures the relayed path beside the direct one: two labs with the same
 * programs, one of them with symmetric NAT at both ends, in the same run.
 *
 * Usage: deno run --allow-all scripts/bench_relay.ts [SECONDS] [ROUNDS]   (as root)
 */
import { FirezoneLab } from "./lab/firezone_lab.ts";
import { SITES, SYMMETRIC_ROUTERS } from "./lab/sites.ts";

const seconds = Number(Deno.args[0] ?? 5);
const rounds = Number(Deno.args[1] ?? 3);

type Path = "direct" | "relayed";

interface Sample {
  readonly downMbps: number;
  readonly upMbps: number;
  readonly pingMs: number;
}

await using direct = await startLab("fzbdir", "direct");
await using relayed = await startLab("fzbrel", "relayed");
const contenders = [
  { path: "direct", demo: direct, samples: [] as Sample[] },
  { path: "relayed", demo: relayed, samples: [] as Sample[] },
];
for (let round = 1; round <= rounds; round++) {
  for (const { path, demo, samples } of contenders) {
    console.log(`Round ${round} of ${rounds}: ${path}`);
    samples.push(await measure(demo));
  }
}
print();

async function startLab(prefix: string, path: Path): Promise<FirezoneLab> {
  const demo = new FirezoneLab(prefix);
  try {
    await demo.build();
    if (path === "relayed") {
      await demo.setRouters(SYMMETRIC_ROUTERS);
    }
    await demo.startPortal();
    await demo.startRelay();
    await demo.startGateway();
    const client = await demo.startClient();
    await demo.lab.must("client", "ping", "-c", "1", "-W", "15", SITES.web);
    const pattern = `Connection (?:established|moved) .*path=${path}`;
    await client.waitFor(new RegExp(pattern), 10_000);
    const server = ["iperf3", "-s", "--forceflush"];
    await demo.lab.spawn("web", "iperf3", server).waitFor(/listening/, 5_000);
    return demo;
  } catch (error) {
    await demo[Symbol.asyncDispose]();
    throw error;
  }
}

async function measure({ lab }: FirezoneLab): Promise<Sample> {
  const ping = await lab.must(
    "client",
    ...["ping", "-c", "50", "-i", "0.02", "-q", SITES.web],
  );
  return {
    pingMs: Number(/= [\d.]+\/([\d.]+)\//.exec(ping)?.[1]),
    downMbps: await throughput(["-R"]),
    upMbps: await throughput([]),
  };

  /** Returns Mbit/s at the receiver. */
  async function throughput(direction: readonly string[]): Promise<number> {
    const json = await lab.must(
      "client",
      ...["timeout", String(seconds + 10), "iperf3", "-J", "-c", SITES.web],
      ...["-t", String(seconds), ...direction],
    );
    return JSON.parse(json).end.sum_received.bits_per_second / 1e6;
  }
}

function print(): void {
  console.table(contenders.map(({ path, samples }) => ({
    path,
    "TCP down, Mbit/s": median(samples.map((it) => it.downMbps)),
    "TCP up, Mbit/s": median(samples.map((it) => it.upMbps)),
    "round trip idle, ms": median(samples.map((it) => it.pingMs)),
  })));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[sorted.length >> 1] ?? NaN) * 100) / 100;
}
