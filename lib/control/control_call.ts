import { err, ok, type Result, toHex, utf8 } from "../base/mod.ts";
import { sha256 } from "../crypto/mod.ts";
import type { Policy } from "./policy.ts";
import {
  type HttpAnswer,
  NOT_FOUND,
  problem,
  type Refusal,
} from "./refusal.ts";
import type { Updates } from "./updates.ts";

/** A request of a person or a test to the portal itself. */
export interface ControlRequest {
  /** Such as `POST`. */
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  /** The decoded query. */
  readonly query: URLSearchParams;
  /** Header fields by lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** The client, the gateway and the resources that access is revoked for, by id, and the resources' names. */
interface Revocation {
  readonly clientId: string;
  readonly gatewayId: string;
  readonly resources: readonly { readonly id: string; readonly name: string }[];
}

const REVOKE_PATH = "/control/revoke-access";

/** Tells whether a request is for `answerControlCall`. */
export function isControlPath(path: string): boolean {
  return path.startsWith("/control/");
}

/**
 * Answers a control call: what a portal's administrators do by hand.
 *
 * `POST /control/revoke-access?client=NAME&gateway=NAME&resource=NAME`, with
 * `resource` as often as needed and `Authorization: Bearer` with the policy's
 * `control_token`, deletes these authorizations and tells the gateway. The
 * policy stays, so that the client may ask again. The answer lists the names
 * of those that were in force. Without a `control_token` in the policy there
 * are no control calls.
 */
export function answerControlCall(
  request: ControlRequest,
  policy: Policy,
  updates: Updates,
  nowS: number,
): HttpAnswer {
  const revocation = readRevocation(request, policy);
  if (!revocation.ok) return revocation.error;
  const { clientId, gatewayId, resources } = revocation.value;
  const revoked = resources.filter(({ id }) =>
    updates.revokeAccess(gatewayId, clientId, id, nowS)
  );
  return {
    status: 200,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ revoked: revoked.map(({ name }) => name) }),
  };
}

function readRevocation(
  { method, path, query, headers }: ControlRequest,
  policy: Policy,
): Result<Revocation, Refusal> {
  if (policy.controlTokenHash === null) return err(NOT_FOUND);
  const token = /^Bearer (.+)$/.exec(headers["authorization"] ?? "")?.[1];
  if (token === undefined) return err(problem("missing_token"));
  if (toHex(sha256(utf8(token))) !== policy.controlTokenHash) {
    return err(problem("invalid_token"));
  }
  if (path !== REVOKE_PATH) return err(NOT_FOUND);
  if (method !== "POST") return err(problem("method_not_allowed"));

  const clientId = idOf(policy.clients, query.get("client"));
  if (clientId === undefined) return err(problem("unknown_client"));
  const gatewayId = idOf(policy.gateways, query.get("gateway"));
  if (gatewayId === undefined) return err(problem("unknown_gateway"));
  const resources = query.getAll("resource").map((name) => ({
    id: idOf(policy.resources, name) ?? "",
    name,
  }));
  if (resources.length === 0 || resources.some(({ id }) => id === "")) {
    return err(problem("unknown_resource"));
  }
  return ok({ clientId, gatewayId, resources });
}

function idOf(
  entries: ReadonlyMap<string, { readonly id: string; readonly name: string }>,
  name: string | null,
): string | undefined {
  return entries.values().find((entry) => entry.name === name)?.id;
}
