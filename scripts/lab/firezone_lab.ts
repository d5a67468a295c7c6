import { Lab } from "./lab.ts";
import type { LabProcess } from "./lab_process.ts";
import { buildSites, SITES } from "./sites.ts";

const PORTAL_PORT = 8081;
const GATEWAY_TOKEN = ".lab-gateway-token";
const CLIENT_TOKEN = "n.lab-client-token";
const RELAY_TOKEN = ".lab-relay-token";

/** How long a role may take to come up, in ms. */
const START_MS = 15_000;

/** The policy of the lab: one client may reach the network behind one gateway. */
const POLICY = {
  secret: "6c6162".repeat(10),
  account: "lab",
  sites: [{ name: "HQ" }],
  gateways: [{ name: "gateway-1", site: "HQ", token: GATEWAY_TOKEN }],
  clients: [{ name: "laptop", token: CLIENT_TOKEN }],
  relays: [{ name: "relay-1", token: RELAY_TOKEN }],
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
 * Portal, relay, gateway and client of this project, and a web server as the
 * resource, each in its place in the network of `buildSites`.
 */
export class FirezoneLab implements AsyncDisposable {
  /** The namespaces. */
  readonly lab: Lab;
  readonly #program: readonly string[];
  #policyPath = "";

  /** `program` is the command line that stands for `firezone-gateway`. */
  constructor(
    prefix: string,
    program: readonly string[] = PROGRAM_FROM_SOURCE,
  ) {
    this.lab = new Lab(prefix);
    this.#program = program;
  }

  /** Builds the network and starts the web server. `iceless`: whether the account has connections without ICE. */
  async build(
    { iceless = false }: { readonly iceless?: boolean } = {},
  ): Promise<void> {
    await buildSites(this.lab);
    this.#policyPath = await Deno.makeTempFile({
      prefix: "firezone-lab-",
      suffix: ".json",
    });
    const policy = { ...POLICY, iceless };
    await Deno.writeTextFile(this.#policyPath, JSON.stringify(policy));
    const script = new URL("./web_server.ts", import.meta.url).pathname;
    const command = [Deno.execPath(), "run", "--allow-net", script, "80"];
    await this.lab.spawn("web", "web", command).waitFor(/Listening/, START_MS);
  }

  /** Starts the portal and waits until it serves. */
  async startPortal(): Promise<LabProcess> {
    const listen = `${SITES.portal}:${PORTAL_PORT}`;
    const args = ["portal", "--policy", this.#policyPath, "--listen", listen];
    const portal = this.lab.spawn("internet", "portal", [
      ...this.#program,
      ...args,
    ], this.#env());
    await portal.waitFor(/Serving/, START_MS);
    return portal;
  }

  /** Starts the relay and waits until the portal knows it. */
  async startRelay(): Promise<LabProcess> {
    const relay = this.lab.spawn("internet", "relay", [
      ...this.#program,
      "relay",
    ], {
      ...this.#env(),
      FIREZONE_TOKEN: RELAY_TOKEN,
      PUBLIC_IP4_ADDR: SITES.relay,
    });
    await relay.waitFor(/Joined the portal/, START_MS);
    return relay;
  }

  /** Starts the gateway, by `program` if another one than the lab's, and waits until it has its interface. */
  async startGateway(
    program: readonly string[] = this.#program,
  ): Promise<LabProcess> {
    const gateway = this.lab.spawn(
      "gateway",
      "gateway",
      program,
      this.gatewayEnv(),
    );
    await gateway.waitFor(/Interface configured/, START_MS);
    return gateway;
  }

  /** Starts the client and waits until it has its interface. */
  async startClient(): Promise<LabProcess> {
    const client = this.lab.spawn("client", "client", [
      ...this.#program,
      "client",
    ], {
      ...this.#env(),
      FIREZONE_TOKEN: CLIENT_TOKEN,
      FIREZONE_ID: "laptop",
    });
    await client.waitFor(/Interface configured/, START_MS);
    return client;
  }

  /** The environment that an administrator would give the gateway. */
  gatewayEnv(): Record<string, string> {
    return {
      ...this.#env(),
      FIREZONE_TOKEN: GATEWAY_TOKEN,
      FIREZONE_ID: "gateway-1",
    };
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
    if (this.#policyPath !== "") await Deno.remove(this.#policyPath);
  }

  #env(): Record<string, string> {
    return {
      FIREZONE_API_URL: `ws://${SITES.portal}:${PORTAL_PORT}`,
      RUST_LOG: "debug",
      NO_COLOR: "1",
    };
  }
}
