import type { Secret } from "./secret.ts";

/** Whose copy of an authorization's token it is: the client's or the gateway's. */
export type IngestTokenRole = "initiator" | "responder";

/**
 * What the portal says about an authorization in its flow-log ingest token (portal spec §6.5).
 *
 * Flow logs attribute traffic by it: who used what, and by which policy.
 */
export interface IngestTokenClaims {
  /** The account. */
  readonly accountId: string;
  /** When the token was made, Unix seconds. */
  readonly issuedAt: number;
  /** When it ends, Unix seconds. */
  readonly expiresAt: number;
  /** Whether the account wants records of this authorization uploaded. */
  readonly uploadsEnabled: boolean;
  /** Whose copy it is. */
  readonly role: IngestTokenRole;
  /** The client. */
  readonly initiatorDeviceId: string;
  /** The gateway. */
  readonly responderDeviceId: string;
  /** The authorization. */
  readonly policyAuthorizationId: string;
  /** The policy that allowed it. */
  readonly policyId: string;
  /** The resource. */
  readonly resourceId: string;
  /** Its display name. */
  readonly resourceName: string;
  /** Who uses the client. */
  readonly initiatorActorId: string;
  /** Display name of that actor. */
  readonly initiatorActorName: string;
  /** ISO 8601. */
  readonly authorizedAt: string;
  /** ISO 8601. */
  readonly authorizationExpiresAt: string;
  /** What the resource's address is configured as. */
  readonly resourceAddress?: string;
  /** Mail address of the actor. */
  readonly initiatorActorEmail?: string;
  /** How the actor signed in. */
  readonly initiatorAuthProviderId?: string;
  /** Version of the client. */
  readonly initiatorClientVersion?: string;
  /** Operating system of the client. */
  readonly initiatorDeviceOsName?: string;
  /** Its version. */
  readonly initiatorDeviceOsVersion?: string;
  /** Serial number of the device. */
  readonly initiatorDeviceSerial?: string;
  /** Hardware UUID of the device. */
  readonly initiatorDeviceUuid?: string;
  /** Apple's name for the device. */
  readonly initiatorDeviceIdentifierForVendor?: string;
  /** Google's name for the installation. */
  readonly initiatorDeviceFirebaseInstallationId?: string;
}

/**
 * A flow-log ingest token: a bearer secret, and what it says.
 *
 * The text stays on the thread that read it (see `Secret`); the claims go
 * wherever the message goes.
 */
export interface IngestToken {
  /** The token as it is sent. */
  readonly secret: Secret;
  /** What it says. */
  readonly claims: IngestTokenClaims;
}
