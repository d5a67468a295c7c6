import assert from "node:assert/strict";
import {
  FirezoneLab,
  GATEWAY_TOKEN,
  PROGRAM_FROM_SOURCE,
} from "../../scripts/lab/firezone_lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import { requireTools } from "../support/tools.ts";
import { expectNoWarnings } from "./recovery_support.ts";

const PREFIX = "fztwo";
const START_MS = 20_000;
const SECOND_TOKEN = ".lab-gateway-2-token";

/** Two sites, with one resource of each family each. Both are behind the same host. */
const POLICY = {
  sites: [{ name: "HQ" }, { name: "Branch" }],
  gateways: [
    { name: "gateway-1", site: "HQ", token: GATEWAY_TOKEN },
    { name: "gateway-2", site: "Branch", token: SECOND_TOKEN },
  ],
  resources: [
    { name: "HQ", type: "ip", address: SITES.web, site: "HQ" },
    { name: "HQ IPv6", type: "ip", address: SITES.webIpv6, site: "HQ" },
    { name: "Branch", type: "ip", address: SITES.webOnly, site: "Branch" },
    { name: "Branch IPv6", type: "ip", address: SITES.appIpv6, site: "Branch" },
  ],
} as const;

const FIRST_SITE = [SITES.web, SITES.webIpv6];
const SECOND_SITE = [SITES.webOnly, SITES.appIpv6];

for (
  const [first, second] of [["tun-firezone", "fz-branch"], ["fz.1", "fz.2"]]
) {
  Deno.test(`[ops 6] the gateways ${first} and ${second} share a host: one client reaches resources through both, and each cleans up after itself alone`, async () => {
    requireTools("ip", "nft", "ping");
    await using demo = new FirezoneLab(PREFIX);
    await demo.build(undefined, POLICY);
    await demo.lab.sysctl("gateway", "net.ipv4.conf.default.rp_filter=1");
    const network = () => describeNetwork(demo);
    const before = await network();
    await demo.startPortal();
    await demo.startRelay();
    const start = (name: string, tun = "", token = "") =>
      startGateway(demo, { name, tun, token });
    const gateways = [
      await start("gateway-1", first, GATEWAY_TOKEN),
      await start("gateway-2", second, SECOND_TOKEN),
    ] as const;
    await demo.startClient();

    // By turns, so that both connections are up when each is used.
    for (const _ of ["first", "again"]) {
      for (const target of [...FIRST_SITE, ...SECOND_SITE]) {
        await ping(demo, target);
      }
    }

    assert.equal(await gateways[0].stop(), 0);
    for (const target of SECOND_SITE) await ping(demo, target);
    assert.equal(await gateways[1].stop(), 0);
    assert.equal(await network(), before);
    expectNoWarnings(...gateways);
  });
}

async function startGateway(
  demo: FirezoneLab,
  { name, tun, token }: {
    readonly name: string;
    readonly tun: string;
    readonly token: string;
  },
): Promise<LabProcess> {
  const command = [...PROGRAM_FROM_SOURCE, "--tun-name", tun];
  const gateway = demo.lab.spawn("gateway", name, command, {
    ...demo.gatewayEnv(),
    FIREZONE_ID: name,
    FIREZONE_CONTROL_SOCKET: `${demo.lab.runDirectory}/${name}.sock`,
    HEALTH_CHECK_ADDR: `127.0.0.1:${name === "gateway-1" ? 8080 : 8082}`,
    FIREZONE_TOKEN: token,
  });
  await gateway.waitFor(/Interface configured/, START_MS);
  return gateway;
}

async function ping(demo: FirezoneLab, target: string): Promise<void> {
  const options = "-c 3 -i 0.2 -W 10".split(" ");
  await demo.lab.must("client", "ping", ...options, target);
}

/** Describes interfaces, rules, routes and firewall of the gateways' host. */
async function describeNetwork({ lab }: FirezoneLab): Promise<string> {
  const queries = ["link", "rule", "-6 rule", "route show table all"];
  const answers = await Promise.all([
    ...queries.map((it) => lab.must("gateway", "ip", ...it.split(" "))),
    lab.must("gateway", "nft", "list", "ruleset"),
  ]);
  return answers.join("\n").replaceAll(/counter packets \d+ bytes \d+/g, "");
}
