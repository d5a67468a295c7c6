/**
 * WireGuard as Firezone speaks it (p2p spec §5): handshake, sessions, timers, without I/O.
 *
 * A node owns one `HandshakeGate`, one `IndexTable` and a `Tunnel` for each
 * peer. A received message finds its way by `wireguardMessageType`:
 *
 * 1. Initiation: `HandshakeGate.check`, then `openInitiation`, which names the
 *    peer by its static key, then that peer's `Tunnel.handleInitiation`. Only
 *    there is it proved that the peer sent it.
 * 2. Response: `HandshakeGate.check`, then the tunnel that `IndexTable.find`
 *    returns for the receiver index.
 * 3. Cookie reply and 4. data: the tunnel of the receiver index.
 *
 * Source addresses take no part in this: two peers behind one NAT share one.
 *
 * A tunnel renews its keys about every two minutes. A session is one pair of
 * keys. Its responder must not send on it before the initiator's first
 * message proves that the response arrived, so the initiator sends one at
 * once, a keepalive if it has nothing else. Eight sessions stay readable, so
 * packets under way during a renewal are not lost. Whoever initiated a session
 * also renews it; the other side initiates only if its data goes unanswered.
 *
 * Nothing is queued: a packet without a session is dropped and starts no
 * handshake. A tunnel whose initiations stay unanswered, or that had no new
 * session for nine minutes, reports `expired` and does nothing any more.
 *
 * @module
 */
export { ICE_TIMING, ICELESS_TIMING, type TunnelTiming } from "./constants.ts";
export {
  GATE_REFUSALS,
  type GateRefusal,
  type GateVerdict,
  HandshakeGate,
  type HandshakeGateOptions,
  type Sender,
} from "./gate.ts";
export { type OpenedInitiation, openInitiation } from "./handshake.ts";
export { type CookieReplyVerdict } from "./cookie.ts";
export { type HandshakeRefusal } from "./handshaker.ts";
export { IndexTable } from "./index_table.ts";
export { type OpenedFirstMessage, type SymmetricState } from "./noise.ts";
export { type SessionRefusal } from "./session.ts";
export { Tunnel, type TunnelEvent, type TunnelOptions } from "./tunnel.ts";
export { type TunnelRefusal } from "./tunnel_refusal.ts";
