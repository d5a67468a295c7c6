import { Lab } from "./lab.ts";
import type { LabProcess } from "./lab_process.ts";
import {
  buildSites,
  ORDINARY_ROUTERS,
  type RouterSpecs,
  setRouter,
  type SiteHost,
  SITES,
} from "./sites.ts";

const PORTAL_PORT = 8081;
const GATEWAY_TOKEN = ".lab-gateway-token";
const CLIENT_TOKEN = "n.lab-client-token";

/** The relays of the lab. Sockets of a relay take all addresses of their box, so each has its own. */
const RELAYS: readonly LabRelay[] = [
  {
    box: "relay",
    addresses: {
      PUBLIC_IP4_ADDR: SITES.relay,
      PUBLIC_IP6_ADDR: SITES.relayIpv6,
    },
    token: ".lab-relay-token",
  },
  {
    box: "relay-2",
    addresses: { PUBLIC_IP4_ADDR: "203.0.113.22" },
    token: ".lab-relay-2-token",
  },
];

interface LabRelay {
  readonly box: string;
  /** By the variable that tells the relay. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly token: string;
}

/** How long a role may take to come up, in ms. */
const START_MS = 15_000;

/** The policy of the lab: one client may reach the network behind one gateway. */
const POLICY = {
  secret: "6c6162".repeat(10),
  account: "lab",
  sites: [{ name: "HQ" }],
  gateways: [{ name: "gateway-1", site: "HQ", token: GATEWAY_TOKEN }],
  clients: [{ name: "laptop", token: CLIENT_TOKEN }],
  relays: RELAYS.map(({ token }, i) => ({ name: `relay-${i + 1}`, token })),
  resources: [
    { name: "Web", type: "cidr", address: SITES.resourceNetwork, site: "HQ" },
    {
      name: "Web IPv6",
      type: "cidr",
      address: SITES.resourceNetworkIpv6,
      site: "HQ",
    },
    {
      name: "Web server only",
      type: "ip",
      address: SITES.webOnly,
      site: "HQ",
      filters: [{ protocol: "tcp", ports: ["80"] }],
    },
  ],
  policies: [{ client: "*", resource: "*" }],
};

/** The command that runs this project's program from source. */
export const PROGRAM_FROM_SOURCE: readonly string[] = [
  Deno.execPath(),
  "run",
  "--allow-all",
  new URL("../../main.ts", import.meta.url).pathname,
];

/**
 * Portal, relays, gateway and client of this project, and a web server as the
 * resource, each in its place in the network of `buildSites`.
 */
export class FirezoneLab implements AsyncDisposable {
  /** The namespaces. */
  readonly lab: Lab;
  readonly #program: readonly string[];
  #policyPath = "";
  #routers: RouterSpecs = ORDINARY_ROUTERS;

  /** `program` is the command line that stands for `firezone-gateway`. */
  constructor(
    prefix: string,
    program: readonly string[] = PROGRAM_FROM_SOURCE,
  ) {
    this.lab = new Lab(prefix);
    this.#program = program;
  }

  /** Builds the network and starts the web server. `iceless`: whether the account has connections without ICE; `flowLogs`: the member `flow_logs` of the policy file. */
  async build(
    routers: RouterSpecs = ORDINARY_ROUTERS,
    { iceless = false, flowLogs = {} }: {
      readonly iceless?: boolean;
      readonly flowLogs?: Readonly<Record<string, unknown>>;
    } = {},
  ): Promise<void> {
    this.#routers = routers;
    await buildSites(this.lab, routers);
    await this.#buildSecondRelay();
    this.#policyPath = await Deno.makeTempFile({
      prefix: "firezone-lab-",
      suffix: ".json",
    });
    const policy = { ...POLICY, iceless, flow_logs: flowLogs };
    await Deno.writeTextFile(this.#policyPath, JSON.stringify(policy));
    const script = new URL("./web_server.ts", import.meta.url).pathname;
    const command = [Deno.execPath(), "run", "--allow-net", script, "80"];
    await this.lab.spawn("web", "web", command).waitFor(/Listening/, START_MS);
  }

  /** Replaces both routers. For gateway and client to notice, they have to be started anew. */
  async setRouters(routers: RouterSpecs): Promise<void> {
    this.#routers = routers;
    await setRouter(this.lab, "client", routers.client);
    await setRouter(this.lab, "gateway", routers.gateway);
  }

  /** Starts the portal and waits until it serves. */
  async startPortal(): Promise<LabProcess> {
    const listen = [SITES.portal, `[${SITES.portalIpv6}]`]
      .map((host) => `${host}:${PORTAL_PORT}`).join();
    const args = ["portal", "--policy", this.#policyPath, "--listen", listen];
    const portal = this.lab.spawn("internet", "portal", [
      ...this.#program,
      ...args,
    ], ENV);
    await portal.waitFor(/Serving/, START_MS);
    return portal;
  }

  /** Starts the relay of this number, 1 or 2, and waits until the portal knows it. */
  async startRelay(number = 1): Promise<LabProcess> {
    const relay = this.spawnRelay(number);
    await relay.waitFor(/Joined the portal/, START_MS);
    return relay;
  }

  /** Starts the relay of this number, 1 or 2, and waits for nothing. */
  spawnRelay(number = 1): LabProcess {
    const spec = RELAYS[number - 1];
    if (!spec) throw new RangeError(`Cannot start relay number: ${number}`);
    const { box, addresses, token } = spec;
    const command = [...this.#program, "relay"];
    return this.lab.spawn(box, `relay-${number}`, command, {
      ...ENV,
      ...addresses,
      FIREZONE_API_URL: apiUrl(SITES.portal),
      FIREZONE_TOKEN: token,
    });
  }

  /** Starts the gateway, by `program` if another one than the lab's, and waits until it has its interface. */
  async startGateway(
    program: readonly string[] = this.#program,
  ): Promise<LabProcess> {
    const gateway = this.spawnGateway(program);
    await gateway.waitFor(/Interface configured/, START_MS);
    return gateway;
  }

  /** Starts the gateway and waits for nothing. */
  spawnGateway(program: readonly string[] = this.#program): LabProcess {
    return this.lab.spawn("gateway", "gateway", program, this.gatewayEnv());
  }

  /** Starts the client and waits until it has its interface. */
  async startClient(): Promise<LabProcess> {
    const client = this.lab.spawn("client", "client", [
      ...this.#program,
      "client",
    ], {
      ...this.#env("client"),
      FIREZONE_TOKEN: CLIENT_TOKEN,
      FIREZONE_ID: "laptop",
    });
    await client.waitFor(/Interface configured/, START_MS);
    return client;
  }

  /** The environment that an administrator would give the gateway. */
  gatewayEnv(): Record<string, string> {
    return {
      ...this.#env("gateway"),
      FIREZONE_TOKEN: GATEWAY_TOKEN,
      FIREZONE_ID: "gateway-1",
    };
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
    if (this.#policyPath !== "") await Deno.remove(this.#policyPath);
  }

  async #buildSecondRelay(): Promise<void> {
    await this.lab.addBox("relay-2");
    await this.lab.addLink(
      { box: "relay-2", device: "eth0", addresses: ["203.0.113.22/30"] },
      { box: "internet", device: "relay-2", addresses: ["203.0.113.21/30"] },
    );
    await this.lab.addRoute("relay-2", "default", "203.0.113.21");
  }

  #env(host: SiteHost): Record<string, string> {
    const isIpv6Only = this.#routers[host].families === "ipv6";
    const portal = isIpv6Only ? `[${SITES.portalIpv6}]` : SITES.portal;
    return { ...ENV, FIREZONE_API_URL: apiUrl(portal) };
  }
}

const ENV = { RUST_LOG: "debug", NO_COLOR: "1" } as const;

function apiUrl(host: string): string {
  return `ws://${host}:${PORTAL_PORT}`;
}
