/** Which path the software connects on; the path alone selects event names, portal spec §4.2 and §5.1.1. */
export type Generation = 1 | 2;

/** An event whose name depends on the path. */
export interface EventName {
  /** Its name on the old path. */
  readonly 1: string;
  /** Its name on the `v2` path. */
  readonly 2: string;
}

/** Names of the events between portal and gateway, portal spec §4.4 and §4.5. */
export const GATEWAY_EVENTS = {
  init: same("init"),
  createAuthorization: names("authorize_flow", "create_authorization"),
  authorizationCreated: names("flow_authorized", "authorization_created"),
  rejectAccess: same("reject_access"),
  resourceUpdated: same("resource_updated"),
  iceCandidates: same("ice_candidates"),
  invalidateIceCandidates: same("invalidate_ice_candidates"),
  relaysPresence: same("relays_presence"),
  setCapabilities: same("set_snownet_capabilities"),
  broadcastIceCandidates: same("broadcast_ice_candidates"),
  broadcastInvalidatedIceCandidates: same(
    "broadcast_invalidated_ice_candidates",
  ),
  noRelays: same("no_relays"),
} as const;

/** Events that portals or their older versions send to gateways and that mean nothing to us, portal spec §4.4.8. */
export const OBSOLETE_GATEWAY_EVENTS: readonly string[] = [
  "access_authorization_expiry_updated",
  "allow_access",
  "request_connection",
];

/** Names of the events between portal and client, portal spec §5.1. */
export const CLIENT_EVENTS = {
  init: same("init"),
  configChanged: same("config_changed"),
  resourceCreatedOrUpdated: same("resource_created_or_updated"),
  resourceDeleted: same("resource_deleted"),
  requestAuthorization: names("create_flow", "request_authorization"),
  authorizationCreated: names("flow_created", "authorization_created"),
  authorizationCreationFailed: names(
    "flow_creation_failed",
    "authorization_creation_failed",
  ),
  iceCandidates: same("ice_candidates"),
  invalidateIceCandidates: same("invalidate_ice_candidates"),
  gatewayIceCandidates: same("gateway_ice_candidates"),
  invalidateGatewayIceCandidates: same("invalidate_gateway_ice_candidates"),
  relaysPresence: same("relays_presence"),
  setCapabilities: same("set_snownet_capabilities"),
  newGatewayIceCandidates: same("new_gateway_ice_candidates"),
  noRelays: same("no_relays"),
} as const;

/** Events of features that our client does not have (device pools), portal spec §5.1.2. */
export const UNSUPPORTED_CLIENT_EVENTS: readonly string[] = [
  "client_device_access_authorized",
  "client_device_access_denied",
  "client_ice_candidates",
  "invalidate_client_ice_candidates",
  "client_ice_candidate_error",
  "device_pool_domain_resolved",
  "device_pool_domain_resolution_failed",
  "resource_filters_updated",
  "reject_access",
];

/** Names of the events from portal to relay, portal spec §5.2. */
export const RELAY_EVENTS = { init: same("init") } as const;

function same(name: string): EventName {
  return { 1: name, 2: name };
}

function names(first: string, second: string): EventName {
  return { 1: first, 2: second };
}
