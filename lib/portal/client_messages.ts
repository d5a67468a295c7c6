import {
  type Cidr,
  err,
  type IngestToken,
  type IpAddress,
  type Result,
} from "../base/mod.ts";
import {
  CLIENT_EVENTS,
  type EventName,
  type Generation,
  UNSUPPORTED_CLIENT_EVENTS,
} from "./events.ts";
import { type Fields, readPayload } from "./fields.ts";
import {
  type Filter,
  type FlowLogConfig,
  type IceCredentials,
  type MessageProblem,
  type OutgoingEvent,
  readCandidates,
  readFilters,
  readFlowLogConfig,
  readIceCredentials,
  readIngestToken,
  readRelays,
  readRelaysPresence,
  readTunnelAddresses,
  type Relay,
  type RelaysPresence,
} from "./payloads.ts";

/** A group of gateways. */
export interface Site {
  /** The portal's name for it. */
  readonly id: string;
  /** Name for people. */
  readonly name: string;
}

/** Which address families a DNS resource is offered with. */
export type IpStack = "dual" | "ipv4_only" | "ipv6_only";

/** Something a client may ask for. Device pools are left out: our client has no such feature. */
export type ClientResource =
  | {
    readonly kind: "dns";
    readonly id: string;
    readonly name: string;
    /** A domain, or a pattern with `*`, `?`, `**`. */
    readonly address: string;
    readonly ipStack: IpStack;
    readonly filters: readonly Filter[];
    readonly sites: readonly Site[];
  }
  | {
    readonly kind: "cidr";
    readonly id: string;
    readonly name: string;
    readonly address: Cidr;
    readonly filters: readonly Filter[];
    readonly sites: readonly Site[];
  }
  | {
    readonly kind: "internet";
    readonly id: string;
    readonly sites: readonly Site[];
  };

/** What a client's interface is to look like. */
export interface ClientInterface {
  /** Its tunnel address. */
  readonly ipv4: IpAddress;
  /** Its tunnel address. */
  readonly ipv6: IpAddress;
  /** Resolvers for names that are no resources, in plain DNS. */
  readonly upstreamDns: readonly string[];
  /** Appended to single-label names. */
  readonly searchDomain: string | null;
}

/** The snapshot that follows each join. */
export interface ClientInit {
  /** As in every message. */
  readonly kind: "init";
  /** The interface. */
  readonly interface: ClientInterface;
  /** All resources there are, without malformed and unsupported ones. */
  readonly resources: readonly ClientResource[];
  /** Relays to use. */
  readonly relays: readonly Relay[];
  /** Where flow logs go. */
  readonly flowLogs: FlowLogConfig;
}

/** A gateway has been told about us; connect to it. */
export interface AuthorizationCreated {
  /** As in every message. */
  readonly kind: "authorization-created";
  /** What we asked for. */
  readonly resourceId: string;
  /** The gateway that serves it. */
  readonly gatewayId: string;
  /** Its WireGuard public key. */
  readonly gatewayPublicKey: Uint8Array;
  /** Its tunnel address. */
  readonly gatewayIpv4: IpAddress;
  /** Its tunnel address. */
  readonly gatewayIpv6: IpAddress;
  /** The site it belongs to. */
  readonly siteId: string;
  /** WireGuard preshared key of this pair. Secret. */
  readonly presharedKey: Uint8Array;
  /** Credentials of our end. */
  readonly clientIceCredentials: IceCredentials;
  /** Credentials of the gateway's end. */
  readonly gatewayIceCredentials: IceCredentials;
  /** Whether the path is chosen without ICE. */
  readonly useIceless: boolean;
  /** Names the authorization towards the flow-log service. Secret. */
  readonly flowLogsIngestToken: IngestToken;
}

/** Why a request was refused. Values that we do not know read as `unknown`. */
export type AuthorizationFailure =
  | "not_found"
  | "offline"
  | "version_mismatch"
  | "forbidden"
  | "disabled"
  | "ambiguous_address"
  | "missing_address"
  | "invalid_address"
  | "unknown";

/** What the portal tells a client, portal spec §5.1.2. Plain data. */
export type ClientMessage =
  | ClientInit
  | AuthorizationCreated
  | { readonly kind: "config-changed"; readonly interface: ClientInterface }
  | {
    readonly kind: "resource-created-or-updated";
    readonly resource: ClientResource;
  }
  | { readonly kind: "resource-deleted"; readonly resourceId: string }
  | {
    readonly kind: "authorization-creation-failed";
    readonly resourceId: string;
    readonly reason: AuthorizationFailure;
  }
  | {
    readonly kind: "ice-candidates" | "invalidate-ice-candidates";
    readonly gatewayId: string;
    readonly candidates: readonly string[];
  }
  | RelaysPresence;

/** What a client tells the portal, portal spec §5.1.3. Plain data. */
export type ClientRequest =
  | {
    readonly kind: "request-authorization";
    readonly resourceId: string;
    /** Gateways to prefer. */
    readonly connectedGatewayIds: readonly string[];
  }
  | {
    readonly kind: "new-ice-candidates" | "invalidate-ice-candidates";
    readonly gatewayId: string;
    readonly candidates: readonly string[];
  }
  | { readonly kind: "no-relays" };

const FAILURES: readonly AuthorizationFailure[] = [
  "not_found",
  "offline",
  "version_mismatch",
  "forbidden",
  "disabled",
  "ambiguous_address",
  "missing_address",
  "invalid_address",
];

const READERS: readonly (readonly [
  EventName,
  (fields: Fields) => ClientMessage,
])[] = [
  [CLIENT_EVENTS.init, readInit],
  [CLIENT_EVENTS.configChanged, readConfigChanged],
  [CLIENT_EVENTS.resourceCreatedOrUpdated, readResourceUpserted],
  [CLIENT_EVENTS.authorizationCreated, readAuthorizationCreated],
  [CLIENT_EVENTS.authorizationCreationFailed, readAuthorizationFailed],
  [CLIENT_EVENTS.iceCandidates, candidatesReader("ice-candidates")],
  [CLIENT_EVENTS.gatewayIceCandidates, candidatesReader("ice-candidates")],
  [
    CLIENT_EVENTS.invalidateIceCandidates,
    candidatesReader("invalidate-ice-candidates"),
  ],
  [
    CLIENT_EVENTS.invalidateGatewayIceCandidates,
    candidatesReader("invalidate-ice-candidates"),
  ],
  [CLIENT_EVENTS.relaysPresence, readRelaysPresence],
];

/**
 * Reads an event for clients. A required member that is missing or wrong
 * refuses the whole message, except that `init` only loses the resource it is in.
 */
export function parseClientMessage(
  event: string,
  payload: unknown,
  generation: Generation = 2,
): Result<ClientMessage, MessageProblem> {
  if (event === CLIENT_EVENTS.resourceDeleted[generation]) {
    return readResourceDeleted(payload);
  }
  if (
    event === CLIENT_EVENTS.resourceCreatedOrUpdated[generation] &&
    isUnsupportedResource(payload)
  ) {
    return err({ reason: "unsupported-event", at: event });
  }
  const reader = READERS.find(([names]) => names[generation] === event);
  if (reader) return readPayload(payload, reader[1]);
  return err({
    reason: UNSUPPORTED_CLIENT_EVENTS.includes(event)
      ? "unsupported-event"
      : "unknown-event",
    at: event,
  });
}

/** Gives a client's request its form on the wire. */
export function encodeClientRequest(
  request: ClientRequest,
  generation: Generation = 2,
): OutgoingEvent {
  switch (request.kind) {
    case "request-authorization":
      return {
        event: CLIENT_EVENTS.requestAuthorization[generation],
        payload: {
          resource_id: request.resourceId,
          connected_gateway_ids: request.connectedGatewayIds,
        },
      };
    case "new-ice-candidates":
      return {
        event: CLIENT_EVENTS.newGatewayIceCandidates[generation],
        payload: candidatesPayload(request),
      };
    case "invalidate-ice-candidates":
      return {
        event: CLIENT_EVENTS.invalidateGatewayIceCandidates[generation],
        payload: candidatesPayload(request),
      };
    case "no-relays":
      return { event: CLIENT_EVENTS.noRelays[generation], payload: {} };
  }
}

function readInit(fields: Fields): ClientInit {
  return {
    kind: "init",
    interface: readInterface(fields.object("interface")),
    resources: readUsableResources(fields.values("resources")),
    relays: readRelays(fields, "relays"),
    flowLogs: readFlowLogConfig(fields.object("flow_logs")),
  };
}

function readUsableResources(values: readonly unknown[]): ClientResource[] {
  return values.flatMap((value) => {
    const resource = readPayload(value, readClientResource);
    return resource.ok ? [resource.value] : [];
  });
}

function readConfigChanged(fields: Fields): ClientMessage {
  return {
    kind: "config-changed",
    interface: readInterface(fields.object("interface")),
  };
}

function readInterface(fields: Fields): ClientInterface {
  return {
    ...readTunnelAddresses(fields),
    upstreamDns: fields.listOrEmpty(
      "upstream_do53",
      (server) => server.string("ip"),
    ),
    searchDomain: fields.optionalString("search_domain") ?? null,
  };
}

function readResourceUpserted(fields: Fields): ClientMessage {
  return {
    kind: "resource-created-or-updated",
    resource: readClientResource(fields),
  };
}

function readClientResource(fields: Fields): ClientResource {
  const kind = fields.variant("type", ["dns", "cidr", "internet"]);
  const id = fields.uuid("id");
  const sites = fields.list(
    fields.has("sites") ? "sites" : "gateway_groups",
    (site) => ({ id: site.uuid("id"), name: site.string("name") }),
  );
  if (kind === "internet") return { kind, id, sites };

  const name = fields.string("name");
  const filters = fields.has("filters") ? readFilters(fields) : [];
  if (kind === "cidr") {
    return { kind, id, name, address: fields.cidr("address"), filters, sites };
  }
  const ipStack = fields.optionalString("ip_stack") === undefined
    ? "dual"
    : fields.variant("ip_stack", ["dual", "ipv4_only", "ipv6_only"]);
  const address = fields.string("address");
  return { kind, id, name, address, ipStack, filters, sites };
}

function isUnsupportedResource(payload: unknown): boolean {
  const type = readPayload(payload, (fields) => fields.string("type"));
  return type.ok && !["dns", "cidr", "internet"].includes(type.value);
}

/** The payload is the bare id, portal spec §5.1.2. */
function readResourceDeleted(
  payload: unknown,
): Result<ClientMessage, MessageProblem> {
  return readPayload({ id: payload }, (fields) => ({
    kind: "resource-deleted",
    resourceId: fields.uuid("id"),
  }));
}

function readAuthorizationCreated(fields: Fields): AuthorizationCreated {
  return {
    kind: "authorization-created",
    resourceId: fields.uuid("resource_id"),
    gatewayId: fields.uuid("gateway_id"),
    gatewayPublicKey: fields.key("gateway_public_key"),
    gatewayIpv4: fields.ip("gateway_ipv4", 4),
    gatewayIpv6: fields.ip("gateway_ipv6", 6),
    siteId: fields.uuid(fields.has("site_id") ? "site_id" : "gateway_group_id"),
    presharedKey: fields.key("preshared_key"),
    clientIceCredentials: readIceCredentials(fields, "client_ice_credentials"),
    gatewayIceCredentials: readIceCredentials(
      fields,
      "gateway_ice_credentials",
    ),
    useIceless: fields.booleanOr("use_iceless", false),
    flowLogsIngestToken: readIngestToken(fields, "flow_logs_ingest_token"),
  };
}

function readAuthorizationFailed(fields: Fields): ClientMessage {
  const reason = fields.string("reason");
  return {
    kind: "authorization-creation-failed",
    resourceId: fields.uuid("resource_id"),
    reason: FAILURES.find((known) => known === reason) ?? "unknown",
  };
}

function candidatesReader(
  kind: "ice-candidates" | "invalidate-ice-candidates",
): (fields: Fields) => ClientMessage {
  return (fields) => ({
    kind,
    gatewayId: fields.uuid("gateway_id"),
    candidates: readCandidates(fields, "candidates"),
  });
}

function candidatesPayload(
  { gatewayId, candidates }: {
    readonly gatewayId: string;
    readonly candidates: readonly string[];
  },
): unknown {
  return { gateway_id: gatewayId, candidates };
}
