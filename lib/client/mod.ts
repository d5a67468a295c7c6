/**
 * The initiating side: a Firezone client as one core.
 *
 * A packet from the TUN device finds its resource by destination address.
 * Without access the client asks the portal and keeps the packet; with it,
 * the packet goes through the gateway that the portal chose. The portal is not
 * asked before a relay has answered, because the connection that it allows
 * could not be made. So `Route`, the way to one resource, is `none`,
 * `awaiting-relay`, `requested`, `held-off` or `granted`, and everything else
 * follows from that: a failed connection, a goodbye or an ICMP "prohibited"
 * puts routes back, and the next packet starts over. A route that carried
 * packets until just now starts over by itself, because in the middle of a
 * download the next packet would be the other side's.
 *
 * A packet that no resource permits goes nowhere, and `IcmpReplies` tells the
 * application so at once: the filters of a resource are applied here already.
 *
 * When the host's network changes, connections and key are dropped, sockets
 * are opened anew and the portal is told the new key (p2p spec §1.9).
 * Connections without ICE are kept and find other paths.
 *
 * Gateways are told apart by their id. A packet from one is let in only if it
 * comes from that gateway's own tunnel address or from a resource that goes
 * through it, and is addressed to us (data-plane spec §18.4).
 *
 * A DNS resource is a pattern of names. `StubResolver` answers whoever asks for
 * such a name with proxy addresses, which belong to that `Name` for good, and
 * a packet to one of them takes the route to the resource. Its gateway has to
 * be told first which name the addresses stand for: `NatSetup` is how far
 * that has come. It belongs to the access that was granted and ends with it.
 *
 * Packets wait in three places: here for the portal's answer, here for the
 * gateway's word that it translates for a name, and in the node for the
 * connection. On the way of a packet that need not wait nothing is allocated.
 *
 * @module
 */
export { Client, type ClientOptions, type ClientSnapshot } from "./client.ts";
export type { ClientNode } from "./client_node.ts";
export type {
  ClientEvent,
  ClientInput,
  CloseReason,
  ConnectionPath,
} from "./events.ts";
export type {
  InboundOutcome,
  InboundVerdict,
  OutboundDrop,
  OutboundOutcome,
} from "./data_path.ts";
export type { IcmpReplyOutcome } from "./icmp_replies.ts";
export type { StatusOutcome } from "./nat_setups.ts";
export { DNS_SENTINEL_V4, DNS_SENTINEL_V6 } from "./proxy_addresses.ts";
export type { WaitOutcome } from "./requests.ts";
export { QUERY_OUTCOMES, type QueryOutcome } from "./stub_resolver.ts";
