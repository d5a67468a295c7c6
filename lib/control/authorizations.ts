import type { AuthorizationPayload } from "./payloads.ts";
import {
  accessOf,
  type GatewayEntry,
  type Policy,
  type ResourceEntry,
  resourcesOf,
} from "./policy.ts";

/** One client may use one resource through one gateway, for a time. */
export interface Authorization {
  /** The gateway that was told. */
  readonly gatewayId: string;
  /** Who may. */
  readonly clientId: string;
  /** What it may use. */
  readonly resourceId: string;
  /** Until when, unix seconds. */
  readonly expiresAt: number;
  /** What the resource was like when it was granted. */
  readonly shape: string;
}

/** All authorizations in force, at most one for each gateway, client and resource. */
export class Authorizations {
  readonly #rows = new Map<string, Authorization>();
  /** Those revoked while the policy still allows them; at most one for each gateway, client and resource that it names. */
  readonly #revoked = new Set<string>();

  /** Adds an authorization, or replaces that of the same three. */
  grant(authorization: Authorization): void {
    const { gatewayId, clientId, resourceId } = authorization;
    const key = keyOf(gatewayId, clientId, resourceId);
    this.#rows.set(key, authorization);
    this.#revoked.delete(key);
  }

  /** Removes an authorization, and lists it for nobody until it is granted again. Tells whether it was in force. */
  revoke(
    gatewayId: string,
    clientId: string,
    resourceId: string,
    nowS: number,
  ): boolean {
    const key = keyOf(gatewayId, clientId, resourceId);
    const row = this.#rows.get(key);
    this.#rows.delete(key);
    this.#revoked.add(key);
    return row !== undefined && row.expiresAt > nowS;
  }

  /**
   * Assumes that a gateway was told all that `policy` allows through its site.
   *
   * Authorizations outlive a portal that restarts, but this portal keeps no
   * database. Listing too much is harmless, since a gateway never gains access
   * by `init`; listing too little would cut connections (portal spec §4.4.1).
   */
  assume(policy: Policy, gateway: GatewayEntry, nowS: number): void {
    for (const clientId of policy.clients.keys()) {
      for (const resource of resourcesOf(policy, clientId, nowS)) {
        const access = accessOf(policy, clientId, resource.id, nowS);
        const key = keyOf(gateway.id, clientId, resource.id);
        if (access.kind !== "allowed" || this.#rows.has(key)) continue;
        if (this.#revoked.has(key)) continue;
        if (resource.siteId !== gateway.siteId) continue;
        this.grant({
          gatewayId: gateway.id,
          clientId,
          resourceId: resource.id,
          expiresAt: access.expiresAt,
          shape: shapeOf(resource),
        });
      }
    }
  }

  /** Returns what the `init` of a gateway lists. */
  listFor(gatewayId: string, nowS: number): AuthorizationPayload[] {
    return [...this.#rows.values()]
      .filter((row) => row.gatewayId === gatewayId && row.expiresAt > nowS)
      .map((row) => ({
        client_id: row.clientId,
        resource_id: row.resourceId,
        expires_at: row.expiresAt,
      }));
  }

  /**
   * Removes and returns what `policy` no longer allows in this form.
   *
   * Those that merely expired are forgotten but not returned: the gateways
   * know their time (portal spec §4.4.4).
   */
  takeRevoked(policy: Policy, nowS: number): Authorization[] {
    const revoked: Authorization[] = [];
    for (const [key, row] of this.#rows) {
      const isExpired = row.expiresAt <= nowS;
      if (!isExpired && isStillAllowed(policy, row, nowS)) continue;
      this.#rows.delete(key);
      if (!isExpired) revoked.push(row);
    }
    return revoked;
  }
}

function keyOf(
  gatewayId: string,
  clientId: string,
  resourceId: string,
): string {
  return `${gatewayId} ${clientId} ${resourceId}`;
}

/** Describes what must not change about a resource while it is in use (portal spec §4.4.3). */
export function shapeOf(resource: ResourceEntry): string {
  const { kind, address, ipStack, siteId } = resource;
  return `${kind} ${address} ${ipStack} ${siteId}`;
}

function isStillAllowed(
  policy: Policy,
  row: Authorization,
  nowS: number,
): boolean {
  const resource = policy.resources.get(row.resourceId);
  const access = accessOf(policy, row.clientId, row.resourceId, nowS);
  return resource !== undefined && shapeOf(resource) === row.shape &&
    policy.gateways.get(row.gatewayId)?.siteId === resource.siteId &&
    access.kind === "allowed" && access.expiresAt >= row.expiresAt;
}
