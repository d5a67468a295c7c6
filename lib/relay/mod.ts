/**
 * A STUN and TURN server for Firezone, RFC 8489 and RFC 8656, without I/O.
 *
 * Clients and gateways talk to the main port, 3478. BINDING tells them their
 * address; everything else needs credentials, which the relay recomputes from
 * the user name and the secret that it shares with the portal: it stores no
 * users. A first request is refused with a nonce that is tied to the sender's
 * socket address; the refusal is signed, so that nobody else can make it up.
 *
 * An allocation is a UDP port that belongs to one client socket and one user
 * name, with the same number for IPv4 and IPv6. The shell opens and closes
 * these ports as `pollEvent` tells. Data moves only through channels: a number
 * that a client has bound to a peer. What the client sends on the channel
 * leaves from its port, and what the peer sends to the port comes back on the
 * channel; anything else is dropped and counted. Client and peer may use
 * different IP versions, and a peer may be another allocation of the same
 * relay, in which case no packet leaves the process.
 *
 * Every table has a limit (`constants.ts`): nonces make room for new ones,
 * allocations end at the number of ports and channels at a fixed number, both
 * with error 508. Timers cost the same however many allocations there are.
 *
 * The data path allocates nothing and throws nothing.
 *
 * @module
 */
export { type RelayServerEvent } from "./allocation_table.ts";
export { RELAY_COUNTS, type RelayCount } from "./counts.ts";
export { Relay, type RelayMessage } from "./relay.ts";
export {
  RelayServer,
  type RelayServerOptions,
  type RelaySnapshot,
} from "./relay_server.ts";
