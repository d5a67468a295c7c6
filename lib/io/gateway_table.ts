import { TUNNEL_RANGE_V4, TUNNEL_RANGE_V6 } from "../policy/mod.ts";
import { formatSetting, parseSetting } from "./forwarding.ts";
import type { Setting } from "./kernel_settings.ts";
import type { FirewallListing, Netfilter } from "./netfilter.ts";
import type { NetlinkRequest } from "./netlink_message.ts";
import {
  markConnection,
  markPacket,
  masquerade,
  matchConnectionMark,
  matchInterface,
  matchSource,
  verdict,
} from "./nft_expressions.ts";
import type { ListedTable } from "./nft_listing.ts";
import {
  addArrivalChain,
  addChain,
  addOwnPacketsChain,
  addSourceNatChain,
  addTable,
  appendRule,
  type NftChain,
  type NftFamily,
  type NftTable,
  removeTable,
} from "./nft_messages.ts";
import { routingTables } from "./routing_tables.ts";

/** Our tables are named after the interface they serve. */
const PREFIX = "firezone_";

/** Chain that no packet passes: its comments say what the host's settings were. */
const SETTINGS_CHAIN = "settings_before";
const NAT_CHAIN = "postrouting";

/** The first Linux of which we know that rules after routing see where a packet came in. */
const SEES_INPUT_SINCE = [5, 10] as const;

/** Which tables translate. Linux before 5.2 does not do it in one for both families. */
export type NatLayout = "inet" | "split" | "none";

/** The tables of this program on the host. */
export interface GatewayTables {
  /** Left by runs that ended without clean-up, ours among them: their interface has gone, or is ours. */
  readonly stale: readonly ListedTable[];
  /** Of other gateways that run. */
  readonly others: readonly ListedTable[];
}

/** Returns the table of an interface that both families share. */
export function gatewayTable(tunName: string): NftTable {
  return { family: "inet", table: `${PREFIX}${tunName}` };
}

/** Sorts the tables of this program. `interfaces`: those that exist. */
export function gatewayTables(
  listing: FirewallListing,
  tunName: string,
  interfaces: readonly string[],
): GatewayTables {
  const isOurs = ({ table }: NftTable) =>
    listing.chains.some((it) =>
      it.table === table && it.chain === SETTINGS_CHAIN
    );
  const tables = listing.tables.filter((it) =>
    it.table.startsWith(PREFIX) && isOurs(it)
  );
  const runs = ({ table }: NftTable) => {
    const name = table.slice(PREFIX.length);
    return name !== tunName && interfaces.includes(name);
  };
  return {
    stale: tables.filter((it) => !runs(it)),
    others: tables.filter(runs),
  };
}

/** Reads what the settings were, as tables say. */
export function settingsBefore(
  netfilter: Netfilter,
  tables: readonly NftTable[],
): Setting[] {
  return tables.filter(({ family }) => family === "inet")
    .flatMap((table) => netfilter.rules({ ...table, chain: SETTINGS_CHAIN }))
    .map(({ comment }) => parseSetting(comment ?? ""))
    .filter((it) => it !== undefined);
}

/** Returns the requests that make the table of a gateway. */
export function installTable(
  tunName: string,
  layout: NatLayout,
  seesInput: boolean,
  before: readonly Setting[],
): NetlinkRequest[] {
  const table = gatewayTable(tunName);
  return [
    addTable(table),
    addChain({ ...table, chain: SETTINGS_CHAIN }),
    ...noteSettings(table, before),
    ...installAnswerMarks(table, tunName),
    ...natFamilies(layout).flatMap((family) =>
      installNat({ ...table, family }, tunName, seesInput)
    ),
  ];
}

/** Returns the requests that write down in a table what settings were. */
export function noteSettings(
  table: NftTable,
  before: readonly Setting[],
): NetlinkRequest[] {
  const chain = { ...table, chain: SETTINGS_CHAIN };
  return before.map((setting) =>
    appendRule(chain, {
      expressions: [verdict("return")],
      comment: formatSetting(setting),
    })
  );
}

/** Returns the requests that remove tables. */
export function removeTables(tables: readonly NftTable[]): NetlinkRequest[] {
  return tables.map(removeTable);
}

/** Tells whether a table of an interface translates. */
export function translates(
  listing: FirewallListing,
  tunName: string,
): boolean {
  const { table } = gatewayTable(tunName);
  return listing.chains.some((it) =>
    it.table === table && it.chain === NAT_CHAIN
  );
}

/** Tells by its release whether this kernel's rules after routing see where a packet came in. */
export function seesInput(release: string | undefined): boolean {
  const [major = 0, minor = 0] = (release ?? "").split(".").map(Number);
  const [sinceMajor, sinceMinor] = SEES_INPUT_SINCE;
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
}

function natFamilies(layout: NatLayout): readonly NftFamily[] {
  switch (layout) {
    case "inet":
      return ["inet"];
    case "split":
      return ["ip", "ip6"];
    case "none":
      return [];
  }
}

/**
 * Where several gateways share a host, each marks the connections that came in
 * by its interface. The mark leads answers back there: their destination, a
 * client, may be behind any of them.
 */
function installAnswerMarks(
  table: NftTable,
  tunName: string,
): NetlinkRequest[] {
  const { answers } = routingTables(tunName);
  if (answers === undefined) return [];
  const { mark } = answers;
  const forwarded: NftChain = { ...table, chain: "answers_forwarded" };
  const own: NftChain = { ...table, chain: "answers_own" };
  const answer = [...matchConnectionMark(mark), ...markPacket(mark)];
  const isFromTunnel = matchInterface("iifname", "is", tunName);
  const isFromElsewhere = matchInterface("iifname", "is-not", tunName);
  return [
    addArrivalChain(forwarded),
    appendRule(forwarded, {
      expressions: [...isFromTunnel, ...markConnection(mark)],
    }),
    appendRule(forwarded, { expressions: [...isFromElsewhere, ...answer] }),
    addOwnPacketsChain(own),
    appendRule(own, { expressions: answer }),
  ];
}

/** Where the kernel cannot tell where a packet came in, the tunnel's addresses have to do. */
function installNat(
  table: NftTable,
  tunName: string,
  seesInput: boolean,
): NetlinkRequest[] {
  const chain: NftChain = { ...table, chain: NAT_CHAIN };
  const leaves = matchInterface("oifname", "is-not", tunName);
  const sources = [TUNNEL_RANGE_V4, TUNNEL_RANGE_V6]
    .filter(({ ip }) => table.family !== (ip.family === 4 ? "ip6" : "ip"));
  const matches = seesInput
    ? [matchInterface("iifname", "is", tunName)]
    : sources.map(matchSource);
  return [
    // The table of both families is there already.
    ...(table.family === "inet" ? [] : [addTable(table)]),
    addSourceNatChain(chain),
    ...matches.map((match) =>
      appendRule(chain, { expressions: [...match, ...leaves, masquerade()] })
    ),
  ];
}
