import type { Lab } from "./lab.ts";
import { SITES } from "./sites.ts";

/** A site of the lab, by its host. */
export type SiteLetter = "c" | "g";

/** Drops all UDP between the two sites, so that only relays are left. */
export async function blockDirectPath(lab: Lab): Promise<void> {
  await lab.nft(
    "internet",
    `table inet block {
      chain forward {
        type filter hook forward priority 0;
        iifname "site-client" oifname "site-gateway" meta l4proto udp drop
        iifname "site-gateway" oifname "site-client" meta l4proto udp drop
      }
    }`,
  );
}

/** Undoes `blockDirectPath`. */
export async function unblockDirectPath(lab: Lab): Promise<void> {
  await lab.nft("internet", "delete table inet block");
}

/** Keeps a host from hearing of the portal; what it has been told stays. */
export async function cutFromPortal(lab: Lab, box: string): Promise<void> {
  await lab.nft(
    box,
    `table inet portal {
      chain output {
        type filter hook output priority 0;
        ip daddr ${SITES.portal} meta l4proto tcp drop
        ip6 daddr ${SITES.portalIpv6} meta l4proto tcp drop
      }
      chain input {
        type filter hook input priority 0;
        ip saddr ${SITES.portal} meta l4proto tcp drop
        ip6 saddr ${SITES.portalIpv6} meta l4proto tcp drop
      }
    }`,
  );
}

/** Starts to answer UDP over IPv6 to port 9 of the web box as a router before a link of `mtu` bytes would; it has the address `SITES.webIpv6`. */
export async function narrowIpv6(lab: Lab, mtu: number): Promise<void> {
  const script = new URL("./narrow_router.py", import.meta.url).pathname;
  const command = ["python3", script, SITES.webIpv6, String(mtu)];
  await lab.spawn("web", "narrow-router", command).waitFor(/Listening/, 5_000);
}

/** Marks all capable UDP between the sites as having met congestion, as a full router would. */
export async function markCongestion(lab: Lab): Promise<void> {
  await lab.nft(
    "internet",
    `table inet congestion {
      chain forward {
        type filter hook forward priority 0;
        meta l4proto udp ip ecn 1-2 ip ecn set 3
      }
    }`,
  );
}

/** Loses a share of what a host sends, in percent. */
export async function loseEgress(
  lab: Lab,
  box: string,
  percent: number,
): Promise<void> {
  await lab.nft(
    box,
    `table inet loss {
      chain output {
        type filter hook output priority 0;
        oifname "eth0" numgen random mod 100 < ${percent} drop
      }
    }`,
  );
}

/** Takes the host of a site off its network. */
export async function unplug(lab: Lab, letter: SiteLetter): Promise<void> {
  const { box } = HOSTS[letter];
  await lab.must(
    box,
    "ip",
    "address",
    "flush",
    "dev",
    "eth0",
    "scope",
    "global",
  );
  await lab.must(box, "ip", "link", "set", "eth0", "down");
}

/** Puts the host of a site back on its network, under the address that ends in `hostNumber`. */
export async function plugIn(
  lab: Lab,
  letter: SiteLetter,
  hostNumber: number,
): Promise<void> {
  const { box, network } = HOSTS[letter];
  const address = `${network}.${hostNumber}/24`;
  await lab.must(box, "ip", "link", "set", "eth0", "up");
  await lab.must(box, "ip", "address", "add", address, "dev", "eth0");
  await lab.addRoute(box, "default", `${network}.1`);
}

const HOSTS = {
  c: { box: "client", network: "192.168.10" },
  g: { box: "gateway", network: "192.168.20" },
} as const;
