/**
 * Who may talk to what: address ranges, filters, and the way from an address to a resource.
 *
 * A packet is judged by its resource's side only: the destination address and
 * port of what a client sends, the source address and port of what comes
 * back. `Selector` (of `wire`) packs protocol and port, or an echo
 * identifier, into one number. `Filter` answers for one resource,
 * `ResourceTable` for all resources of one client, and the predicates of the
 * address plan for the ranges that Firezone reserves.
 *
 * There is no connection tracking: every packet is judged on its own. That is
 * free of time and allocates nothing for a lookup. But packets come in runs
 * that ask the same: `AddressMemo` keeps one answer, until what it depends on
 * changes.
 *
 * A DNS resource has a pattern of names instead of a network, which
 * `DomainPattern` matches. Clients invent a proxy address for each name and
 * send packets there; `NatTable` sends them on to a real address of the name,
 * and answers back. It is the only part with state per flow. A session joins
 *
 * - an inside: the client's port (or echo identifier) and the proxy address,
 * - an outside: the port as the resource sees it and the real address.
 *
 * The two are a bijection. The remote port is no part of them, and the port
 * of the client stays what it is unless two sessions would have the same
 * outside: two proxy addresses may stand for one real address. Once a session
 * has a real address it keeps it, wherever the name moves to meanwhile.
 *
 * Sessions end in `expire` only. Their outsides are remembered for a while:
 * a late packet to one must not reach the client untranslated. ICMP errors
 * are found by the packet that they quote, and written afresh.
 *
 * Whoever refuses a packet tells its sender why, as far as `judgeIcmpReply`
 * allows: never about ICMP errors, and up to a rate for each host.
 *
 * All that grows has a limit for each client: 65 536 sessions, as many
 * expired ones. A client that uses up all ports of a real address does not
 * make its packets expensive: the used ones are a bitmap by then.
 *
 * @module
 */
export {
  addressKey,
  isMulticastAddress,
  isProxyAddress,
  isRefusedByInternet,
  isTunnelAddress,
  PROXY_RANGE_V4,
  PROXY_RANGE_V6,
  TUNNEL_RANGE_V4,
  TUNNEL_RANGE_V6,
} from "./address_plan.ts";
export { AddressMemo } from "./address_memo.ts";
export { DomainPattern } from "./domain_pattern.ts";
export { Filter, type FilterRule } from "./filter.ts";
export {
  type InboundTranslation,
  NatTable,
  type OutboundTranslation,
} from "./nat_table.ts";
export {
  ICMP_REPLY_REFUSALS,
  icmpReplyBudget,
  type IcmpReplyRefusal,
  judgeIcmpReply,
} from "./icmp_reply_rules.ts";
export { NetworkTree, NO_NETWORK } from "./network_tree.ts";
export {
  type ResourceEntry,
  ResourceTable,
  type Selection,
} from "./resource_table.ts";
export {
  equalTunnelAddresses,
  includesAddress,
  type TunnelAddresses,
} from "./tunnel_addresses.ts";
