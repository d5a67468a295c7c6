import {
  after,
  earlier,
  type Instant,
  type Logger,
  NEVER,
  randomBelow,
  randomBytes,
  type RandomSource,
} from "../base/mod.ts";
import { type Authorizations, shapeOf } from "./authorizations.ts";
import { AUTHORIZATION_TIMEOUT_MS } from "./constants.ts";
import { isRecord } from "./envelope.ts";
import { type Grant, grantPayloads } from "./grant.ts";
import type { Outbox } from "./outbox.ts";
import { accessOf, type Policy, type ResourceEntry } from "./policy.ts";
import type { ClientSession, GatewaySession, Sessions } from "./sessions.ts";
import { makeRef, readRef } from "./signed_ref.ts";
import { uuidFromBytes } from "./uuid.ts";
import { canServe } from "./version.ts";

/** What the authorizer works with. */
export interface AuthorizerDeps {
  /** Who is present. */
  readonly sessions: Sessions;
  /** Where grants are kept. */
  readonly authorizations: Authorizations;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** For ids and for the choice among equal gateways. */
  readonly random: RandomSource;
  /** Where decisions are logged. */
  readonly log: Logger;
}

interface Refused {
  readonly reason: "not_found" | "forbidden" | "offline" | "version_mismatch";
  readonly violated_properties?: readonly string[];
}

/** Takes clients' requests to gateways and the acknowledgements back (portal spec §5.1.4). */
export class Authorizer {
  readonly #deps: AuthorizerDeps;

  /** Creates an authorizer without requests in flight. */
  constructor(deps: AuthorizerDeps) {
    this.#deps = deps;
  }

  /** Handles a client's request. Returns `false` when its payload is not one. */
  request(
    policy: Policy,
    session: ClientSession,
    payload: unknown,
    now: Instant,
    nowS: number,
  ): boolean {
    if (!isRecord(payload)) return false;
    const { resource_id: resourceId, connected_gateway_ids: preferred } =
      payload;
    if (typeof resourceId !== "string" || !Array.isArray(preferred)) {
      return false;
    }
    const grant = this.#decide(policy, session, resourceId, preferred, nowS);
    if ("reason" in grant) this.#refuse(session, resourceId, grant);
    else this.#grant(grant, now);
    return true;
  }

  /** Handles a gateway's acknowledgement: "invalid" when it was not made for this gateway by us. */
  acknowledge(
    session: GatewaySession,
    policy: Policy,
    ref: string,
  ): "ok" | "invalid" {
    const request = readRef(policy, ref);
    if (!request || request.gateway !== session.identity.id) return "invalid";

    const client = this.#deps.sessions.client(request.client);
    const pending = client?.pending.get(request.resource);
    if (!client || pending?.authorizationId !== request.authorization) {
      return "ok"; // Too late; the client has been told that the gateway is offline.
    }
    client.pending.delete(request.resource);
    const v2 = client.identity.generation === "v2";
    this.#deps.outbox.push(
      client,
      v2 ? "authorization_created" : "flow_created",
      pending.granted,
    );
    return "ok";
  }

  /** Tells clients about gateways that did not acknowledge in time. */
  handleTimeout(now: Instant): void {
    for (const client of this.#deps.sessions.clients()) {
      for (const [resourceId, { deadline }] of client.pending) {
        if (now < deadline) continue;
        client.pending.delete(resourceId);
        this.#refuse(client, resourceId, { reason: "offline" });
      }
    }
  }

  /** The next deadline of a request in flight. */
  pollTimeout(): Instant {
    let next = NEVER;
    for (const { pending } of this.#deps.sessions.clients()) {
      for (const { deadline } of pending.values()) {
        next = earlier(next, deadline);
      }
    }
    return next;
  }

  #decide(
    policy: Policy,
    clientSession: ClientSession,
    resourceId: string,
    preferred: readonly unknown[],
    nowS: number,
  ): Grant | Refused {
    const client = policy.clients.get(clientSession.identity.id);
    const resource = policy.resources.get(resourceId);
    const access = accessOf(
      policy,
      clientSession.identity.id,
      resourceId,
      nowS,
    );
    if (!client || !resource || access.kind === "not-found") {
      return { reason: "not_found" };
    }
    if (access.kind === "forbidden") {
      return {
        reason: "forbidden",
        violated_properties: ["current_utc_datetime"],
      };
    }
    const gatewaySession = this.#choose(
      policy,
      clientSession,
      resource,
      preferred,
    );
    if ("reason" in gatewaySession) return gatewaySession;
    const gateway = policy.gateways.get(gatewaySession.identity.id);
    if (!gateway) return { reason: "offline" };
    const { ruleId, expiresAt } = access;
    return {
      id: uuidFromBytes(randomBytes(this.#deps.random, 16)),
      policy,
      client,
      clientSession,
      gateway,
      gatewaySession,
      resource,
      ruleId,
      expiresAt,
      grantedAt: nowS,
    };
  }

  /** Connected gateways first, then the greatest version string, then chance: the lab knows no places. */
  #choose(
    policy: Policy,
    client: ClientSession,
    { siteId }: ResourceEntry,
    preferred: readonly unknown[],
  ): GatewaySession | Refused {
    const online = this.#deps.sessions.gateways().filter(({ identity }) =>
      policy.gateways.get(identity.id)?.siteId === siteId
    );
    if (online.length === 0) return { reason: "offline" };

    const compatible = online.filter(({ identity }) =>
      canServe(identity.userAgent.version, client.identity.userAgent.version)
    );
    if (compatible.length === 0) return { reason: "version_mismatch" };

    const connected = compatible.filter(({ identity }) =>
      preferred.includes(identity.id)
    );
    const candidates = connected.length > 0 ? connected : compatible;
    const greatest = candidates.map(versionText).sort().at(-1);
    const best = candidates.filter((gateway) =>
      versionText(gateway) === greatest
    );
    return best[randomBelow(this.#deps.random, best.length)] ??
      { reason: "offline" };
  }

  #grant(grant: Grant, now: Instant): void {
    const { client, clientSession, gateway, gatewaySession, resource } = grant;
    const payloads = grantPayloads(grant);
    this.#deps.authorizations.grant({
      gatewayId: gateway.id,
      clientId: client.id,
      resourceId: resource.id,
      expiresAt: grant.expiresAt,
      shape: shapeOf(resource),
    });
    clientSession.pending.set(resource.id, {
      authorizationId: grant.id,
      deadline: after(now, AUTHORIZATION_TIMEOUT_MS),
      granted: payloads.client,
    });
    const ref = makeRef(grant.policy, {
      client: client.id,
      gateway: gateway.id,
      resource: resource.id,
      authorization: grant.id,
    });
    const v2 = gatewaySession.identity.generation === "v2";
    this.#deps.outbox.push(
      gatewaySession,
      v2 ? "create_authorization" : "authorize_flow",
      { ref, ...payloads.gateway },
    );
    this.#deps.log.log("debug", "Access granted", {
      client: client.name,
      gateway: gateway.name,
      resource: resource.id,
    });
  }

  #refuse(session: ClientSession, resourceId: string, refused: Refused): void {
    const v2 = session.identity.generation === "v2";
    this.#deps.outbox.push(
      session,
      v2 ? "authorization_creation_failed" : "flow_creation_failed",
      { resource_id: resourceId, ...refused },
    );
    this.#deps.log.log("debug", "Access refused", {
      client: session.identity.id,
      resource: resourceId,
      reason: refused.reason,
    });
  }
}

/** Compared as text, as the portal does (portal spec §1.5). */
function versionText({ identity }: GatewaySession): string {
  return identity.userAgent.version ?? "";
}
