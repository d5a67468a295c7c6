import {
  fromBase64,
  type IngestToken,
  type IngestTokenClaims,
  Secret,
} from "../base/mod.ts";
import { type Fields, readPayload } from "./fields.ts";

/** Claims that may be absent, by the names they have in ours. */
const OPTIONAL_TEXTS = [
  ["resourceAddress", "resource_address"],
  ["initiatorActorEmail", "initiator_actor_email"],
  ["initiatorAuthProviderId", "initiator_auth_provider_id"],
  ["initiatorClientVersion", "initiator_client_version"],
  ["initiatorDeviceOsName", "initiator_device_os_name"],
  ["initiatorDeviceOsVersion", "initiator_device_os_version"],
  ["initiatorDeviceSerial", "initiator_device_serial"],
  ["initiatorDeviceUuid", "initiator_device_uuid"],
  [
    "initiatorDeviceIdentifierForVendor",
    "initiator_device_identifier_for_vendor",
  ],
  [
    "initiatorDeviceFirebaseInstallationId",
    "initiator_device_firebase_installation_id",
  ],
] as const satisfies readonly (readonly [keyof IngestTokenClaims, string])[];

/**
 * Reads a flow-log ingest token, portal spec §6.5: an HS256 JWT with the
 * claims that flow logs need. Returns `undefined` when its structure is wrong.
 *
 * Its signature cannot be checked, since the key is a secret of the account.
 */
export function parseIngestToken(token: string): IngestToken | undefined {
  const [header, payload, signature, ...rest] = token.split(".");
  if (!header || !payload || !signature || rest.length > 0) return undefined;
  if (!decodeBase64Url(signature)) return undefined;

  const algorithm = readSegment(header, readHeader);
  const claims = readSegment(payload, readClaims);
  if (algorithm === undefined || claims === undefined) return undefined;
  return { secret: new Secret(token), claims };
}

function readHeader(fields: Fields): string {
  return fields.variant("alg", ["HS256"]);
}

function readClaims(fields: Fields): IngestTokenClaims {
  return {
    accountId: fields.string("account_id"),
    issuedAt: fields.unsigned("iat"),
    expiresAt: fields.unsigned("exp"),
    uploadsEnabled: fields.boolean("uploads_enabled"),
    role: fields.variant("role", ["initiator", "responder"]),
    initiatorDeviceId: fields.string("initiator_device_id"),
    responderDeviceId: fields.string("responder_device_id"),
    policyAuthorizationId: fields.string("policy_authorization_id"),
    policyId: fields.string("policy_id"),
    resourceId: fields.string("resource_id"),
    resourceName: fields.string("resource_name"),
    initiatorActorId: fields.string("initiator_actor_id"),
    initiatorActorName: fields.string("initiator_actor_name"),
    authorizedAt: fields.string("authorized_at"),
    authorizationExpiresAt: fields.string("authorization_expires_at"),
    ...readOptionalClaims(fields),
  };
}

function readOptionalClaims(fields: Fields): Partial<IngestTokenClaims> {
  const present = OPTIONAL_TEXTS.flatMap(([name, claim]) => {
    const text = fields.optionalString(claim);
    return text === undefined ? [] : [[name, text] as const];
  });
  return Object.fromEntries(present);
}

function readSegment<T>(
  segment: string,
  read: (fields: Fields) => T,
): T | undefined {
  const bytes = decodeBase64Url(segment);
  if (!bytes) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const result = readPayload(JSON.parse(text), read);
    return result.ok ? result.value : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 4648 §5 without padding. */
function decodeBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  return fromBase64(standard.padEnd(Math.ceil(text.length / 4) * 4, "="));
}
