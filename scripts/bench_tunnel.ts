/**
 * Measures our gateway and client beside Debian's wireguard-go: same network,
 * same MTU, same run, one after the other in each round.
 *
 * Usage: deno task bench:tunnel [SECONDS] [ROUNDS]      (as root)
 */
import { FirezoneLab, PROGRAM_FROM_SOURCE } from "./lab/firezone_lab.ts";
import { SITES } from "./lab/sites.ts";
import { joinByWireguardGo } from "./lab/wireguard_go.ts";

const seconds = Number(Deno.args[0] ?? 5);
const rounds = Number(Deno.args[1] ?? 3);

/** A second address of the resource's host, so that each contender has a route of its own. */
const WIREGUARD_TARGET = "10.21.0.100";

interface Contender {
  readonly name: string;
  readonly target: string;
  /** Process ids of gateway and client, for their memory. */
  readonly pids: readonly number[];
}

interface Sample {
  readonly oneStream: number;
  readonly fourStreams: number;
  readonly pingMs: number;
}

await using lab = new FirezoneLab("fzbench", PROGRAM_FROM_SOURCE);
await lab.build();
// The lab has checksums computed on this link for those who capture; nobody does here.
await lab.lab.must("gateway", "ethtool", "-K", "eth1", "tx", "on");
await lab.lab.must("web", "ethtool", "-K", "eth0", "tx", "on");
await lab.startPortal();
await lab.startRelay();
const gateway = await lab.startGateway();
const client = await lab.startClient();
const contenders: Contender[] = [
  await startWireguardGo(),
  {
    name: "firezone-gateway",
    target: SITES.web,
    pids: [gateway.pid, client.pid],
  },
];
await lab.lab.spawn("web", "iperf3", ["iperf3", "-s", "--forceflush"]).waitFor(
  /listening/,
  5_000,
);

// The first packet brings the connection up, which is not what is measured.
for (const { target } of contenders) {
  await inClient("ping", "-c", "3", "-W", "5", target);
}

const samples = new Map<string, Sample[]>(
  contenders.map(({ name }) => [name, []]),
);
for (let round = 1; round <= rounds; round++) {
  for (const contender of contenders) {
    console.log(`Round ${round} of ${rounds}: ${contender.name}`);
    samples.get(contender.name)?.push(await measure(contender));
  }
}
print();

async function startWireguardGo(): Promise<Contender> {
  await lab.lab.must(
    "web",
    "ip",
    "address",
    "add",
    `${WIREGUARD_TARGET}/16`,
    "dev",
    "eth0",
  );
  await lab.lab.must(
    "gateway",
    "ip",
    "address",
    "add",
    "10.21.0.1/16",
    "dev",
    "eth1",
  );
  await lab.lab.must(
    "web",
    "ip",
    "route",
    "add",
    "10.9.0.0/24",
    "via",
    "10.21.0.1",
  );
  await lab.lab.nft(
    "router-g",
    `table inet forward_port {
      chain prerouting {
        type nat hook prerouting priority -100;
        iifname "wan" udp dport 51820 dnat ip to 192.168.20.2
      }
    }`,
  );
  const pids = await joinByWireguardGo(
    lab.lab,
    { box: "gateway", address: "10.9.0.1/24", allowedIps: ["10.9.0.2/32"] },
    {
      box: "client",
      address: "10.9.0.2/24",
      allowedIps: ["10.9.0.1/32", "10.21.0.0/16"],
      endpoint: "192.0.2.2:51820",
    },
  );
  return { name: "wireguard-go", target: WIREGUARD_TARGET, pids };
}

async function measure({ target }: Contender): Promise<Sample> {
  const ping = await inClient("ping", "-c", "20", "-i", "0.05", "-q", target);
  return {
    pingMs: Number(/= [\d.]+\/([\d.]+)\//.exec(ping)?.[1]),
    oneStream: await throughput(target, 1),
    fourStreams: await throughput(target, 4),
  };
}

/** Returns Mbit/s at the receiver. */
async function throughput(target: string, streams: number): Promise<number> {
  const limit = String(seconds + 10);
  const json = await inClient(
    ...["timeout", limit, "iperf3", "-J", "-c", target, "-t", String(seconds)],
    ...["-P", String(streams)],
  );
  return JSON.parse(json).end.sum_received.bits_per_second / 1e6;
}

function inClient(...command: readonly string[]): Promise<string> {
  return lab.lab.must("client", ...command);
}

function print(): void {
  const rows = contenders.map(({ name, pids }) => {
    const taken = samples.get(name) ?? [];
    return {
      name,
      "TCP 1 stream, Mbit/s": median(taken.map((it) => it.oneStream)),
      "TCP 4 streams, Mbit/s": median(taken.map((it) => it.fourStreams)),
      "round trip idle, ms": median(taken.map((it) => it.pingMs)),
      "memory gateway/client, MB": pids.map(residentMb).join("/"),
    };
  });
  console.table(rows);
  const [baseline, ours] = contenders.map(({ name }) =>
    samples.get(name) ?? []
  );
  const ratio = median((ours ?? []).map((it) => it.oneStream)) /
    median((baseline ?? []).map((it) => it.oneStream));
  console.log(
    `firezone-gateway / wireguard-go, TCP 1 stream: ${ratio.toFixed(2)}`,
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  return Math.round(middle * 100) / 100;
}

function residentMb(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Math.round(Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024);
}
