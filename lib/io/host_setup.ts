import type { IpFamily, Logger } from "../base/mod.ts";
import { ERESTART, errnoName } from "./errno.ts";
import {
  entryChains,
  findDroppingChains,
  isSameChain,
  markChain,
} from "./forward_chains.ts";
import {
  formatSetting,
  IPV4_SWITCH,
  IPV6_SWITCH,
  mergeBefore,
  planForwarding,
  planRestoration,
} from "./forwarding.ts";
import {
  gatewayTable,
  type GatewayTables,
  gatewayTables,
  installTable,
  type NatLayout,
  noteSettings,
  removeTables,
  settingsBefore,
} from "./gateway_table.ts";
import { type Host, REAL_HOST, usesIpv6 } from "./host.ts";
import type { Setting } from "./kernel_settings.ts";
import type { FirewallListing, Netfilter } from "./netfilter.ts";
import type { NetlinkRequest } from "./netlink_message.ts";
import type { NftChain, NftTable } from "./nft_messages.ts";

/** How often a change of the firewall is tried anew because others changed it meanwhile. */
const ATTEMPTS = 20;

const SWITCHES = { 4: IPV4_SWITCH, 6: IPV6_SWITCH } as const;

/** Ways to translate, best first. The last one is for the sake of the other things in the table. */
const NAT_LAYOUTS: readonly NatLayout[] = ["inet", "split", "none"];

/** What keeps clients from reaching resources, though the gateway runs. */
export type HostProblem =
  /** The host does not forward packets of this family, and we may not change that. */
  | {
    readonly kind: "forwarding-off";
    readonly family: IpFamily;
    readonly reason: string;
  }
  /** The kernel does not translate addresses for us. */
  | { readonly kind: "no-nat"; readonly reason: string }
  /** A chain drops forwarded packets, and refuses our rules. */
  | {
    readonly kind: "forward-dropped";
    readonly chain: NftChain;
    readonly reason: string;
  }
  /** Rules that are not nf_tables drop forwarded packets. We do not change those. */
  | { readonly kind: "legacy-forward-dropped"; readonly family: IpFamily };

/** What a host is set up for. */
export interface HostSetupOptions {
  /** The interface that clients' packets come from. It exists, and no other process holds it. */
  readonly tunName: string;
  /** Whether resources see the host's address instead of the client's. */
  readonly masquerade: boolean;
  /** Whether rules after routing see where a packet came in. */
  readonly seesInput: boolean;
  /** Hears what was changed. */
  readonly log: Logger;
}

/**
 * Makes the host forward and translate clients' packets, and makes it forget that again.
 *
 * All that lasts is written down in a table of our own before it is done: who
 * starts after a crash finds there what the settings were. A table whose
 * interface exists belongs to a gateway that runs. The last one to leave
 * restores the settings; the others hand over what they know of them. Two
 * that come and go at once notice by the generation of the firewall's rules,
 * which each transaction names.
 */
export class HostSetup {
  readonly #options: HostSetupOptions;
  readonly #host: Host;
  readonly #netfilter: Netfilter | number;
  /** What the settings were before any gateway changed them, as far as it is on us to know. */
  #before: readonly Setting[] = [];
  /** Handle of our table, which another process can replace but not have. */
  #handle: string | undefined;
  #natRefusal = 0;
  #changes = 0;
  #isOver = false;

  /** `host` is for tests. */
  constructor(options: HostSetupOptions, host: Host = REAL_HOST) {
    this.#options = options;
    this.#host = host;
    this.#netfilter = host.netfilter();
  }

  /** How often the firewall was changed. It grows when `apply` found something to do. */
  get changes(): number {
    return this.#changes;
  }

  /** Does what is not done yet, also when others have undone it. Returns what still is in the way. */
  apply(): HostProblem[] {
    if (this.#isOver) return [];
    const installed = this.#install();
    this.#write(this.#plan().writes);
    return [
      ...this.#forwardingProblems(),
      ...(installed === 0 || !this.#options.masquerade
        ? []
        : [{ kind: "no-nat", reason: errnoName(installed) } as const]),
      ...this.#openChains(),
      ...this.#legacyProblems(),
    ];
  }

  /** Undoes everything. The interface must still be ours, so that nobody has followed us. */
  remove(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const netfilter = this.#netfilter;
    if (typeof netfilter === "number") return this.#restore();
    const listing = netfilter.list();
    if (typeof listing === "number") this.#restore();
    else if (!this.#isReplaced(listing)) {
      for (const entry of entryChains(listing)) {
        this.#mark(netfilter, entry, "closed");
      }
      this.#uninstall(netfilter);
    }
    netfilter.close();
  }

  /** Makes our table unless it is there. Returns 0, or why addresses are not translated. */
  #install(): number {
    const netfilter = this.#netfilter;
    if (typeof netfilter === "number") return this.#remember(netfilter);
    const listing = netfilter.list();
    if (typeof listing === "number") return this.#remember(listing);
    if (this.#isInstalled(listing)) return this.#natRefusal;

    this.#natRefusal = 0;
    const layouts = this.#options.masquerade ? NAT_LAYOUTS : ["none"] as const;
    for (const layout of layouts) {
      const code = this.#installAs(layout, netfilter);
      if (code === 0 && layout !== "none") this.#natRefusal = 0;
      if (code === 0) return this.#noteInstalled(layout, netfilter);
      this.#natRefusal ||= code;
    }
    return this.#natRefusal;
  }

  /** Without a table, what the settings were is known as long as this process lives. */
  #remember(refusal: number): number {
    this.#before = mergeBefore(this.#before, this.#plan().before);
    return refusal;
  }

  #installAs(layout: NatLayout, netfilter: Netfilter): number {
    const { seesInput, tunName } = this.#options;
    return this.#commit(netfilter, (listing) => {
      const { stale } = this.#tables(listing);
      this.#inherit(netfilter, stale);
      this.#before = mergeBefore(this.#before, this.#plan().before);
      return [
        ...removeTables(stale),
        ...installTable(tunName, layout, seesInput, this.#before),
      ];
    });
  }

  #noteInstalled(layout: NatLayout, netfilter: Netfilter): number {
    const listing = netfilter.list();
    const isAgain = this.#handle !== undefined;
    this.#handle = typeof listing === "number"
      ? undefined
      : this.#handleIn(listing);
    const message = isAgain ? "Host set up again" : "Host set up";
    this.#options.log.log("info", message, {
      masquerade: layout,
      settings: this.#before.length,
    });
    return this.#natRefusal;
  }

  #isInstalled(listing: FirewallListing): boolean {
    return this.#handle !== undefined &&
      this.#handleIn(listing) === this.#handle;
  }

  /** Whoever replaced our table knows what we know. */
  #isReplaced(listing: FirewallListing): boolean {
    return this.#handle !== undefined &&
      this.#handleIn(listing) !== undefined && !this.#isInstalled(listing);
  }

  #handleIn({ tables }: FirewallListing): string | undefined {
    const { family, table } = gatewayTable(this.#options.tunName);
    return tables.find((it) => it.family === family && it.table === table)
      ?.handle;
  }

  #legacyProblems(): HostProblem[] {
    const { legacyFirewall } = this.#host;
    return this.#families().filter((family) =>
      legacyFirewall(family, this.#options.tunName) === "drops"
    ).map((family) => ({ kind: "legacy-forward-dropped", family }));
  }

  /** Those that the host has to carry. */
  #families(): readonly IpFamily[] {
    const { tunName } = this.#options;
    return usesIpv6(this.#host.links(), tunName) ? [4, 6] : [4];
  }

  #forwardingProblems(): HostProblem[] {
    const { settings } = this.#host;
    return this.#families()
      .map((family) => ({ family, path: SWITCHES[family] }))
      .filter(({ path }) => settings.read(path) === "0")
      .map(({ family, path }) => ({
        kind: "forwarding-off",
        family,
        reason: errnoName(settings.probe(path)),
      }));
  }

  #openChains(): HostProblem[] {
    const netfilter = this.#netfilter;
    if (typeof netfilter === "number") return [];
    const listing = netfilter.list();
    if (typeof listing === "number") return [];
    const dropping = findDroppingChains(netfilter, listing);
    const problems: HostProblem[] = [];
    for (const entry of entryChains(listing)) {
      const drop = dropping.find((it) => isSameChain(it.entry, entry));
      const code = this.#mark(netfilter, entry, drop ? "open" : "closed");
      if (code === 0 || drop === undefined) continue;
      const { chain } = drop;
      problems.push({
        ...{ kind: "forward-dropped", chain, reason: errnoName(code) },
      });
    }
    return problems;
  }

  /** Returns 0, or why the chain refuses. */
  #mark(
    netfilter: Netfilter,
    entry: NftChain,
    wanted: "open" | "closed",
  ): number {
    const { log, tunName } = this.#options;
    const { names } = this.#host.links();
    const { family, table, chain } = entry;
    let changes = 0;
    const code = this.#commit(netfilter, () => {
      const requests = markChain(netfilter, entry, wanted, tunName, names);
      changes = requests.length;
      return requests;
    });
    if (changes > 0) {
      const fields = { family, table, chain, wanted, changes };
      log.log("debug", "Forwarding chain changed", {
        ...fields,
        result: code === 0 ? "ok" : errnoName(code),
      });
    }
    return code;
  }

  #uninstall(netfilter: Netfilter): void {
    const code = this.#commit(netfilter, (listing) => {
      if (this.#isReplaced(listing)) return [];
      const { stale, others } = this.#tables(listing);
      this.#inherit(netfilter, stale);
      const heir = others.find(({ family }) => family === "inet");
      if (heir === undefined) {
        this.#restore();
        return removeTables(stale);
      }
      // Another one may have come while we restored.
      this.#write(this.#plan().writes);
      const known = settingsBefore(netfilter, [heir]);
      const legacy = this.#before.filter(({ path }) =>
        !known.some((it) => it.path === path)
      );
      return [...removeTables(stale), ...noteSettings(heir, legacy)];
    });
    if (code === 0) return;
    const reason = errnoName(code);
    this.#options.log.log("info", "Firewall table not removed", { reason });
  }

  /** Carries out what `requestsFor` makes of the firewall as it is, again when that changed meanwhile. Returns 0 or why not. */
  #commit(
    netfilter: Netfilter,
    requestsFor: (listing: FirewallListing) => readonly NetlinkRequest[],
  ): number {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const listing = netfilter.list();
      if (typeof listing === "number") return listing;
      const requests = requestsFor(listing);
      if (requests.length === 0) return 0;
      const code = netfilter.commit(listing.generation, requests);
      if (code === 0) this.#changes++;
      if (code !== ERESTART) return code;
    }
    return ERESTART;
  }

  /** Takes over what runs that have ended wrote down. */
  #inherit(netfilter: Netfilter, stale: readonly NftTable[]): void {
    const inherited = settingsBefore(netfilter, stale);
    this.#before = mergeBefore(this.#before, inherited);
  }

  #tables(listing: FirewallListing): GatewayTables {
    const { names } = this.#host.links();
    return gatewayTables(listing, this.#options.tunName, names);
  }

  #plan(): ReturnType<typeof planForwarding> {
    const { settings, links } = this.#host;
    return planForwarding(settings, links().names, this.#options.tunName);
  }

  #restore(): void {
    const { settings } = this.#host;
    this.#write(planRestoration(settings, this.#before));
  }

  #write(list: readonly Setting[]): void {
    const { log } = this.#options;
    for (const setting of list) {
      const code = this.#host.settings.write(setting);
      log.log("debug", "Kernel setting written", {
        setting: formatSetting(setting),
        result: code === 0 ? "ok" : errnoName(code),
      });
    }
  }
}
