import { Lab } from "./lab.ts";

/** Addresses of the lab's boxes, for those who talk to them. */
export const SITES = {
  /** Where the portal serves, port 8081. */
  portal: "203.0.113.10",
  /** Where the relay serves, port 3478. */
  relay: "203.0.113.7",
  /** The resource's own address, behind the gateway. */
  web: "10.20.0.100",
  /** The same in IPv6. */
  webIpv6: "fd00:10:20::100",
  /** Another address of the same host, of which the policy grants only the web server. */
  webOnly: "10.30.0.100",
  /** The network that the policy grants. */
  resourceNetwork: "10.20.0.0/16",
  /** The same in IPv6. */
  resourceNetworkIpv6: "fd00:10:20::/64",
} as const;

/**
 * Builds the lab's network: two sites behind NAT routers, and an internet between.
 *
 * ```text
 * client ── router-c ── internet ── router-g ── gateway ── web
 *                    portal, relay
 * ```
 *
 * Routers masquerade with stable ports and drop what nobody asked for, as home
 * and office routers do. The gateway's host forwards and masquerades what comes
 * out of the tunnel.
 */
export async function buildSites(lab: Lab): Promise<void> {
  for (
    const box of [
      "internet",
      "router-c",
      "client",
      "router-g",
      "gateway",
      "web",
    ]
  ) {
    await lab.addBox(box);
  }
  await lab.sysctl("internet", "net.ipv4.ip_forward=1");
  for (const ip of [SITES.portal, SITES.relay]) {
    await lab.must("internet", "ip", "address", "add", `${ip}/32`, "dev", "lo");
  }
  await buildSite(lab, "c", "client", "192.168.10", "198.51.100");
  await buildSite(lab, "g", "gateway", "192.168.20", "192.0.2");
  await buildResourceNetwork(lab);
}

async function buildSite(
  lab: Lab,
  letter: string,
  host: string,
  inside: string,
  outside: string,
): Promise<void> {
  const router = `router-${letter}`;
  await lab.addLink(
    { box: host, device: "eth0", addresses: [`${inside}.2/24`] },
    { box: router, device: "lan", addresses: [`${inside}.1/24`] },
  );
  await lab.addLink(
    { box: router, device: "wan", addresses: [`${outside}.2/24`] },
    {
      box: "internet",
      device: `site-${letter}`,
      addresses: [`${outside}.1/24`],
    },
  );
  await lab.addRoute(host, "default", `${inside}.1`);
  await lab.addRoute(router, "default", `${outside}.1`);
  await lab.sysctl(router, "net.ipv4.ip_forward=1");
  await lab.nft(
    router,
    `table inet router {
      chain input {
        type filter hook input priority 0; policy drop;
        ct state established,related accept
        meta l4proto { icmp, ipv6-icmp } accept
      }
      chain postrouting {
        type nat hook postrouting priority 100;
        oifname "wan" masquerade
      }
    }`,
  );
}

async function buildResourceNetwork(lab: Lab): Promise<void> {
  await lab.addLink(
    {
      box: "gateway",
      device: "eth1",
      addresses: ["10.20.0.1/16", "10.30.0.1/24", "fd00:10:20::1/64"],
    },
    {
      box: "web",
      device: "eth0",
      addresses: [
        `${SITES.web}/16`,
        `${SITES.webOnly}/24`,
        `${SITES.webIpv6}/64`,
      ],
    },
  );
  await lab.sysctl(
    "gateway",
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv4.conf.all.src_valid_mark=1",
  );
  await lab.nft(
    "gateway",
    `table inet firezone {
      chain postrouting {
        type nat hook postrouting priority 100;
        ip saddr 100.64.0.0/11 oifname "eth1" masquerade
        ip6 saddr fd00:2021:1111::/107 oifname "eth1" masquerade
      }
    }`,
  );
}
