import type { Lab } from "./lab.ts";
import { ORDINARY_ROUTER, routerRuleset, type RouterSpec } from "./router.ts";

/** Addresses of the lab's boxes, for those who talk to them. */
export const SITES = {
  /** Where the portal serves, port 8081. */
  portal: "203.0.113.10",
  /** Where the relay serves, port 3478. */
  relay: "203.0.113.7",
  /** The portal's other address. */
  portalIpv6: "2001:db8::10",
  /** The relay's other address. */
  relayIpv6: "2001:db8::7",
  /** The resource's own address, behind the gateway. */
  web: "10.20.0.100",
  /** The same in IPv6. */
  webIpv6: "fd00:10:20::100",
  /** Another address of the same host, of which the policy grants only the web server. */
  webOnly: "10.30.0.100",
  /** A server that the policy grants by its names only, see `NAMES`. */
  app: "172.21.0.100",
  /** The same in IPv6. */
  appIpv6: "fd00:172:21::100",
  /** Another address of the same host, which has several names. */
  files: "172.21.0.101",
  /** The same in IPv6. */
  filesIpv6: "fd00:172:21::101",
  /** Where the gateway's resolver serves. */
  resolver: "172.21.0.53",
  /** The same in IPv6. */
  resolverIpv6: "fd00:172:21::53",
  /** A server behind a router with a narrow link, granted by its name. */
  far: "172.22.0.100",
  /** Where the resolver of the internet serves. */
  publicResolver: "203.0.113.53",
  /** The network that the policy grants. */
  resourceNetwork: "10.20.0.0/16",
  /** The same in IPv6. */
  resourceNetworkIpv6: "fd00:10:20::/64",
} as const;

/** Who is behind a router of its own. */
export type SiteHost = "client" | "gateway";

/** The routers of a lab. */
export type RouterSpecs = Readonly<Record<SiteHost, RouterSpec>>;

/** A home or office, and a data center, both as usual. */
export const ORDINARY_ROUTERS: RouterSpecs = {
  client: ORDINARY_ROUTER,
  gateway: ORDINARY_ROUTER,
};

/** Two sites that only a relay can join. */
export const SYMMETRIC_ROUTERS: RouterSpecs = {
  client: { nat: "symmetric", families: "ipv4" },
  gateway: { nat: "symmetric", families: "ipv4" },
};

/** Where a site is. The networks of prefixes end in a host number. */
interface SitePlan {
  readonly router: string;
  readonly insideIpv4: string;
  readonly insideIpv6: string;
  readonly outsideIpv4: string;
  readonly outsideIpv6: string;
}

const PLANS: Readonly<Record<SiteHost, SitePlan>> = {
  client: {
    router: "router-c",
    insideIpv4: "192.168.10.",
    insideIpv6: "2001:db8:10::",
    outsideIpv4: "198.51.100.",
    outsideIpv6: "2001:db8:a::",
  },
  gateway: {
    router: "router-g",
    insideIpv4: "192.168.20.",
    insideIpv6: "2001:db8:20::",
    outsideIpv4: "192.0.2.",
    outsideIpv6: "2001:db8:b::",
  },
};

/** Host numbers: the host inside and the router outside have the second. */
const FIRST = 1;
const SECOND = 2;

/**
 * Builds the lab's network: two sites behind routers, and an internet between.
 *
 * ```text
 * client ── router-c ── internet ── router-g ── gateway ── web (resolver)
 *                   (portal) │                        └── router-r ── far
 *                          relay
 * ```
 *
 * The internet, portal and relay have both families; what leads there from a
 * site, and past which NAT, its router says. The gateway's host is as it was
 * installed: it forwards nothing. The link to `far` carries no more than
 * `FAR_MTU` bytes, but `far` does not say so in its TCP handshakes.
 */
export async function buildSites(
  lab: Lab,
  routers: RouterSpecs = ORDINARY_ROUTERS,
): Promise<void> {
  for (
    const box of [
      "internet",
      "relay",
      "router-c",
      "client",
      "router-g",
      "gateway",
      "web",
      "router-r",
      "far",
    ]
  ) {
    await lab.addBox(box);
  }
  await buildInternet(lab);
  for (const host of ["client", "gateway"] as const) {
    await buildSite(lab, host);
    await setRouter(lab, host, routers[host]);
  }
  await buildResourceNetwork(lab);
  await buildFarNetwork(lab);
}

/** Makes the router of a site another one. All its mappings are gone, and its host starts anew at the same addresses. */
export async function setRouter(
  lab: Lab,
  host: SiteHost,
  spec: RouterSpec,
): Promise<void> {
  const plan = PLANS[host];
  const { router, insideIpv4, insideIpv6, outsideIpv4 } = plan;
  await lab.nft(router, routerRuleset(spec, `${outsideIpv4}${SECOND}`));
  await lab.must(router, "conntrack", "-F");
  await setRoute(
    lab,
    "internet",
    `${insideIpv4}0/24`,
    `${outsideIpv4}${SECOND}`,
    spec.nat === "none",
  );
  const { families } = spec;
  const viaIpv4 = `${insideIpv4}${FIRST}`;
  const viaIpv6 = `${insideIpv6}${FIRST}`;
  await setRoute(lab, host, "0.0.0.0/0", viaIpv4, families !== "ipv6");
  await setRoute(lab, host, "::/0", viaIpv6, families !== "ipv4");
  if (families !== "ipv4") {
    // A link that has just come up finds its IPv6 neighbours only after a second.
    const patiently = ["-c", "1", "-i", "0.2", "-w", "5"];
    for (const address of [SITES.portalIpv6, SITES.relayIpv6]) {
      await lab.must(host, "ping", ...patiently, address);
    }
  }
}

/** The portal is on the internet's own box. The relay has one of its own, where its sockets have no other address to send from. */
async function buildInternet(lab: Lab): Promise<void> {
  const { portal, relay, portalIpv6, relayIpv6, publicResolver } = SITES;
  await lab.sysctl("internet", ...FORWARDING);
  const own = [`${portal}/32`, `${portalIpv6}/128`, `${publicResolver}/32`];
  for (const address of own) {
    await lab.must("internet", "ip", "address", "add", address, "dev", "lo");
  }
  await lab.addLink(
    {
      box: "internet",
      device: "relay",
      addresses: [`${RELAY_UPLINK}/31`, `${RELAY_UPLINK_IPV6}/127`],
    },
    {
      box: "relay",
      device: "eth0",
      addresses: [`${relay}/31`, `${relayIpv6}/127`],
    },
  );
  await lab.addRoute("relay", "0.0.0.0/0", RELAY_UPLINK);
  await lab.addRoute("relay", "::/0", RELAY_UPLINK_IPV6);
}

/** Next to the relay's own addresses. */
const RELAY_UPLINK = "203.0.113.6";
const RELAY_UPLINK_IPV6 = "2001:db8::6";

const FORWARDING = [
  "net.ipv4.ip_forward=1",
  "net.ipv6.conf.all.forwarding=1",
] as const;

async function buildSite(lab: Lab, host: SiteHost): Promise<void> {
  const { router, insideIpv4, insideIpv6, outsideIpv4, outsideIpv6 } =
    PLANS[host];
  const inside = (number: number) => [
    `${insideIpv4}${number}/24`,
    `${insideIpv6}${number}/64`,
  ];
  const outside = (number: number) => [
    `${outsideIpv4}${number}/24`,
    `${outsideIpv6}${number}/64`,
  ];
  await lab.addLink(
    { box: host, device: "eth0", addresses: inside(SECOND) },
    { box: router, device: "lan", addresses: inside(FIRST) },
  );
  await lab.addLink(
    { box: router, device: "wan", addresses: outside(SECOND) },
    { box: "internet", device: `site-${host}`, addresses: outside(FIRST) },
  );
  await lab.sysctl(router, ...FORWARDING);
  await lab.addRoute(router, "0.0.0.0/0", `${outsideIpv4}${FIRST}`);
  await lab.addRoute(router, "::/0", `${outsideIpv6}${FIRST}`);
  await lab.addRoute(
    "internet",
    `${insideIpv6}/64`,
    `${outsideIpv6}${SECOND}`,
  );
}

async function setRoute(
  lab: Lab,
  box: string,
  network: string,
  via: string,
  isThere: boolean,
): Promise<void> {
  if (isThere) {
    await lab.must(box, "ip", "route", "replace", network, "via", via);
  } else await lab.run(box, "ip", "route", "delete", network, "via", via);
}

async function buildResourceNetwork(lab: Lab): Promise<void> {
  await lab.addLink(
    {
      box: "gateway",
      device: "eth1",
      addresses: [
        "10.20.0.1/16",
        "10.30.0.1/24",
        "172.21.0.1/24",
        "fd00:10:20::1/64",
        "fd00:172:21::1/64",
      ],
    },
    {
      box: "web",
      device: "eth0",
      addresses: [
        `${SITES.web}/16`,
        `${SITES.webOnly}/24`,
        `${SITES.webIpv6}/64`,
        ...NAMED.map((ip) => `${ip}/${ip.includes(":") ? 64 : 24}`),
      ],
    },
  );
}

/** Addresses of the web box that only names lead to, and the resolver's. */
const NAMED = [
  SITES.app,
  SITES.appIpv6,
  SITES.files,
  SITES.filesIpv6,
  SITES.resolver,
  SITES.resolverIpv6,
];

/** How much the link to `far` carries, in bytes. Below what IPv6 needs, so it has none. */
export const FAR_MTU = 1_000;

async function buildFarNetwork(lab: Lab): Promise<void> {
  await lab.addLink(
    { box: "gateway", device: "eth2", addresses: ["10.40.0.1/30"] },
    { box: "router-r", device: "near", addresses: ["10.40.0.2/30"] },
  );
  await lab.addLink(
    { box: "router-r", device: "far", addresses: ["172.22.0.1/24"] },
    { box: "far", device: "eth0", addresses: [`${SITES.far}/24`] },
  );
  const mtu = ["mtu", String(FAR_MTU)];
  await lab.must("router-r", "ip", "link", "set", "far", ...mtu);
  await lab.must("far", "ip", "link", "set", "eth0", ...mtu);
  await lab.sysctl("router-r", ...FORWARDING);
  await lab.addRoute("gateway", "172.22.0.0/24", "10.40.0.2");
  const towards = ["default", "via", "172.22.0.1", "advmss", "1460"];
  await lab.must("far", "ip", "route", "add", ...towards);
}
