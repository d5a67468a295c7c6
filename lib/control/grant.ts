import { formatIp, utf8 } from "../base/mod.ts";
import { sha256 } from "../crypto/mod.ts";
import {
  type Credentials,
  deriveIceCredentials,
  derivePresharedKey,
} from "./credentials.ts";
import { type IngestClaims, mintIngestToken } from "./ingest_token.ts";
import { addressesOf, gatewayResource } from "./payloads.ts";
import type {
  ClientEntry,
  GatewayEntry,
  Policy,
  ResourceEntry,
} from "./policy.ts";
import type { ClientSession, GatewaySession } from "./sessions.ts";
import { uuidFromBytes } from "./uuid.ts";
import { knowsSites } from "./version.ts";

/** Everything that one grant is made of. */
export interface Grant {
  /** UUID of the authorization. */
  readonly id: string;
  /** The policy it was granted under. */
  readonly policy: Policy;
  /** Who may. */
  readonly client: ClientEntry;
  /** Its socket. */
  readonly clientSession: ClientSession;
  /** Through which gateway. */
  readonly gateway: GatewayEntry;
  /** Its socket. */
  readonly gatewaySession: GatewaySession;
  /** What it may use. */
  readonly resource: ResourceEntry;
  /** The rule that allows it. */
  readonly ruleId: string;
  /** Until when, unix seconds. */
  readonly expiresAt: number;
  /** When it was granted, unix seconds. */
  readonly grantedAt: number;
}

/** The two messages of a grant. */
export interface GrantPayloads {
  /** `create_authorization`, but for its `ref` (portal spec §4.4.2). */
  readonly gateway: Readonly<Record<string, unknown>>;
  /** `authorization_created` (portal spec §5.1.2). */
  readonly client: Readonly<Record<string, unknown>>;
}

interface Shared {
  readonly presharedKey: string;
  readonly credentials: {
    readonly client_ice_credentials: Credentials;
    readonly gateway_ice_credentials: Credentials;
    readonly use_iceless: boolean;
  };
}

/** Builds what gateway and client are told. Both get the same keys, which depend on ids and public keys alone. */
export function grantPayloads(grant: Grant): GrantPayloads {
  const shared = deriveShared(grant);
  return {
    gateway: gatewayPayload(grant, shared),
    client: clientPayload(grant, shared),
  };
}

function deriveShared(grant: Grant): Shared {
  const { policy, client, gateway, clientSession, gatewaySession } = grant;
  const initiator = {
    id: client.id,
    publicKey: clientSession.identity.publicKey,
    pskBase: client.pskBase,
  };
  const receiver = {
    id: gateway.id,
    publicKey: gatewaySession.identity.publicKey,
    pskBase: gateway.pskBase,
  };
  const ice = deriveIceCredentials(initiator, receiver);
  return {
    presharedKey: derivePresharedKey(initiator, receiver),
    credentials: {
      client_ice_credentials: ice.initiator,
      gateway_ice_credentials: ice.receiver,
      use_iceless: policy.iceless && clientSession.iceless &&
        gatewaySession.iceless,
    },
  };
}

function gatewayPayload(
  grant: Grant,
  shared: Shared,
): Record<string, unknown> {
  const { client, clientSession, resource } = grant;
  return {
    resource: gatewayResource(resource),
    client: {
      id: client.id,
      public_key: clientSession.identity.publicKey,
      preshared_key: shared.presharedKey,
      ...addressesOf(client),
      version: clientSession.identity.userAgent.version,
      device_os_name: null,
      device_os_version: null,
      device_serial: null,
      device_uuid: null,
      identifier_for_vendor: null,
      firebase_installation_id: null,
    },
    ...shared.credentials,
    expires_at: grant.expiresAt,
    subject: subjectOf(grant),
    flow_logs_ingest_token: ingestToken(grant, "responder"),
  };
}

function clientPayload(
  grant: Grant,
  shared: Shared,
): Record<string, unknown> {
  const { gateway, gatewaySession, clientSession, resource } = grant;
  const { ipv4, ipv6 } = addressesOf(gateway);
  const siteKey = knowsSites(clientSession.identity.userAgent)
    ? "site_id"
    : "gateway_group_id";
  return {
    resource_id: resource.id,
    gateway_id: gateway.id,
    [siteKey]: gateway.siteId,
    gateway_public_key: gatewaySession.identity.publicKey,
    gateway_ipv4: ipv4,
    gateway_ipv6: ipv6,
    preshared_key: shared.presharedKey,
    ...shared.credentials,
    flow_logs_ingest_token: ingestToken(grant, "initiator"),
  };
}

/** Gateways up to 1.5 log it; later ones take the ingest token instead. */
function subjectOf(grant: Grant): unknown {
  const { client, clientSession } = grant;
  return {
    actor_id: actorIdOf(grant),
    actor_name: client.name,
    actor_email: null,
    actor_type: "account_user",
    auth_provider_id: null,
    ip: formatIp(clientSession.identity.remoteIp),
    ip_region: null,
    ip_city: null,
    ip_lat: null,
    ip_lon: null,
    user_agent: null,
  };
}

function ingestToken(grant: Grant, role: IngestClaims["role"]): string {
  const { policy, client, gateway, resource } = grant;
  return mintIngestToken(utf8(`${policy.secret}|ingest`), {
    accountId: policy.accountId,
    uploadsEnabled: policy.flowLogs.uploadsEnabled,
    role,
    initiatorId: client.id,
    responderId: gateway.id,
    authorizationId: grant.id,
    policyId: grant.ruleId,
    resourceId: resource.id,
    resourceName: resource.name,
    ...(resource.kind === "internet"
      ? {}
      : { resourceAddress: resource.address }),
    actorId: actorIdOf(grant),
    actorName: client.name,
    authorizedAt: grant.grantedAt,
    expiresAt: grant.expiresAt,
  });
}

function actorIdOf({ policy, client }: Grant): string {
  return uuidFromBytes(sha256(utf8(`${policy.secret}|actor|${client.id}`)));
}
