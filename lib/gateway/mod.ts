/**
 * The whole gateway as one core: portal messages, datagrams and packets in; datagrams, packets and events out.
 *
 * `Gateway` joins two halves. `Node` (of `connection`) knows how to reach
 * clients and nothing about what they may do; policy knows what they may do
 * and nothing about how they are reached. A `Client` is the record of what
 * one client may reach: it is born by the first authorization and dies with
 * the last one, by expiry, revocation or goodbye. A connection that fails
 * takes nothing away, because the client comes back and believes that its
 * authorizations still hold.
 *
 * Packets take one of two ways, and each ends in one literal that is counted.
 *
 * - Outbound: from a client to the TUN device. `judgeOutbound` is the table
 *   of data-plane spec §5 in evaluation order. Policy denials are owed an
 *   ICMP error, whose kind is part of the verdict's name; `IcmpReplies` sends
 *   it back the way the packet came.
 * - Inbound: from the TUN device to a client, found by the low bits of the
 *   destination. `judgeInbound` is the table of §6. Nothing is ever sent
 *   towards resources.
 *
 * A DNS resource is a name, so clients reach it in three steps. They announce
 * proxy addresses for the name inside the tunnel; `DomainService` asks the
 * shell for the addresses of the name and answers. `Translations` keeps what
 * each proxy stands for; a packet to one passes if a resource of the name
 * permits it. The client's `NatTable` sends it on, and gives the answer back
 * the proxy's address, by which it is judged in turn.
 *
 * What a client announces is not trusted. Addresses outside the proxy range
 * are refused, since they would take traffic away from other resources, and
 * everything that a client can make grow has a limit of its own.
 *
 * Expiry is enforced by housekeeping once a second while there are clients,
 * not per packet. The portal's `init` is a snapshot: what it does not list is
 * revoked, and it never grants anything. Before the first one nobody has
 * access.
 *
 * A gateway that is to be replaced drains: the shell first leaves the portal,
 * which then sends new authorizations to other gateways of the site, and the
 * core says goodbye to each client as soon as it is silent. A client that
 * hears goodbye asks the portal again with its next packet. There is no
 * message by which a gateway could refuse an authorization, or hand a client
 * over while packets pass.
 *
 * @module
 */
export {
  Gateway,
  type GatewayOptions,
  type GatewaySnapshot,
} from "./gateway.ts";
export { type InboundOutcome, type OutboundOutcome } from "./data_path.ts";
export { CONTROL_OUTCOMES, type ControlOutcome } from "./domain_service.ts";
export { type IcmpReplyOutcome } from "./icmp_replies.ts";
export { INBOUND_DROPS, type InboundDrop } from "./inbound.ts";
export { OUTBOUND_VERDICTS, type OutboundVerdict } from "./outbound.ts";
export {
  type CloseReason,
  type ConnectionPath,
  type GatewayEvent,
  type GatewayInput,
} from "./events.ts";
export { type GatewayNode } from "./gateway_node.ts";
export {
  type AuthorizationSnapshot,
  type DropSnapshot,
  type PeerSnapshot,
} from "./peer_snapshot.ts";
