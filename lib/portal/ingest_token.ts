import { fromBase64 } from "../base/mod.ts";
import { type Fields, readPayload } from "./fields.ts";

/** Whose copy of an authorization's token it is. */
export type IngestTokenRole = "initiator" | "responder";

const REQUIRED_TEXTS = [
  "account_id",
  "initiator_device_id",
  "responder_device_id",
  "policy_authorization_id",
  "policy_id",
  "resource_id",
  "resource_name",
  "initiator_actor_id",
  "initiator_actor_name",
  "authorized_at",
  "authorization_expires_at",
] as const;

const OPTIONAL_TEXTS = [
  "resource_address",
  "initiator_actor_email",
  "initiator_auth_provider_id",
  "initiator_client_version",
  "initiator_device_os_name",
  "initiator_device_os_version",
  "initiator_device_serial",
  "initiator_device_uuid",
  "initiator_device_identifier_for_vendor",
  "initiator_device_firebase_installation_id",
] as const;

const NUMBERS = ["iat", "exp"] as const;

/**
 * Tells whether `token` has the structure of a flow-log ingest token, portal
 * spec §6.5: an HS256 JWT with the claims that flow logs need.
 *
 * Its signature cannot be checked, since the key is a secret of the account.
 */
export function isIngestToken(token: string): boolean {
  const [header, claims, signature, ...rest] = token.split(".");
  if (!header || !claims || !signature || rest.length > 0) return false;
  if (!decodeBase64Url(signature)) return false;

  return satisfies(header, checkHeader) && satisfies(claims, checkClaims);
}

function checkHeader(fields: Fields): void {
  fields.variant("alg", ["HS256"]);
}

function checkClaims(fields: Fields): void {
  for (const name of REQUIRED_TEXTS) fields.string(name);
  for (const name of OPTIONAL_TEXTS) fields.optionalString(name);
  for (const name of NUMBERS) fields.unsigned(name);
  fields.boolean("uploads_enabled");
  fields.variant("role", ["initiator", "responder"]);
}

function satisfies(segment: string, check: (fields: Fields) => void): boolean {
  const bytes = decodeBase64Url(segment);
  if (!bytes) return false;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return readPayload(JSON.parse(text), check).ok;
  } catch {
    return false;
  }
}

/** RFC 4648 §5 without padding. */
function decodeBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  return fromBase64(standard.padEnd(Math.ceil(text.length / 4) * 4, "="));
}
