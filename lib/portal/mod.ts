/**
 * The channel to the portal: Phoenix V1 framing, messages, reconnects.
 *
 * `Channel` is the core that gateway, client and relay share; what differs is
 * data, a `ChannelProfile`. Above it stand plain messages and requests
 * (`GatewayMessage`, `GatewayRequest`, and so on), below it a shell that moves
 * text frames, resolves, dials and keeps time.
 *
 * A channel lives as long as the process and passes through any number of
 * connections. All state of one connection is one `Session`, which dies with
 * it: neither refs nor unanswered heartbeats nor queued messages reach the
 * next. What survives is deliberate and small: whether the process was ever
 * joined, the `Backoff` of the present run of failures, and candidate changes
 * held for peers (`HeldCandidates`).
 *
 * A connection counts as established when the join is acknowledged, not when
 * the socket opens. Only then the run of failures ends, so a portal that
 * accepts sockets and refuses to work is not hammered. The budget of a run is
 * the sum of the delays handed out and starts at its first failure.
 *
 * Everything the portal says is untrusted: `decodeFrame` and the `parse*`
 * functions take `unknown`, never throw, and refuse with a literal reason that
 * is counted.
 *
 * @module
 */
export {
  Channel,
  type ChannelCount,
  type ChannelEvent,
  type ChannelOptions,
  type RequestVerdict,
} from "./channel.ts";
export {
  CLIENT_EVENTS,
  type EventName,
  GATEWAY_EVENTS,
  type Generation,
  OBSOLETE_GATEWAY_EVENTS,
  RELAY_EVENTS,
  UNSUPPORTED_CLIENT_EVENTS,
} from "./events.ts";
export {
  type ChannelProfile,
  CLIENT_PROFILE,
  GATEWAY_PROFILE,
  RELAY_PROFILE,
  relayJoinPayload,
  type RelayMessage,
} from "./profiles.ts";
export {
  type ConnectionFailure,
  describeFailure,
  type FatalReason,
  fatalReasonOf,
  type RejectedUpgrade,
  requestedDelayMs,
} from "./failure.ts";
export {
  decodeFrame,
  encodeFrame,
  FRAME_REFUSALS,
  type FrameRefusal,
  type Inbound,
} from "./frame.ts";
export { type JsonShape, jsonShape } from "./json_prefix.ts";
export type { FieldRefusal, PayloadProblem } from "./fields.ts";
export type {
  Filter,
  FlowLogConfig,
  IceCredentials,
  MessageProblem,
  MessageRefusal,
  OutgoingEvent,
  ParsedMessage,
  Relay,
  RelaysPresence,
  Resource,
} from "./payloads.ts";
export {
  type AuthorizationEntry,
  type AuthorizedClient,
  type CreateAuthorization,
  encodeGatewayRequest,
  type GatewayInit,
  type GatewayMessage,
  type GatewayRequest,
  parseGatewayMessage,
} from "./gateway_messages.ts";
export {
  type AuthorizationCreated,
  type AuthorizationFailure,
  type ClientInit,
  type ClientInterface,
  type ClientMessage,
  type ClientRequest,
  type ClientResource,
  encodeClientRequest,
  type IpStack,
  parseClientMessage,
  type Site,
} from "./client_messages.ts";
export { parseIngestToken } from "./ingest_token.ts";
export { type CandidateChange, HeldCandidates } from "./held_candidates.ts";
export type { SendVerdict, SessionCount } from "./session.ts";
export { INITIAL_BACKOFF, reconnectBackoff } from "./backoff.ts";
export { retryAfterMs } from "./retry_after.ts";
export { parseProblem, type Problem } from "./problem.ts";
export {
  clientParameters,
  externalId,
  gatewayParameters,
  type LoginParameters,
  type LoginUrl,
  loginUrl,
  relayParameters,
} from "./login_url.ts";
export { userAgent, type UserAgentParts } from "./user_agent.ts";
export {
  normalizeToken,
  type UpgradeCredentials,
  upgradeRequest,
  WEBSOCKET_KEY_BYTES,
} from "./upgrade_request.ts";
export {
  type ResponseProblem,
  type ResponseProgress,
  UpgradeResponse,
} from "./upgrade_response.ts";
