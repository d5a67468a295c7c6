import { NAMES, startDnsServers } from "./dns_server.ts";
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
/** The token of `gateway-1`. */
export const GATEWAY_TOKEN = ".lab-gateway-token";
/** Tokens of the gateways by number, from 1. */
const GATEWAY_TOKENS = [GATEWAY_TOKEN, ".lab-gateway-2-token"] as const;
const CLIENT_TOKEN = "n.lab-client-token";
const CONTROL_TOKEN = "lab-control-token";

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

/** A policy file as far as tests change it. */
export interface LabPolicy {
  /** Whether the account has connections without ICE. */
  readonly iceless: boolean;
  /** Where flow logs go, as in the policy file. */
  readonly flow_logs?: Readonly<Record<string, unknown>>;
  /** Where gateways are. */
  readonly sites?: readonly { readonly name: string }[];
  /** Who may serve a site. */
  readonly gateways?: readonly {
    readonly name: string;
    readonly site: string;
    readonly token: string;
  }[];
  /** What can be reached. */
  readonly resources: readonly {
    readonly name: string;
    readonly type: "cidr" | "ip" | "dns" | "internet";
    readonly address?: string;
    readonly site: string;
    readonly filters?: readonly {
      readonly protocol: "tcp" | "udp" | "icmp";
      readonly ports?: readonly string[];
    }[];
  }[];
  /** Who may reach it. */
  readonly policies: readonly {
    readonly client: string;
    readonly resource: string;
    readonly expires_at?: string;
  }[];
}

const WEB_ONLY = [{ protocol: "tcp", ports: ["80"] }] as const;
const WEB_AND_PING = [...WEB_ONLY, { protocol: "icmp" }] as const;

/** The policy of the lab: one client may reach the networks and names behind one gateway. */
const POLICY: LabPolicy & Readonly<Record<string, unknown>> = {
  secret: "6c6162".repeat(10),
  account: "lab",
  control_token: CONTROL_TOKEN,
  iceless: false,
  search_domain: NAMES.searchDomain,
  upstream_dns: [SITES.publicResolver],
  sites: [{ name: "HQ" }],
  gateways: GATEWAY_TOKENS.map((token, i) => ({
    name: `gateway-${i + 1}`,
    site: "HQ",
    token,
  })),
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
      filters: WEB_ONLY,
    },
    { name: "App", type: "dns", address: NAMES.app, site: "HQ" },
    { name: "Zone", type: "dns", address: "**.lab.test", site: "HQ" },
    {
      name: "Corp",
      type: "dns",
      address: `**.${NAMES.wildcard}`,
      site: "HQ",
      filters: WEB_AND_PING,
    },
    {
      name: "Mirror",
      type: "dns",
      address: NAMES.mirror,
      site: "HQ",
      filters: WEB_ONLY,
    },
    {
      name: "Files",
      type: "dns",
      address: "*.files.test",
      site: "HQ",
      filters: WEB_AND_PING,
    },
    {
      name: "Search",
      type: "dns",
      address: `**.${NAMES.searchDomain}`,
      site: "HQ",
      filters: WEB_AND_PING,
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
 * Portal, relays, gateway and client of this project, and web servers and
 * resolvers as resources, each in its place in the network of `buildSites`.
 */
export class FirezoneLab implements AsyncDisposable {
  /** The namespaces. */
  readonly lab: Lab;
  readonly #program: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #policyPath = "";
  #routers: RouterSpecs = ORDINARY_ROUTERS;
  #policy: LabPolicy = POLICY;
  #portal: LabProcess | undefined;

  /** `program` is the command line that stands for `firezone-gateway`, `env` what every role gets beside or instead of what tests want. */
  constructor(
    prefix: string,
    program: readonly string[] = PROGRAM_FROM_SOURCE,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.lab = new Lab(prefix);
    this.#program = program;
    this.#env = env;
  }

  /** Builds the network and starts web servers and resolvers. `policy` is what differs from the lab's policy. */
  async build(
    routers: RouterSpecs = ORDINARY_ROUTERS,
    policy: Partial<LabPolicy> = {},
  ): Promise<void> {
    this.#routers = routers;
    this.#policy = { ...POLICY, ...policy };
    await buildSites(this.lab, routers);
    await this.#buildSecondRelay();
    await startDnsServers(this.lab);
    this.#policyPath = await Deno.makeTempFile({
      prefix: "firezone-lab-",
      suffix: ".json",
    });
    await this.#writePolicy();
    await Promise.all(["web", "far"].map((box) => this.#startWebServer(box)));
  }

  /** Puts an edited policy in force, at once if the portal runs. */
  async changePolicy(edit: (policy: LabPolicy) => LabPolicy): Promise<void> {
    this.#policy = edit(this.#policy);
    await this.#writePolicy();
    this.#portal?.signal("SIGHUP");
  }

  /** Makes the portal take back what the client may do through the gateway, and returns the resources that this concerned. */
  async revokeAccess(...resources: readonly string[]): Promise<string[]> {
    const query = new URLSearchParams([
      ["client", "laptop"],
      ["gateway", "gateway-1"],
      ...resources.map((name) => ["resource", name]),
    ]);
    const url = `http://${SITES.portal}:${PORTAL_PORT}/control/revoke-access`;
    const answer = await this.lab.must(
      "internet",
      ...["curl", "-sSf", "-X", "POST"],
      ...["-H", `Authorization: Bearer ${CONTROL_TOKEN}`, `${url}?${query}`],
    );
    return JSON.parse(answer).revoked;
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
    ], { ...ENV, ...this.#env });
    await portal.waitFor(/Serving/, START_MS);
    this.#portal = portal;
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
      ...this.#env,
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

  /** Starts the client, with more variables in its environment if need be, and waits until it has its interface. */
  async startClient(
    env: Readonly<Record<string, string>> = {},
  ): Promise<LabProcess> {
    const command = [...this.#program, "client"];
    const client = this.lab.spawn("client", "client", command, {
      ...this.#envAt("client"),
      FIREZONE_TOKEN: CLIENT_TOKEN,
      FIREZONE_ID: "laptop",
      ...this.#env,
      ...env,
    });
    await client.waitFor(/Interface configured/, START_MS);
    return client;
  }

  /** The environment that an administrator would give the gateway of this number, 1 or 2. */
  gatewayEnv(number: 1 | 2 = 1): Record<string, string> {
    return {
      ...this.#envAt("gateway"),
      FIREZONE_CONTROL_SOCKET: this.controlSocket(number),
      FIREZONE_FLOW_LOGS: "true",
      FIREZONE_TOKEN: GATEWAY_TOKENS[number - 1] ?? "",
      FIREZONE_ID: `gateway-${number}`,
      ...this.#env,
    };
  }

  /** Path of the control socket of the gateway of this number. */
  controlSocket(number: 1 | 2 = 1): string {
    return `${this.lab.runDirectory}/gateway-${number}.sock`;
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
    if (this.#policyPath !== "") await Deno.remove(this.#policyPath);
  }

  async #writePolicy(): Promise<void> {
    const policy = JSON.stringify(this.#policy);
    await Deno.writeTextFile(this.#policyPath, policy);
  }

  async #startWebServer(box: string): Promise<void> {
    const script = new URL("./web_server.ts", import.meta.url).pathname;
    const command = [Deno.execPath(), "run", "--allow-net", script, "80"];
    const server = this.lab.spawn(box, `web-server-${box}`, command);
    await server.waitFor(/Listening/, START_MS);
  }

  async #buildSecondRelay(): Promise<void> {
    await this.lab.addBox("relay-2");
    await this.lab.addLink(
      { box: "relay-2", device: "eth0", addresses: ["203.0.113.22/30"] },
      { box: "internet", device: "relay-2", addresses: ["203.0.113.21/30"] },
    );
    await this.lab.addRoute("relay-2", "default", "203.0.113.21");
  }

  #envAt(host: SiteHost): Record<string, string> {
    const isIpv6Only = this.#routers[host].families === "ipv6";
    const portal = isIpv6Only ? `[${SITES.portalIpv6}]` : SITES.portal;
    return { ...ENV, FIREZONE_API_URL: apiUrl(portal) };
  }
}

const ENV = { RUST_LOG: "debug", NO_COLOR: "1" } as const;

function apiUrl(host: string): string {
  return `ws://${host}:${PORTAL_PORT}`;
}
