import assert from "node:assert/strict";
import { Lab } from "../../scripts/lab/lab.ts";
import {
  NAT_KINDS,
  type NatKind,
  type RouterSpec,
} from "../../scripts/lab/router.ts";
import {
  buildSites,
  ORDINARY_ROUTERS,
  setRouter,
  SITES,
} from "../../scripts/lab/sites.ts";
import { requireTools } from "../support/tools.ts";
import type { NatReport } from "../support/udp_probe.ts";

const PROBE = new URL("../support/udp_probe.ts", import.meta.url).pathname;
/** Further addresses of the portal's box. */
const OTHER = "203.0.113.11";
const OTHER_IPV6 = "2001:db8::11";
const IPV4 = [
  `${SITES.portal}:7001`,
  `${SITES.portal}:7002`,
  `${OTHER}:7001`,
];
const IPV6 = [
  `[${SITES.portalIpv6}]:7001`,
  `[${SITES.portalIpv6}]:7002`,
  `[${OTHER_IPV6}]:7001`,
];

/** Who may answer a socket that has sent to one port of one host: that port, its host, anyone. Written out from RFC 4787. */
const ADMITTED: Readonly<Record<NatKind, readonly boolean[]>> = {
  "none": [true, true, true],
  "cone": [true, true, true],
  "address-restricted": [true, true, false],
  "port-restricted": [true, false, false],
  "symmetric": [true, false, false],
};

Deno.test("the lab's routers map and filter as they are named", async () => {
  await using lab = await startLab();

  for (const nat of NAT_KINDS) {
    const ipv4 = await probe(lab, { nat, families: "dual" }, IPV4);
    const ipv6 = await probe(lab, { nat, families: "dual" }, IPV6);

    assert.deepEqual(ipv4.admitted, ADMITTED[nat], nat);
    assert.equal(new Set(ipv4.seenAs).size, nat === "symmetric" ? 3 : 1, nat);
    const isTranslated = ipv4.seenAs[0] !== "192.168.10.2:6000";
    assert.equal(isTranslated, nat !== "none", nat);
    assert.equal(ipv4.hairpinSource !== null, nat === "none", nat);
    assert.deepEqual(
      ipv6.admitted,
      ADMITTED[nat === "none" ? "none" : "port-restricted"],
      nat,
    );
    assert.deepEqual(
      new Set(ipv6.seenAs),
      new Set(["[2001:db8:10::2]:6000"]),
      nat,
    );
  }
});

Deno.test("a router of the lab hairpins on demand, with the outside address as the source", async () => {
  await using lab = await startLab();

  for (const nat of ["cone", "address-restricted"] as const) {
    const spec: RouterSpec = { nat, families: "ipv4", hairpin: true };
    const { hairpinSource, admitted } = await probe(lab, spec, IPV4);

    assert.equal(hairpinSource, "198.51.100.2:6001", nat);
    assert.deepEqual(admitted, ADMITTED[nat], nat);
  }
});

Deno.test("a router of the lab leads only the families that it has, and loses what it is told to", async () => {
  await using lab = await startLab();
  const ping = (address: string, count: string) =>
    lab.run(
      "client",
      ...["ping", "-c", count, "-i", "0.002", "-W", "0.3", "-q", address],
    );

  for (const families of ["ipv4", "ipv6", "dual"] as const) {
    const nat = "port-restricted";
    await setRouter(lab, "client", { nat, families });
    const { code: codeIpv4 } = await ping(SITES.portal, "2");
    const { code: codeIpv6 } = await ping(SITES.portalIpv6, "2");
    assert.equal(codeIpv4 === 0, families !== "ipv6", families);
    assert.equal(codeIpv6 === 0, families !== "ipv4", families);
  }

  await setRouter(lab, "client", {
    nat: "none",
    families: "ipv4",
    lossPercent: 30,
  });
  const { stdout } = await ping(SITES.portal, "300");
  const lost = Number(/([\d.]+)% packet loss/.exec(stdout)?.[1]);
  // Each way loses 30 %, so 51 % of all; ± 5 standard deviations.
  assert.ok(Math.abs(lost - 51) < 15, `${lost} %`);
});

async function startLab(): Promise<Lab> {
  requireTools("ip", "nft", "conntrack", "ping");
  const lab = new Lab("fznat");
  try {
    await buildSites(lab, ORDINARY_ROUTERS);
    for (const address of [`${OTHER}/32`, `${OTHER_IPV6}/128`]) {
      await lab.must("internet", "ip", "address", "add", address, "dev", "lo");
    }
    await lab.spawn("internet", "echo server", [
      ...deno("serve"),
      ...IPV4,
      ...IPV6,
    ]).waitFor(/Listening/, 5_000);
    return lab;
  } catch (error) {
    await lab[Symbol.asyncDispose]();
    throw error;
  }
}

async function probe(
  lab: Lab,
  router: RouterSpec,
  servers: readonly string[],
): Promise<NatReport> {
  await setRouter(lab, "client", router);
  const line = await lab.must("client", ...deno("probe"), ...servers);
  return JSON.parse(line);
}

function deno(mode: "serve" | "probe"): string[] {
  return [Deno.execPath(), "run", "--allow-net", PROBE, mode];
}
