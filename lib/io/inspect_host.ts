import type { IpFamily } from "../base/mod.ts";
import { errnoName } from "./errno.ts";
import { findDroppingChains, isOpenFor } from "./forward_chains.ts";
import { IPV4_SWITCH, IPV6_SWITCH } from "./forwarding.ts";
import { translates } from "./gateway_table.ts";
import { type Host, REAL_HOST, usesIpv6 } from "./host.ts";
import type { Netfilter } from "./netfilter.ts";
import type { LegacyVerdict } from "./legacy_rules.ts";
import type { NftChain } from "./nft_messages.ts";

/** A switch of the host. "missing": this kernel does not have it. */
export type SwitchState = "on" | "off" | "missing";

/** What is to be known of a host that shall carry clients' packets. */
export interface HostReport {
  /** Whether it forwards IPv4. */
  readonly forwardingIpv4: SwitchState;
  /** Whether it forwards IPv6. */
  readonly forwardingIpv6: SwitchState;
  /** Whether it has IPv6 addresses beyond those of links, so that forwarding it is of use. */
  readonly usesIpv6: boolean;
  /** Why forwarding could not be switched on, such as `EROFS`; `undefined` when it could. */
  readonly settingsRefusal: string | undefined;
  /** Why we cannot use nftables, such as `EPROTONOSUPPORT`; `undefined` when we can. */
  readonly nftablesRefusal: string | undefined;
  /** Whether a gateway of this interface translates addresses at present. */
  readonly masquerades: boolean;
  /** Chains that drop forwarded packets unless told otherwise. */
  readonly droppingChains: readonly DroppingChain[];
  /** What rules that are not nf_tables do to packets from the interface, for each family. */
  readonly legacyFirewall: Readonly<Record<IpFamily, LegacyVerdict>>;
}

/** A chain that drops forwarded packets unless told otherwise. */
export interface DroppingChain {
  /** Which one. */
  readonly chain: NftChain;
  /** Whether a rule of ours lets packets of the interface pass. */
  readonly isOpen: boolean;
}

/** Looks at this host, and changes nothing. `tunName`: the interface of the gateway; it need not exist. */
export function inspectHost(tunName: string): HostReport {
  return inspect(tunName, REAL_HOST);
}

/** Looks at any host. */
export function inspect(tunName: string, host: Host): HostReport {
  const { settings, links } = host;
  const refusal = settings.probe(IPV4_SWITCH);
  const { legacyFirewall } = host;
  return {
    forwardingIpv4: switchState(settings.read(IPV4_SWITCH)),
    forwardingIpv6: switchState(settings.read(IPV6_SWITCH)),
    usesIpv6: usesIpv6(links(), tunName),
    settingsRefusal: refusal === 0 ? undefined : errnoName(refusal),
    ...inspectFirewall(tunName, host.netfilter()),
    legacyFirewall: {
      4: legacyFirewall(4, tunName),
      6: legacyFirewall(6, tunName),
    },
  };
}

function inspectFirewall(
  tunName: string,
  netfilter: Netfilter | number,
): Pick<HostReport, "nftablesRefusal" | "masquerades" | "droppingChains"> {
  if (typeof netfilter === "number") return withoutFirewall(netfilter);
  try {
    const listing = netfilter.list();
    if (typeof listing === "number") return withoutFirewall(listing);
    return {
      nftablesRefusal: undefined,
      masquerades: translates(listing, tunName),
      droppingChains: findDroppingChains(netfilter, listing).map((it) => ({
        chain: it.chain,
        isOpen: isOpenFor(netfilter, it, tunName),
      })),
    };
  } finally {
    netfilter.close();
  }
}

function withoutFirewall(refusal: number): ReturnType<typeof inspectFirewall> {
  return {
    nftablesRefusal: errnoName(refusal),
    masquerades: false,
    droppingChains: [],
  };
}

function switchState(value: string | undefined): SwitchState {
  if (value === undefined) return "missing";
  return value === "0" ? "off" : "on";
}
