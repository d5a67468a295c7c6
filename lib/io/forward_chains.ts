import type { FirewallListing, Netfilter } from "./netfilter.ts";
import type { NetlinkRequest } from "./netlink_message.ts";
import { matchInterface, verdict } from "./nft_expressions.ts";
import type { ListedChain } from "./nft_listing.ts";
import {
  insertRule,
  type NftChain,
  type NftRule,
  removeRuleByHandle,
} from "./nft_messages.ts";

/** Comment of the rules that we put into chains of others, with the name of the interface behind it. */
const MARK = "firezone ";

/** Where Docker leaves rules alone. Its chain for forwarded packets goes through it first. */
const DOCKER_CHAIN = "DOCKER-USER";

/** A chain of somebody else that drops forwarded packets it knows nothing of. */
export interface ForwardChain {
  /** The chain that drops. */
  readonly chain: NftChain;
  /** The chain whose head decides before that. */
  readonly entry: NftChain;
}

/** Finds the chains that drop forwarded packets unless told otherwise. */
export function findDroppingChains(
  netfilter: Netfilter,
  { chains }: FirewallListing,
): ForwardChain[] {
  return chains.filter((chain) => drops(netfilter, chain))
    .map((chain) => ({ chain, entry: entryOf(chain, chains) }));
}

/**
 * Returns the requests that let packets of an interface pass a chain, or not pass it any more.
 *
 * What runs left there that ended without clean-up is removed. Empty when all
 * is as it should be.
 */
export function markChain(
  netfilter: Netfilter,
  entry: NftChain,
  wanted: "open" | "closed",
  tunName: string,
  interfaces: readonly string[],
): NetlinkRequest[] {
  const marked = netfilter.rules(entry)
    .map(({ comment, handle }) => ({ handle, name: markedFor(comment) }))
    .filter(({ name }) => name !== undefined);
  const ours = marked.filter(({ name }) => name === tunName);
  const gone = marked.filter(({ name }) =>
    name !== tunName && !interfaces.includes(name ?? "")
  );
  const accepts = acceptRules(tunName);
  const isOpen = wanted === "open" && ours.length === accepts.length;
  return [
    ...(isOpen ? gone : [...gone, ...ours])
      .map(({ handle }) => removeRuleByHandle(entry, handle)),
    ...(isOpen || wanted === "closed"
      ? []
      : accepts.map((rule) => insertRule(entry, rule))),
  ];
}

/** Tells whether packets of an interface pass a chain. */
export function isOpenFor(
  netfilter: Netfilter,
  { entry }: ForwardChain,
  tunName: string,
): boolean {
  return netfilter.rules(entry)
    .some(({ comment }) => markedFor(comment) === tunName);
}

/** The chains in which rules of ours may be. */
export function entryChains({ chains }: FirewallListing): NftChain[] {
  return chains.filter(({ filtersForwarded, chain }) =>
    filtersForwarded || chain === DOCKER_CHAIN
  );
}

/** Tells whether two chains are the same. */
export function isSameChain(a: NftChain, b: NftChain): boolean {
  return a.family === b.family && a.table === b.table && a.chain === b.chain;
}

function acceptRules(tunName: string): NftRule[] {
  return (["oifname", "iifname"] as const).map((direction) => ({
    expressions: [
      ...matchInterface(direction, "is", tunName),
      verdict("accept"),
    ],
    comment: `${MARK}${tunName}`,
  }));
}

/** By its policy, or by a last rule that matches everything. */
function drops(netfilter: Netfilter, chain: ListedChain): boolean {
  if (!chain.filtersForwarded) return false;
  return chain.dropsByPolicy ||
    netfilter.rules(chain).at(-1)?.dropsAll === true;
}

function entryOf(
  chain: ListedChain,
  chains: readonly ListedChain[],
): NftChain {
  const docker = chains.find((it) =>
    isSameChain(it, { ...chain, chain: DOCKER_CHAIN })
  );
  return docker ?? chain;
}

function markedFor(comment: string | undefined): string | undefined {
  return comment?.startsWith(MARK) ? comment.slice(MARK.length) : undefined;
}
