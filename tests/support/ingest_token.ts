import {
  type IngestToken,
  type IngestTokenClaims,
  Secret,
} from "../../lib/base/mod.ts";

/** What a test's token says unless told otherwise. */
export const CLAIMS: IngestTokenClaims = {
  accountId: "99999999-0000-4000-8000-000000000001",
  issuedAt: 1_787_000_000,
  expiresAt: 1_789_632_000,
  uploadsEnabled: true,
  role: "responder",
  initiatorDeviceId: "11111111-aaaa-4aaa-8aaa-111111111111",
  responderDeviceId: "22222222-bbbb-4bbb-8bbb-222222222222",
  policyAuthorizationId: "44444444-dddd-4ddd-8ddd-444444444444",
  policyId: "55555555-eeee-4eee-8eee-555555555555",
  resourceId: "66666666-ffff-4fff-8fff-666666666666",
  resourceName: "Internal wiki",
  initiatorActorId: "77777777-0000-4000-8000-777777777777",
  initiatorActorName: "Dev User",
  authorizedAt: "2026-08-18T00:00:00.000000Z",
  authorizationExpiresAt: "2026-08-18T08:00:00.000000Z",
};

/** A token as messages carry it, with a text that no test reads. */
export function ingestToken(
  claims: Partial<IngestTokenClaims> = {},
  text = "token",
): IngestToken {
  return { secret: new Secret(text), claims: { ...CLAIMS, ...claims } };
}

/** The claims as they stand in a token. */
export function claimsJson(
  claims: Partial<IngestTokenClaims> = {},
): Record<string, unknown> {
  const all = { ...CLAIMS, ...claims };
  const entries = Object.entries(all).map(([name, value]) => [
    NAMES[name] ?? name.replace(/[A-Z]/g, (it) => `_${it.toLowerCase()}`),
    value,
  ]);
  return Object.fromEntries(entries);
}

/** Writes a whole token, as the portal would but for the signature. */
export function ingestTokenText(
  claims: Partial<IngestTokenClaims> = {},
): string {
  const header = base64Url({ alg: "HS256", typ: "JWT" });
  return `${header}.${base64Url(claimsJson(claims))}.c2lnbmF0dXJl`;
}

const NAMES: Readonly<Record<string, string>> = {
  issuedAt: "iat",
  expiresAt: "exp",
};

function base64Url(value: unknown): string {
  return btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_")
    .replaceAll("=", "");
}
