import {
  err,
  type IngestToken,
  type IpAddress,
  type Result,
} from "../base/mod.ts";
import {
  type EventName,
  GATEWAY_EVENTS,
  type Generation,
  OBSOLETE_GATEWAY_EVENTS,
} from "./events.ts";
import { type Fields, readPayload } from "./fields.ts";
import {
  type FlowLogConfig,
  type IceCredentials,
  type MessageProblem,
  type OutgoingEvent,
  readCandidates,
  readFlowLogConfig,
  readIceCredentials,
  readIngestToken,
  readRelays,
  readRelaysPresence,
  readResource,
  readTunnelAddresses,
  type Relay,
  type RelaysPresence,
  type Resource,
} from "./payloads.ts";

/** A grant that the portal still considers valid. */
export interface AuthorizationEntry {
  /** The client it was given to. */
  readonly clientId: string;
  /** What it gives access to. */
  readonly resourceId: string;
  /** When it ends, in seconds of Unix time. */
  readonly expiresAt: number;
}

/** The client that a grant is for. */
export interface AuthorizedClient {
  /** The portal's name for it. */
  readonly id: string;
  /** Its WireGuard public key. */
  readonly publicKey: Uint8Array;
  /** WireGuard preshared key of this pair. Secret. */
  readonly presharedKey: Uint8Array;
  /** Its tunnel address. */
  readonly ipv4: IpAddress;
  /** Its tunnel address. */
  readonly ipv6: IpAddress;
}

/** The snapshot that follows each join, and may come at any other time. */
export interface GatewayInit {
  /** As in every message. */
  readonly kind: "init";
  /** Our tunnel addresses. */
  readonly interface: { readonly ipv4: IpAddress; readonly ipv6: IpAddress };
  /** Relays to add or replace; others stay. */
  readonly relays: readonly Relay[];
  /** All grants there are. */
  readonly authorizations: readonly AuthorizationEntry[];
  /** Where flow logs go. */
  readonly flowLogs: FlowLogConfig;
  /** Name of the account in URLs. */
  readonly accountSlug: string | null;
}

/** A client may use a resource. Answer with `authorization-created`. */
export interface CreateAuthorization {
  /** As in every message. */
  readonly kind: "create-authorization";
  /** Opaque; goes back unchanged in the answer. */
  readonly ref: string;
  /** What may be used. */
  readonly resource: Resource;
  /** Who may use it. */
  readonly client: AuthorizedClient;
  /** Credentials of the client's end. */
  readonly clientIceCredentials: IceCredentials;
  /** Credentials of our end. */
  readonly gatewayIceCredentials: IceCredentials;
  /** When it ends, in seconds of Unix time; `null` means never. */
  readonly expiresAt: number | null;
  /** Whether the path is chosen without ICE. */
  readonly useIceless: boolean;
  /** Names the authorization towards the flow-log service. */
  readonly flowLogsIngestToken: IngestToken;
}

/** What the portal tells a gateway, portal spec §4.4. Plain data. */
export type GatewayMessage =
  | GatewayInit
  | CreateAuthorization
  | {
    readonly kind: "reject-access";
    readonly clientId: string;
    readonly resourceId: string;
  }
  | { readonly kind: "resource-updated"; readonly resource: Resource }
  | {
    readonly kind: "ice-candidates" | "invalidate-ice-candidates";
    readonly clientId: string;
    readonly candidates: readonly string[];
  }
  | RelaysPresence;

/** What a gateway tells the portal, portal spec §4.5. Plain data. */
export type GatewayRequest =
  | { readonly kind: "authorization-created"; readonly ref: string }
  | {
    readonly kind:
      | "broadcast-ice-candidates"
      | "broadcast-invalidated-ice-candidates";
    readonly clientId: string;
    readonly candidates: readonly string[];
  }
  | { readonly kind: "no-relays" };

const READERS: readonly (readonly [
  EventName,
  (fields: Fields) => GatewayMessage,
])[] = [
  [GATEWAY_EVENTS.init, readInit],
  [GATEWAY_EVENTS.createAuthorization, readCreateAuthorization],
  [GATEWAY_EVENTS.rejectAccess, readRejectAccess],
  [GATEWAY_EVENTS.resourceUpdated, readResourceUpdated],
  [GATEWAY_EVENTS.iceCandidates, candidatesReader("ice-candidates")],
  [
    GATEWAY_EVENTS.invalidateIceCandidates,
    candidatesReader("invalidate-ice-candidates"),
  ],
  [GATEWAY_EVENTS.relaysPresence, readRelaysPresence],
];

/**
 * Reads an event for gateways. A required member that is missing or wrong
 * refuses the whole message; unknown members are ignored.
 */
export function parseGatewayMessage(
  event: string,
  payload: unknown,
  generation: Generation = 2,
): Result<GatewayMessage, MessageProblem> {
  const reader = READERS.find(([names]) => names[generation] === event);
  if (reader) return readPayload(payload, reader[1]);
  return err({
    reason: OBSOLETE_GATEWAY_EVENTS.includes(event)
      ? "obsolete-event"
      : "unknown-event",
    at: event,
  });
}

/** Gives a gateway's request its form on the wire. */
export function encodeGatewayRequest(
  request: GatewayRequest,
  generation: Generation = 2,
): OutgoingEvent {
  switch (request.kind) {
    case "authorization-created":
      return {
        event: GATEWAY_EVENTS.authorizationCreated[generation],
        payload: { ref: request.ref },
      };
    case "broadcast-ice-candidates":
      return {
        event: GATEWAY_EVENTS.broadcastIceCandidates[generation],
        payload: broadcastPayload(request),
      };
    case "broadcast-invalidated-ice-candidates":
      return {
        event: GATEWAY_EVENTS.broadcastInvalidatedIceCandidates[generation],
        payload: broadcastPayload(request),
      };
    case "no-relays":
      return { event: GATEWAY_EVENTS.noRelays[generation], payload: {} };
  }
}

function readInit(fields: Fields): GatewayInit {
  const config = fields.object("config");
  config.boolean("ipv4_masquerade_enabled");
  config.boolean("ipv6_masquerade_enabled");
  return {
    kind: "init",
    interface: readTunnelAddresses(fields.object("interface")),
    relays: readRelays(fields, "relays"),
    authorizations: fields.listOrEmpty("authorizations", (entry) => ({
      clientId: entry.uuid("client_id"),
      resourceId: entry.uuid("resource_id"),
      expiresAt: entry.unsigned("expires_at"),
    })),
    flowLogs: readFlowLogConfig(fields.object("flow_logs")),
    accountSlug: fields.optionalString("account_slug") ?? null,
  };
}

function readCreateAuthorization(fields: Fields): CreateAuthorization {
  const client = fields.object("client");
  return {
    kind: "create-authorization",
    ref: fields.string("ref"),
    resource: readResource(fields.object("resource")),
    client: {
      id: client.uuid("id"),
      publicKey: client.key("public_key"),
      presharedKey: client.key("preshared_key"),
      ...readTunnelAddresses(client),
    },
    clientIceCredentials: readIceCredentials(fields, "client_ice_credentials"),
    gatewayIceCredentials: readIceCredentials(
      fields,
      "gateway_ice_credentials",
    ),
    expiresAt: fields.unsignedOrNull("expires_at"),
    useIceless: fields.booleanOr("use_iceless", false),
    flowLogsIngestToken: readIngestToken(fields, "flow_logs_ingest_token"),
  };
}

function readRejectAccess(fields: Fields): GatewayMessage {
  return {
    kind: "reject-access",
    clientId: fields.uuid("client_id"),
    resourceId: fields.uuid("resource_id"),
  };
}

function readResourceUpdated(fields: Fields): GatewayMessage {
  return { kind: "resource-updated", resource: readResource(fields) };
}

function candidatesReader(
  kind: "ice-candidates" | "invalidate-ice-candidates",
): (fields: Fields) => GatewayMessage {
  return (fields) => ({
    kind,
    clientId: fields.uuid("client_id"),
    candidates: readCandidates(fields, "candidates"),
  });
}

function broadcastPayload(
  { clientId, candidates }: {
    readonly clientId: string;
    readonly candidates: readonly string[];
  },
): unknown {
  return { client_ids: [clientId], candidates };
}
