import { NAMES } from "../lab/dns_server.ts";
import { blockDirectPath } from "../lab/faults.ts";
import { FirezoneLab, type LabPolicy } from "../lab/firezone_lab.ts";
import type { Lab } from "../lab/lab.ts";
import {
  ORDINARY_ROUTERS,
  type RouterSpecs,
  SITES,
  SYMMETRIC_ROUTERS,
} from "../lab/sites.ts";
import { joinByWireguardGo, type WireguardGo } from "../lab/wireguard_go.ts";
import { buildCurrentWireguardGo } from "./current_wireguard_go.ts";
import type { ContenderId } from "./options.ts";

/** A way from the box `client` to the box `web` of a lab. */
export interface Contender {
  /** What the command line calls it. */
  readonly id: ContenderId;
  /** What the reader knows it by. */
  readonly name: string;
  /** Where it runs. */
  readonly lab: Lab;
  /** The address of `web` that leads through it. */
  readonly target: string;
  /** Process ids of its two ends; the kernel has none. */
  readonly pids?: { readonly gateway: number; readonly peer: number };
}

/** Port of iperf3, and of our own loads of UDP packets. */
const IPERF_PORT = 5_201;
export const LOAD_PORT = 5_202;

const READY_MS = 15_000;

/** The network by address, and one name with a filter. */
const POLICY: Partial<LabPolicy> = {
  resources: [
    { name: "Web", type: "cidr", address: SITES.resourceNetwork, site: "HQ" },
    {
      name: "App",
      type: "dns",
      address: NAMES.app,
      site: "HQ",
      filters: [
        { protocol: "tcp", ports: [String(IPERF_PORT)] },
        { protocol: "udp", ports: [String(LOAD_PORT)] },
        { protocol: "icmp" },
      ],
    },
  ],
};

/** As an administrator runs them; tests want more. */
const ORDINARY_ENV = { RUST_LOG: "info", FIREZONE_FLOW_LOGS: "false" };

/** Starts the contenders in as few labs as possible, ours by the command `program`, and proves that each carries packets. All end with `stack`. */
export async function startContenders(
  ids: readonly ContenderId[],
  program: readonly string[],
  stack: AsyncDisposableStack,
  say: (line: string) => void,
): Promise<Contender[]> {
  const contenders: Contender[] = [];
  const build = (prefix: string, routers: RouterSpecs) =>
    buildLab(stack, new FirezoneLab(prefix, program, ORDINARY_ENV), routers);
  if (ids.some((id) => id !== "relayed")) {
    const site = await build("fzbdir", ORDINARY_ROUTERS);
    await shortenDirectPath(site.lab);
    // Ours does so by itself, the others do not.
    await site.lab.sysctl("gateway", "net.ipv4.ip_forward=1");
    for (const id of ids) {
      if (id === "veth") contenders.push(await startVeth(site.lab));
      if (id === "debian") contenders.push(await startDebian(site.lab));
      if (id === "current") {
        const built = await buildCurrentWireguardGo();
        if (typeof built === "string") say(built);
        else {
          stack.use(built);
          say(`The current wireguard-go is ${built.version}`);
          contenders.push(await startCurrent(site.lab, built.program));
        }
      }
    }
    contenders.push(...await startDirect(site, ids));
  }
  if (ids.includes("relayed")) {
    const site = await build("fzbrel", SYMMETRIC_ROUTERS);
    await shortenRelayedPath(site.lab);
    contenders.push(await startRelayed(site));
  }
  for (const { lab, target } of contenders) {
    await lab.must("client", "ping", "-c", "3", "-i", "0.2", "-W", "5", target);
  }
  return ids.flatMap((id) => contenders.filter((it) => it.id === id));
}

async function buildLab(
  stack: AsyncDisposableStack,
  site: FirezoneLab,
  routers: RouterSpecs,
): Promise<FirezoneLab> {
  stack.use(site);
  await site.build(routers, POLICY);
  const server = ["iperf3", "-s", "-p", String(IPERF_PORT), "--forceflush"];
  await site.lab.spawn("web", "iperf3", server).waitFor(/listening/, READY_MS);
  return site;
}

/**
 * Joins client and gateway by one link, and lets no UDP take the long way.
 *
 * Four routers' work on each packet would cost more than any tunnel's, and
 * be what is measured.
 */
export async function shortenDirectPath(lab: Lab): Promise<void> {
  await lab.addLink(
    { box: "client", device: "short", addresses: ["10.77.0.1/30"] },
    { box: "gateway", device: "short", addresses: ["10.77.0.2/30"] },
  );
  await addRoute(lab, "client", GATEWAY, "via", "10.77.0.2", "src", CLIENT);
  await addRoute(lab, "gateway", CLIENT, "via", "10.77.0.1", "src", GATEWAY);
  await blockDirectPath(lab);
}

/** Joins client and gateway with the relay by one link each, for the same reason. */
async function shortenRelayedPath(lab: Lab): Promise<void> {
  for (
    const [box, network, address] of [
      ["client", "10.78.0", CLIENT],
      ["gateway", "10.79.0", GATEWAY],
    ] as const
  ) {
    const relayEnd = `${network}.2`;
    await lab.addLink(
      { box, device: "short", addresses: [`${network}.1/30`] },
      { box: "relay", device: box, addresses: [`${relayEnd}/30`] },
    );
    const source = ["src", address];
    await addRoute(lab, box, SITES.relay, "via", relayEnd, ...source);
    const back = ["src", SITES.relay];
    await addRoute(lab, "relay", address, "via", `${network}.1`, ...back);
  }
}

/** The hosts' addresses behind their routers. */
const CLIENT = "192.168.10.2";
const GATEWAY = "192.168.20.2";

/** No tunnel: the gateway passes the packets on. Routes stand for the tunnel's MTU. */
async function startVeth(lab: Lab): Promise<Contender> {
  const target = await addTarget(lab, "10.22");
  const mtu = ["mtu", "1280"];
  await addRoute(lab, "client", target, "via", "10.77.0.2", ...mtu);
  await addRoute(lab, "web", "10.77.0.1", "via", "10.22.0.1", ...mtu);
  return { id: "veth", name: "raw veth", lab, target };
}

function addRoute(
  lab: Lab,
  box: string,
  ...route: readonly string[]
): Promise<string> {
  return lab.must(box, "ip", "route", "add", ...route);
}

async function startDebian(lab: Lab): Promise<Contender> {
  const go = { name: "wgdeb", program: "wireguard-go", port: 51_820 };
  const target = await addTarget(lab, "10.21");
  const pids = await startWireguardGo(lab, go, "10.9.0", "10.21.0");
  return { id: "debian", name: "wireguard-go, Debian", lab, target, pids };
}

async function startCurrent(lab: Lab, program: string): Promise<Contender> {
  const go = { name: "wgcur", program, port: 51_821 };
  const target = await addTarget(lab, "10.23");
  const pids = await startWireguardGo(lab, go, "10.8.0", "10.23.0");
  return { id: "current", name: "wireguard-go, current", lab, target, pids };
}

/** The gateway forwards between the tunnel's network and the resource's, both given by their first three bytes. */
async function startWireguardGo(
  lab: Lab,
  go: WireguardGo,
  tunnel: string,
  resource: string,
): Promise<NonNullable<Contender["pids"]>> {
  await addRoute(lab, "web", `${tunnel}.0/24`, "via", `${resource}.1`);
  const [gateway, peer] = await joinByWireguardGo(
    lab,
    go,
    {
      box: "gateway",
      address: `${tunnel}.1/24`,
      allowedIps: [`${tunnel}.2/32`],
    },
    {
      box: "client",
      address: `${tunnel}.2/24`,
      allowedIps: [`${tunnel}.1/32`, `${resource}.0/16`],
      endpoint: `${GATEWAY}:${go.port}`,
    },
  );
  return { gateway, peer };
}

/** Gives gateway and `web` one more network, so that each contender has a route of its own. */
async function addTarget(lab: Lab, prefix: string): Promise<string> {
  const add = (box: string, address: string, device: string) =>
    lab.must(box, "ip", "address", "add", `${address}/16`, "dev", device);
  await add("gateway", `${prefix}.0.1`, "eth1");
  await add("web", `${prefix}.0.100`, "eth0");
  return `${prefix}.0.100`;
}

/** Both go through the same two processes. */
async function startDirect(
  site: FirezoneLab,
  ids: readonly ContenderId[],
): Promise<Contender[]> {
  if (!ids.includes("direct") && !ids.includes("dns")) return [];
  const { lab } = site;
  const pids = await startFirezone(site, "direct", SITES.web);
  const hosts = await lab.must("client", "getent", "ahostsv4", NAMES.app);
  const proxy = hosts.split(/\s/)[0] ?? "";
  return [
    { id: "direct", name: "ours, direct", lab, target: SITES.web, pids },
    { id: "dns", name: "ours, DNS resource", lab, target: proxy, pids },
  ];
}

async function startRelayed(site: FirezoneLab): Promise<Contender> {
  const { lab } = site;
  const pids = await startFirezone(site, "relayed", SITES.web);
  return { id: "relayed", name: "ours, relayed", lab, target: SITES.web, pids };
}

async function startFirezone(
  site: FirezoneLab,
  path: "direct" | "relayed",
  target: string,
): Promise<NonNullable<Contender["pids"]>> {
  await site.startPortal();
  await site.startRelay();
  const gateway = await site.startGateway();
  const client = await site.startClient();
  // The first packet brings the connection up.
  await site.lab.must("client", "ping", "-c", "1", "-W", "15", target);
  const pattern = `Connection (?:established|moved) .*path=${path}`;
  await client.waitFor(new RegExp(pattern), READY_MS);
  return { gateway: gateway.pid, peer: client.pid };
}
