import type { IpFamily } from "../base/mod.ts";
import { type HostLinks, readHostLinks } from "./host_links.ts";
import { type KernelSettings, PROC_SYS } from "./kernel_settings.ts";
import { inspectLegacyFirewall } from "./legacy_firewall.ts";
import type { LegacyVerdict } from "./legacy_rules.ts";
import { type Netfilter, NftSocket } from "./netfilter.ts";

/** The host as the set-up sees it. */
export interface Host {
  /** Its kernel's settings. */
  readonly settings: KernelSettings;
  /** Lists its interfaces. */
  readonly links: () => HostLinks;
  /** Opens its firewall, or returns why not. */
  readonly netfilter: () => Netfilter | number;
  /** Tells what a firewall that is not nf_tables does to packets from an interface. */
  readonly legacyFirewall: (
    family: IpFamily,
    tunName: string,
  ) => LegacyVerdict;
}

/** The host that this process runs on. */
export const REAL_HOST: Host = {
  settings: PROC_SYS,
  links: readHostLinks,
  netfilter: () => NftSocket.open(),
  legacyFirewall: inspectLegacyFirewall,
};

/** Tells whether a host has IPv6 addresses that count beyond a link, the interface `tunName` left out. */
export function usesIpv6({ withIpv6 }: HostLinks, tunName: string): boolean {
  return withIpv6.some((name) => name !== tunName && name !== "lo");
}
