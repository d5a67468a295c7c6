import { concatBytes, utf8 } from "../base/mod.ts";
import {
  type NetlinkAttribute,
  type NetlinkRequest,
  NLA_F_NESTED,
  NLM_F_APPEND,
  NLM_F_CREATE,
  u32BigEndian,
  zeroTerminated,
} from "./netlink_message.ts";
import type { NftExpression } from "./nft_expressions.ts";

/** Subsystem of nf_tables within netfilter's netlink, `nfnetlink.h`. */
const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NFNL_BATCH_GENID = 1;

/** Message types of nf_tables, `nf_tables.h`. */
export const NFT_MSG_NEWTABLE = 0;
export const NFT_MSG_GETTABLE = 1;
export const NFT_MSG_DELTABLE = 2;
export const NFT_MSG_NEWCHAIN = 3;
export const NFT_MSG_GETCHAIN = 4;
export const NFT_MSG_NEWRULE = 6;
export const NFT_MSG_GETRULE = 7;
export const NFT_MSG_DELRULE = 8;
export const NFT_MSG_NEWGEN = 15;
export const NFT_MSG_GETGEN = 16;

/** `nfgenmsg`: family, version, resource (2, big-endian). */
export const NFT_FIXED_BYTES = 4;

/** Attributes of tables, chains, rules and the generation, `nf_tables.h`. */
export const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_FLAGS = 2;
export const NFTA_TABLE_HANDLE = 4;
export const NFTA_CHAIN_TABLE = 1;
export const NFTA_CHAIN_NAME = 3;
export const NFTA_CHAIN_HOOK = 4;
export const NFTA_CHAIN_POLICY = 5;
export const NFTA_CHAIN_TYPE = 7;
export const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
export const NFTA_RULE_TABLE = 1;
export const NFTA_RULE_CHAIN = 2;
export const NFTA_RULE_HANDLE = 3;
export const NFTA_RULE_EXPRESSIONS = 4;
export const NFTA_RULE_USERDATA = 7;
export const NFTA_GEN_ID = 1;
export const NFTA_LIST_ELEM = 1;
export const NFTA_EXPR_NAME = 1;
export const NFTA_EXPR_DATA = 2;

/** Where on their way packets are seen, and the places among others where sources are translated and packets marked. */
const NF_INET_PRE_ROUTING = 0;
const NF_INET_LOCAL_OUT = 3;
const NF_INET_POST_ROUTING = 4;
const NF_IP_PRI_NAT_SRC = 100;
const NF_IP_PRI_MANGLE = -150;
const NF_ACCEPT = 1;

/** Kind of a rule's user data that `nft` and `iptables` show as its comment. */
export const USERDATA_COMMENT = 0;

/** A family of tables that IP packets pass. `inet` is both IP versions. */
export type NftFamily = "inet" | "ip" | "ip6";

/** The numbers of the families. */
export const NFT_FAMILIES: Readonly<Record<NftFamily, number>> = {
  inet: 1,
  ip: 2,
  ip6: 10,
};

/** A table. */
export interface NftTable {
  /** Which packets it sees. */
  readonly family: NftFamily;
  /** Its name. */
  readonly table: string;
}

/** A chain of a table. */
export interface NftChain extends NftTable {
  /** Its name. */
  readonly chain: string;
}

/** A rule to add. */
export interface NftRule {
  /** What it matches and does, in order. */
  readonly expressions: readonly NftExpression[];
  /** Shown to people, and how we know our own. At most 120 characters. */
  readonly comment?: string;
}

/** Starts a transaction, one that fails when the rules are not of this generation any more. */
export function beginBatch(generation: Uint8Array): NetlinkRequest {
  return batchMark(NFNL_MSG_BATCH_BEGIN, [
    { type: NFNL_BATCH_GENID, value: generation },
  ]);
}

/** Ends a transaction. */
export function endBatch(): NetlinkRequest {
  return batchMark(NFNL_MSG_BATCH_END, []);
}

/** Asks for the generation of all rules, which each change counts up. */
export function askGeneration(): NetlinkRequest {
  return request(NFT_MSG_GETGEN, 0, 0, []);
}

/** Lists the tables of all families. */
export function listTables(): NetlinkRequest {
  return request(NFT_MSG_GETTABLE, 0, 0, []);
}

/** Lists the chains of all families. */
export function listChains(): NetlinkRequest {
  return request(NFT_MSG_GETCHAIN, 0, 0, []);
}

/** Lists the rules of a chain. An old kernel lists all. */
export function listRules(at: NftChain): NetlinkRequest {
  return request(NFT_MSG_GETRULE, NFT_FAMILIES[at.family], 0, [
    { type: NFTA_RULE_TABLE, value: zeroTerminated(at.table) },
    { type: NFTA_RULE_CHAIN, value: zeroTerminated(at.chain) },
  ]);
}

/** Adds a table. */
export function addTable({ family, table }: NftTable): NetlinkRequest {
  return request(NFT_MSG_NEWTABLE, NFT_FAMILIES[family], NLM_F_CREATE, [
    { type: NFTA_TABLE_NAME, value: zeroTerminated(table) },
    { type: NFTA_TABLE_FLAGS, value: u32BigEndian(0) },
  ]);
}

/** Removes a table with all that is in it. */
export function removeTable({ family, table }: NftTable): NetlinkRequest {
  return request(NFT_MSG_DELTABLE, NFT_FAMILIES[family], 0, [
    { type: NFTA_TABLE_NAME, value: zeroTerminated(table) },
  ]);
}

/** Adds a chain that no packet passes by itself. */
export function addChain(at: NftChain): NetlinkRequest {
  return request(
    NFT_MSG_NEWCHAIN,
    NFT_FAMILIES[at.family],
    NLM_F_CREATE,
    chainNames(at),
  );
}

/** Adds a chain that sees each connection's first packet after routing, to translate its source. */
export function addSourceNatChain(at: NftChain): NetlinkRequest {
  return addBaseChain(at, "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
}

/** Adds a chain that sees each packet that comes in before it is routed, to mark it. */
export function addArrivalChain(at: NftChain): NetlinkRequest {
  return addBaseChain(at, "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE);
}

/** Adds a chain that sees each packet of the host's own. One that is marked there is routed anew. */
export function addOwnPacketsChain(at: NftChain): NetlinkRequest {
  return addBaseChain(at, "route", NF_INET_LOCAL_OUT, NF_IP_PRI_MANGLE);
}

function addBaseChain(
  at: NftChain,
  type: "filter" | "nat" | "route",
  hook: number,
  priority: number,
): NetlinkRequest {
  return request(NFT_MSG_NEWCHAIN, NFT_FAMILIES[at.family], NLM_F_CREATE, [
    ...chainNames(at),
    { type: NFTA_CHAIN_TYPE, value: zeroTerminated(type) },
    { type: NFTA_CHAIN_POLICY, value: u32BigEndian(NF_ACCEPT) },
    {
      type: NFTA_CHAIN_HOOK | NLA_F_NESTED,
      value: [
        { type: NFTA_HOOK_HOOKNUM, value: u32BigEndian(hook) },
        { type: NFTA_HOOK_PRIORITY, value: u32BigEndian(priority >>> 0) },
      ],
    },
  ]);
}

/** Adds a rule at the end of a chain. */
export function appendRule(at: NftChain, rule: NftRule): NetlinkRequest {
  return addRuleTo(at, rule, NLM_F_CREATE | NLM_F_APPEND);
}

/** Adds a rule at the head of a chain. */
export function insertRule(at: NftChain, rule: NftRule): NetlinkRequest {
  return addRuleTo(at, rule, NLM_F_CREATE);
}

/** Removes a rule by its handle, as it was listed. */
export function removeRuleByHandle(
  at: NftChain,
  handle: Uint8Array,
): NetlinkRequest {
  return request(NFT_MSG_DELRULE, NFT_FAMILIES[at.family], 0, [
    { type: NFTA_RULE_TABLE, value: zeroTerminated(at.table) },
    { type: NFTA_RULE_CHAIN, value: zeroTerminated(at.chain) },
    { type: NFTA_RULE_HANDLE, value: handle },
  ]);
}

/** Tells whether a reply is of this type of nf_tables' messages. */
export function isNftMessage(type: number, wanted: number): boolean {
  return type === messageType(wanted);
}

function addRuleTo(
  at: NftChain,
  { expressions, comment }: NftRule,
  flags: number,
): NetlinkRequest {
  return request(NFT_MSG_NEWRULE, NFT_FAMILIES[at.family], flags, [
    { type: NFTA_RULE_TABLE, value: zeroTerminated(at.table) },
    { type: NFTA_RULE_CHAIN, value: zeroTerminated(at.chain) },
    {
      type: NFTA_RULE_EXPRESSIONS | NLA_F_NESTED,
      value: expressions.map(listElement),
    },
    ...(comment === undefined
      ? []
      : [{ type: NFTA_RULE_USERDATA, value: commentData(comment) }]),
  ]);
}

function listElement({ name, attributes }: NftExpression): NetlinkAttribute {
  return {
    type: NFTA_LIST_ELEM | NLA_F_NESTED,
    value: [
      { type: NFTA_EXPR_NAME, value: zeroTerminated(name) },
      { type: NFTA_EXPR_DATA | NLA_F_NESTED, value: attributes },
    ],
  };
}

/** User data: kind, length, value; a comment ends in a zero. */
function commentData(comment: string): Uint8Array {
  const text = utf8(`${comment}\0`);
  return concatBytes(Uint8Array.of(USERDATA_COMMENT, text.length), text);
}

function chainNames({ table, chain }: NftChain): NetlinkAttribute[] {
  return [
    { type: NFTA_CHAIN_TABLE, value: zeroTerminated(table) },
    { type: NFTA_CHAIN_NAME, value: zeroTerminated(chain) },
  ];
}

function request(
  type: number,
  family: number,
  flags: number,
  attributes: readonly NetlinkAttribute[],
): NetlinkRequest {
  const body = Uint8Array.of(family, 0, 0, 0);
  return { type: messageType(type), flags, body, attributes };
}

function batchMark(
  type: number,
  attributes: readonly NetlinkAttribute[],
): NetlinkRequest {
  const body = Uint8Array.of(0, 0, 0, NFNL_SUBSYS_NFTABLES);
  return { type, flags: 0, body, attributes };
}

function messageType(type: number): number {
  return NFNL_SUBSYS_NFTABLES << 8 | type;
}
