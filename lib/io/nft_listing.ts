import { readU32, toHex } from "../base/mod.ts";
import {
  findAttribute,
  listAttributes,
  type NetlinkReply,
  textOf,
} from "./netlink_message.ts";
import {
  isNftMessage,
  NFT_FAMILIES,
  NFT_FIXED_BYTES,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWGEN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWTABLE,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_GEN_ID,
  NFTA_HOOK_HOOKNUM,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_HANDLE,
  NFTA_RULE_TABLE,
  NFTA_RULE_USERDATA,
  NFTA_TABLE_HANDLE,
  NFTA_TABLE_NAME,
  type NftChain,
  type NftFamily,
  type NftTable,
  USERDATA_COMMENT,
} from "./nft_messages.ts";

/** Hook that forwarded packets pass, `netfilter.h`. */
const NF_INET_FORWARD = 2;
const NF_DROP = 0;

const NFTA_IMMEDIATE_DATA = 2;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_TARGET_NAME = 1;

/** A table as the kernel lists it. */
export interface ListedTable extends NftTable {
  /** Number that no other table has had, as hexadecimal text; empty on old kernels. */
  readonly handle: string;
}

/** A chain as the kernel lists it. */
export interface ListedChain extends NftChain {
  /** Whether it decides about forwarded packets by itself. */
  readonly filtersForwarded: boolean;
  /** Whether it drops what no rule of it has decided about. */
  readonly dropsByPolicy: boolean;
}

/** A rule as the kernel lists it. */
export interface ListedRule {
  /** What it is removed by. */
  readonly handle: Uint8Array;
  /** Its comment. */
  readonly comment: string | undefined;
  /** Whether it drops or rejects each packet that gets to it. */
  readonly dropsAll: boolean;
}

/** Reads the generation of all rules, as a transaction wants it. */
export function generationOf(
  replies: readonly NetlinkReply[],
): Uint8Array | undefined {
  const reply = replies.find(({ type }) => isNftMessage(type, NFT_MSG_NEWGEN));
  return reply && findAttribute(reply.body, NFT_FIXED_BYTES, NFTA_GEN_ID);
}

/** Reads a listed table; `undefined` when it is of a family that no IP packet passes, or makes no sense. */
export function tableOf(reply: NetlinkReply): ListedTable | undefined {
  if (!isNftMessage(reply.type, NFT_MSG_NEWTABLE)) return undefined;
  const family = familyOf(reply);
  const table = text(reply, NFTA_TABLE_NAME);
  if (family === undefined || table === undefined) return undefined;
  const handle = attribute(reply, NFTA_TABLE_HANDLE);
  return { family, table, handle: handle ? toHex(handle) : "" };
}

/** Reads a listed chain; `undefined` when it is of a family that no IP packet passes, or makes no sense. */
export function chainOf(reply: NetlinkReply): ListedChain | undefined {
  if (!isNftMessage(reply.type, NFT_MSG_NEWCHAIN)) return undefined;
  const family = familyOf(reply);
  const table = text(reply, NFTA_CHAIN_TABLE);
  const chain = text(reply, NFTA_CHAIN_NAME);
  if (!family || table === undefined || chain === undefined) return undefined;
  const hook = attribute(reply, NFTA_CHAIN_HOOK);
  const hookNumber = hook && numberIn(hook, NFTA_HOOK_HOOKNUM);
  const policy = attribute(reply, NFTA_CHAIN_POLICY);
  return {
    ...{ family, table, chain },
    filtersForwarded: hookNumber === NF_INET_FORWARD &&
      text(reply, NFTA_CHAIN_TYPE) === "filter",
    dropsByPolicy: policy?.length === 4 && readU32(policy, 0) === NF_DROP,
  };
}

/** Reads a listed rule; `undefined` when it is in another chain, or makes no sense. */
export function ruleOf(
  reply: NetlinkReply,
  at: NftChain,
): ListedRule | undefined {
  if (!isNftMessage(reply.type, NFT_MSG_NEWRULE)) return undefined;
  if (familyOf(reply) !== at.family) return undefined;
  if (text(reply, NFTA_RULE_TABLE) !== at.table) return undefined;
  if (text(reply, NFTA_RULE_CHAIN) !== at.chain) return undefined;
  const handle = attribute(reply, NFTA_RULE_HANDLE);
  if (handle === undefined) return undefined;
  const expressions = attribute(reply, NFTA_RULE_EXPRESSIONS);
  const userdata = attribute(reply, NFTA_RULE_USERDATA);
  return {
    handle,
    comment: userdata && commentIn(userdata),
    dropsAll: expressions !== undefined && dropsAll(expressions),
  };
}

/** Tells whether expressions match everything and end in a drop or a refusal. */
function dropsAll(expressions: Uint8Array): boolean {
  const steps = listAttributes(expressions).map(({ data }) => ({
    name: nameIn(data, NFTA_EXPR_NAME),
    data: findAttribute(data, 0, NFTA_EXPR_DATA) ?? new Uint8Array(),
  }));
  const last = steps.pop();
  if (last === undefined) return false;
  if (!steps.every(({ name }) => name === "counter" || name === "log")) {
    return false;
  }
  switch (last.name) {
    case "reject":
      return true;
    case "immediate":
      return verdictIn(last.data) === NF_DROP;
    case "target": // How iptables says it.
      return nameIn(last.data, NFTA_TARGET_NAME) === "REJECT";
    default:
      return false;
  }
}

function verdictIn(immediate: Uint8Array): number | undefined {
  const data = findAttribute(immediate, 0, NFTA_IMMEDIATE_DATA);
  const verdict = data && findAttribute(data, 0, NFTA_DATA_VERDICT);
  return verdict && numberIn(verdict, NFTA_VERDICT_CODE);
}

/** User data is a list of kind, length and value. */
function commentIn(userdata: Uint8Array): string | undefined {
  for (let at = 0; at + 2 <= userdata.length;) {
    const end = at + 2 + userdata[at + 1]!;
    if (end > userdata.length) return undefined;
    if (userdata[at] === USERDATA_COMMENT) {
      return textOf(userdata.subarray(at + 2, end));
    }
    at = end;
  }
  return undefined;
}

function familyOf({ body }: NetlinkReply): NftFamily | undefined {
  const number = body[0];
  const families = Object.keys(NFT_FAMILIES) as NftFamily[];
  return families.find((family) => NFT_FAMILIES[family] === number);
}

function attribute(reply: NetlinkReply, type: number): Uint8Array | undefined {
  return findAttribute(reply.body, NFT_FIXED_BYTES, type);
}

function text(reply: NetlinkReply, type: number): string | undefined {
  const bytes = attribute(reply, type);
  return bytes && textOf(bytes);
}

function nameIn(bytes: Uint8Array, type: number): string {
  return textOf(findAttribute(bytes, 0, type) ?? new Uint8Array());
}

function numberIn(bytes: Uint8Array, type: number): number | undefined {
  const value = findAttribute(bytes, 0, type);
  return value?.length === 4 ? readU32(value, 0) : undefined;
}
