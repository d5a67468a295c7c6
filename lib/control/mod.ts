/**
 * The portal side of the protocol, for laboratories and tests.
 *
 * `Control` is one core: connection attempts, text frames and a policy go in,
 * text frames and closes come out. Real gateways, clients and relays of
 * generations 1.5 and 1.6 work with it (portal spec §9).
 *
 * A connection attempt passes `identify`, the checks before the 101 response,
 * and becomes a session. A session joins its topic and is then present:
 * gateways are chosen for clients, relays are handed to both. Events name
 * what they are about in their payload; which names are used depends on the
 * path that was connected to, never on a version.
 *
 * A client asks for a resource, `Authorizer` picks a gateway of its site and
 * pushes the grant there under a signed `ref`; when the gateway has echoed the
 * `ref`, the client is told the same keys. Nothing about a pair of nodes is
 * stored: preshared key, ICE and relay credentials are derived from ids,
 * public keys and secrets, so they survive reconnects of either side and of
 * the portal. Since one input is handled after the other, a gateway's
 * acknowledgement stays ahead of its candidates.
 *
 * The policy file says who may connect and who may use what (`parsePolicy`).
 * `Control.handlePolicy` puts an edited one in force and tells everybody
 * what it changes for them: `Updates` compares it with the one before.
 * `Control.handleControlCall` does single things that the policy knows no
 * words for, such as to revoke an authorization that may be asked for again.
 *
 * Left out, since a laboratory has no use for it: accounts, places on the
 * map, sessions in a database, flow-log storage, client-to-client access.
 *
 * @module
 */
export {
  type ConnectAnswer,
  Control,
  type ControlOptions,
  type SocketSnapshot,
} from "./control.ts";
export { type ConnectRequest } from "./connect.ts";
export { type ControlRequest, isControlPath } from "./control_call.ts";
export {
  type Credentials,
  deriveClientPresharedKey,
  deriveIceCredentials,
  derivePresharedKey,
  deriveRelayId,
  deriveTurnCredentials,
  deriveTurnPassword,
  type KeyedParty,
  type Party,
} from "./credentials.ts";
export { Faults } from "./faults.ts";
export { type IngestClaims, mintIngestToken } from "./ingest_token.ts";
export { type ControlOutput } from "./outbox.ts";
export {
  type Access,
  accessOf,
  type ClientEntry,
  type Device,
  type FlowLogSettings,
  type GatewayEntry,
  type Policy,
  type PolicyRule,
  type PortFilter,
  type RelayEntry,
  type ResourceEntry,
  type Site,
  type TokenOwner,
} from "./policy.ts";
export { parsePolicy } from "./policy_file.ts";
export { type HttpAnswer, type Refusal } from "./refusal.ts";
