import type { Lab } from "./lab.ts";

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
