import type { Authorization, Authorizations } from "./authorizations.ts";
import type { Outbox } from "./outbox.ts";
import {
  addressesOf,
  clientInit,
  clientInterface,
  clientResource,
  gatewayInit,
  gatewayResource,
  relayPayloads,
} from "./payloads.ts";
import { FAR_EXPIRY_S } from "./constants.ts";
import { type Policy, resourcesOf } from "./policy.ts";
import type { RelayDirectory } from "./relay_directory.ts";
import type { ClientSession, GatewaySession, Sessions } from "./sessions.ts";
import { knowsSites } from "./version.ts";

/** What the updates are made from. */
export interface UpdatesDeps {
  /** Who is present. */
  readonly sessions: Sessions;
  /** What has been granted. */
  readonly authorizations: Authorizations;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Which relays are online. */
  readonly relays: RelayDirectory;
}

/** Tells gateways and clients the state they join, and what changes about it (portal spec §4.4, §5.1.2, §7.6). */
export class Updates {
  readonly #deps: UpdatesDeps;

  /** Creates a source of messages about `deps`. */
  constructor(deps: UpdatesDeps) {
    this.#deps = deps;
  }

  /** Sends a node that has joined everything it starts from. */
  init(
    session: GatewaySession | ClientSession,
    policy: Policy,
    nowS: number,
  ): void {
    const relays = this.#selectRelays(session, policy);
    if (session.role === "gateway") {
      this.#gatewayInit(session, policy, relays, nowS);
      return;
    }
    const client = policy.clients.get(session.identity.id);
    if (!client) return;
    session.visible = visibleTo(session, policy, nowS);
    const resources = [...session.visible.values()].map(parse);
    this.#deps.outbox.push(
      session,
      "init",
      clientInit(policy, client, relays, resources),
    );
  }

  /** Sends a node the relays it should use, none of them as disconnected. */
  relays(session: GatewaySession | ClientSession, policy: Policy): void {
    this.#relaysPresence(session, policy, []);
  }

  /** Tells whoever has lost a relay, or has too few, about the relays that are online. */
  relaysChanged(policy: Policy): void {
    for (const session of this.#nodes()) {
      const gone = session.relayIds.filter((id) => !this.#deps.relays.has(id));
      const isShort = session.relayIds.length < 2;
      if (gone.length > 0 || (isShort && this.#deps.relays.size > 0)) {
        this.#relaysPresence(session, policy, gone);
      }
    }
  }

  /** Tells everybody what is different under `next` at `nowS`. The two policies are the same when only time has passed. */
  policyChanged(previous: Policy, next: Policy, nowS: number): void {
    this.#updateFilters(previous, next);
    this.#revoke(next, nowS);
    for (const gateway of this.#deps.sessions.gateways()) {
      this.#updateGateway(gateway, previous, next, nowS);
    }
    for (const client of this.#deps.sessions.clients()) {
      this.#updateInterface(client, previous, next);
      this.#updateResources(client, next, nowS);
    }
  }

  /** Takes one authorization back, and tells its gateway. Tells whether it was in force. */
  revokeAccess(
    gatewayId: string,
    clientId: string,
    resourceId: string,
    nowS: number,
  ): boolean {
    const { authorizations } = this.#deps;
    const wasInForce = authorizations.revoke(
      gatewayId,
      clientId,
      resourceId,
      nowS,
    );
    this.#reject({ gatewayId, clientId, resourceId });
    return wasInForce;
  }

  /** Every gateway hears of every change of filters, whether or not it knows the resource (portal spec §4.4.3). */
  #updateFilters(previous: Policy, next: Policy): void {
    for (const resource of next.resources.values()) {
      const old = previous.resources.get(resource.id);
      if (!old || resource.kind === "internet") continue;
      if (JSON.stringify(old.filters) === JSON.stringify(resource.filters)) {
        continue;
      }
      for (const gateway of this.#deps.sessions.gateways()) {
        this.#deps.outbox.push(
          gateway,
          "resource_updated",
          gatewayResource(resource),
        );
      }
    }
  }

  #revoke(policy: Policy, nowS: number): void {
    for (const revoked of this.#deps.authorizations.takeRevoked(policy, nowS)) {
      this.#reject(revoked);
    }
  }

  #reject(
    { gatewayId, clientId, resourceId }: Pick<
      Authorization,
      "gatewayId" | "clientId" | "resourceId"
    >,
  ): void {
    const gateway = this.#deps.sessions.gateway(gatewayId);
    if (!gateway) return;
    this.#deps.outbox.push(gateway, "reject_access", {
      client_id: clientId,
      resource_id: resourceId,
    });
  }

  #updateGateway(
    session: GatewaySession,
    previous: Policy,
    next: Policy,
    nowS: number,
  ): void {
    const old = previous.gateways.get(session.identity.id);
    const gateway = next.gateways.get(session.identity.id);
    if (!old || !gateway) return;
    const isSame = previous.accountSlug === next.accountSlug &&
      isEqualJson(addressesOf(old), addressesOf(gateway));
    if (isSame) return;
    const relays = this.#selectRelays(session, next);
    this.#gatewayInit(session, next, relays, nowS);
  }

  #updateInterface(
    session: ClientSession,
    previous: Policy,
    next: Policy,
  ): void {
    const old = previous.clients.get(session.identity.id);
    const client = next.clients.get(session.identity.id);
    if (!old || !client) return;
    const settings = clientInterface(next, client);
    if (isEqualJson(clientInterface(previous, old), settings)) return;
    this.#deps.outbox.push(session, "config_changed", { interface: settings });
  }

  #updateResources(session: ClientSession, policy: Policy, nowS: number): void {
    const before = session.visible;
    session.visible = visibleTo(session, policy, nowS);
    for (const id of before.keys()) {
      if (session.visible.has(id)) continue;
      this.#deps.outbox.push(session, "resource_deleted", id);
    }
    for (const [id, json] of session.visible) {
      if (before.get(id) === json) continue;
      this.#deps.outbox.push(
        session,
        "resource_created_or_updated",
        parse(json),
      );
    }
  }

  #gatewayInit(
    session: GatewaySession,
    policy: Policy,
    relays: readonly unknown[],
    nowS: number,
  ): void {
    const { id } = session.identity;
    const gateway = policy.gateways.get(id);
    if (!gateway) return;
    this.#deps.authorizations.assume(policy, gateway, nowS);
    this.#deps.outbox.push(
      session,
      "init",
      gatewayInit(
        policy,
        gateway,
        relays,
        this.#deps.authorizations.listFor(id, nowS),
      ),
    );
  }

  #relaysPresence(
    session: GatewaySession | ClientSession,
    policy: Policy,
    disconnectedIds: readonly string[],
  ): void {
    this.#deps.outbox.push(session, "relays_presence", {
      disconnected_ids: disconnectedIds,
      connected: this.#selectRelays(session, policy),
    });
  }

  /** Chooses the relays of a node, which keeps those it has, and mints its credentials for them. */
  #selectRelays(
    session: GatewaySession | ClientSession,
    policy: Policy,
  ): unknown[] {
    const relays = this.#deps.relays.select(session.relayIds);
    session.relayIds = relays.map(({ id }) => id);
    const expiresAt = session.role === "client"
      ? policy.clients.get(session.identity.id)?.expiresAt
      : FAR_EXPIRY_S;
    return relayPayloads(relays, session.identity.publicKey, expiresAt);
  }

  #nodes(): (GatewaySession | ClientSession)[] {
    return [
      ...this.#deps.sessions.gateways(),
      ...this.#deps.sessions.clients(),
    ];
  }
}

function visibleTo(
  { identity }: ClientSession,
  policy: Policy,
  nowS: number,
): ReadonlyMap<string, string> {
  const siteKey = knowsSites(identity.userAgent) ? "sites" : "gateway_groups";
  return new Map(
    resourcesOf(policy, identity.id, nowS).map((resource) => [
      resource.id,
      JSON.stringify(clientResource(policy, resource, siteKey)),
    ]),
  );
}

function isEqualJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function parse(json: string): unknown {
  return JSON.parse(json);
}
