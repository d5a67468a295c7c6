import { INGEST_TOKEN_GRACE_S } from "./constants.ts";
import { base64UrlOfText, signText } from "./signed_text.ts";

/** What a flow-log ingest token says about an authorization (portal spec §6.5). */
export interface IngestClaims {
  /** The account. */
  readonly accountId: string;
  /** Whether records of its traffic are wanted. */
  readonly uploadsEnabled: boolean;
  /** Whose copy: the client's or the gateway's. */
  readonly role: "initiator" | "responder";
  /** The client. */
  readonly initiatorId: string;
  /** The gateway. */
  readonly responderId: string;
  /** The authorization. */
  readonly authorizationId: string;
  /** The policy that allowed it. */
  readonly policyId: string;
  /** The resource. */
  readonly resourceId: string;
  /** Its display name. */
  readonly resourceName: string;
  /** Its address; absent for an Internet resource. */
  readonly resourceAddress?: string;
  /** Who uses the client. */
  readonly actorId: string;
  /** Display name of that actor. */
  readonly actorName: string;
  /** Unix seconds. */
  readonly authorizedAt: number;
  /** Unix seconds. */
  readonly expiresAt: number;
}

/** Mints the HS256 JSON Web Token that both ends of an authorization are given. */
export function mintIngestToken(key: Uint8Array, claims: IngestClaims): string {
  const payload = {
    account_id: claims.accountId,
    iat: claims.authorizedAt,
    exp: claims.expiresAt + INGEST_TOKEN_GRACE_S,
    uploads_enabled: claims.uploadsEnabled,
    role: claims.role,
    initiator_device_id: claims.initiatorId,
    responder_device_id: claims.responderId,
    policy_authorization_id: claims.authorizationId,
    policy_id: claims.policyId,
    resource_id: claims.resourceId,
    resource_name: claims.resourceName,
    resource_address: claims.resourceAddress, // Absent from the JSON when undefined.
    initiator_actor_id: claims.actorId,
    initiator_actor_name: claims.actorName,
    authorized_at: isoTime(claims.authorizedAt),
    authorization_expires_at: isoTime(claims.expiresAt),
  };
  const header = base64UrlOfText(JSON.stringify({ alg: "HS256", typ: "JWT" }));
  return signText(key, `${header}.${base64UrlOfText(JSON.stringify(payload))}`);
}

function isoTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1_000).toISOString().replace("Z", "000Z");
}
