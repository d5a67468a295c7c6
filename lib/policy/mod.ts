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
 * There is no connection tracking: every packet is judged on its own. All of
 * it is synchronous, free of time, and allocates nothing for a lookup.
 *
 * @module
 */
export {
  isMulticastAddress,
  isProxyAddress,
  isRefusedByInternet,
  isTunnelAddress,
  PROXY_RANGE_V4,
  PROXY_RANGE_V6,
  TUNNEL_RANGE_V4,
  TUNNEL_RANGE_V6,
} from "./address_plan.ts";
export { Filter, type FilterRule } from "./filter.ts";
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
