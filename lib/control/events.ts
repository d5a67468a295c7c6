import type { Instant } from "../base/mod.ts";
import type { Authorizer } from "./authorizer.ts";
import { MAX_PARAMETER_LENGTH } from "./constants.ts";
import { deriveRelayId } from "./credentials.ts";
import { type Envelope, isRecord, type Reply } from "./envelope.ts";
import type { Outbox } from "./outbox.ts";
import type { Policy } from "./policy.ts";
import type { OnlineRelay } from "./relay_directory.ts";
import type {
  ClientSession,
  GatewaySession,
  RelaySession,
  Session,
  Sessions,
} from "./sessions.ts";
import type { Updates } from "./updates.ts";

/** What the events act on. */
export interface EventsDeps {
  /** Who is present. */
  readonly sessions: Sessions;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Decides about access. */
  readonly authorizer: Authorizer;
  /** Announces relays. */
  readonly updates: Updates;
}

const OK: Reply = { status: "ok" };
const INVALID_REF: Reply = { status: "error", reason: "invalid_ref" };
const UNKNOWN: Reply = { status: "error", reason: "unknown_message" };

/**
 * The events of the joined topics (portal spec §4.5, §5.1.3).
 *
 * Most get no reply at all; `undefined` says so. An unknown event, or a known
 * one whose payload lacks something, is answered `unknown_message`.
 */
export class Events {
  readonly #deps: EventsDeps;

  /** Creates the handler of `deps`. */
  constructor(deps: EventsDeps) {
    this.#deps = deps;
  }

  /** Handles an event and returns the reply it gets. */
  handle(
    policy: Policy,
    session: Session,
    envelope: Envelope,
    now: Instant,
    nowS: number,
  ): Reply | undefined {
    switch (session.role) {
      case "gateway":
        return this.#fromGateway(policy, session, envelope);
      case "client":
        return this.#fromClient(policy, session, envelope, now, nowS);
      case "relay":
        return UNKNOWN;
    }
  }

  /** Reads the join of a relay, or returns `undefined` for one without a stamp secret. */
  readRelay(session: RelaySession, payload: unknown): OnlineRelay | undefined {
    const stampSecret = isRecord(payload) ? payload["stamp_secret"] : undefined;
    if (
      typeof stampSecret !== "string" || stampSecret === "" ||
      stampSecret.length > MAX_PARAMETER_LENGTH
    ) {
      return undefined;
    }
    const { ipv4, ipv6, port } = session.identity;
    const { socket } = session;
    const id = deriveRelayId(stampSecret);
    return { id, stampSecret, socket, ipv4, ipv6, port };
  }

  #fromGateway(
    policy: Policy,
    session: GatewaySession,
    { event, payload }: Envelope,
  ): Reply | undefined {
    if (!isRecord(payload)) return UNKNOWN;
    const acknowledgement = session.identity.generation === "v2"
      ? "authorization_created"
      : "flow_authorized";
    switch (event) {
      case acknowledgement:
        return this.#acknowledge(policy, session, payload["ref"]);
      case "broadcast_ice_candidates":
        return this.#toClients(session, "ice_candidates", payload);
      case "broadcast_invalidated_ice_candidates":
        return this.#toClients(session, "invalidate_ice_candidates", payload);
      default:
        return this.#fromNode(policy, session, event, payload);
    }
  }

  #fromClient(
    policy: Policy,
    session: ClientSession,
    { event, payload }: Envelope,
    now: Instant,
    nowS: number,
  ): Reply | undefined {
    const request = session.identity.generation === "v2"
      ? "request_authorization"
      : "create_flow";
    if (event === "request_device_access") return undefined;
    if (!isRecord(payload)) return UNKNOWN;
    switch (event) {
      case request: {
        const { authorizer } = this.#deps;
        return authorizer.request(policy, session, payload, now, nowS)
          ? undefined
          : UNKNOWN;
      }
      case "new_gateway_ice_candidates":
        return this.#toGateways(session, "ice_candidates", {
          ...payload,
          gateway_ids: [payload["gateway_id"]],
        });
      case "invalidate_gateway_ice_candidates":
        return this.#toGateways(session, "invalidate_ice_candidates", {
          ...payload,
          gateway_ids: [payload["gateway_id"]],
        });
      case "broadcast_ice_candidates":
        return this.#toGateways(session, "ice_candidates", payload);
      case "broadcast_invalidated_ice_candidates":
        return this.#toGateways(session, "invalidate_ice_candidates", payload);
      default:
        return this.#fromNode(policy, session, event, payload);
    }
  }

  #fromNode(
    policy: Policy,
    session: GatewaySession | ClientSession,
    event: string,
    payload: Readonly<Record<string, unknown>>,
  ): Reply | undefined {
    switch (event) {
      case "set_snownet_capabilities":
        session.iceless = payload["iceless"] === true;
        return undefined;
      case "no_relays":
        this.#deps.updates.relays(session, policy);
        return undefined;
      default:
        return UNKNOWN;
    }
  }

  #acknowledge(policy: Policy, session: GatewaySession, ref: unknown): Reply {
    if (typeof ref !== "string") return UNKNOWN;
    return this.#deps.authorizer.acknowledge(session, policy, ref) === "ok"
      ? OK
      : INVALID_REF;
  }

  /** Candidates are passed on unread, as the portal does; each end validates them. */
  #toClients(
    from: GatewaySession,
    event: string,
    payload: Readonly<Record<string, unknown>>,
  ): Reply | undefined {
    const { client_ids: ids, candidates } = payload;
    if (!isStrings(ids) || !Array.isArray(candidates)) return UNKNOWN;
    for (const id of ids) {
      const client = this.#deps.sessions.client(id);
      if (!client) continue;
      const content = { gateway_id: from.identity.id, candidates };
      this.#deps.outbox.push(client, event, content);
    }
    return undefined;
  }

  #toGateways(
    from: ClientSession,
    event: string,
    payload: Readonly<Record<string, unknown>>,
  ): Reply | undefined {
    const { gateway_ids: ids, candidates } = payload;
    if (!isStrings(ids) || !Array.isArray(candidates)) return UNKNOWN;
    for (const id of ids) {
      const gateway = this.#deps.sessions.gateway(id);
      if (!gateway) continue;
      const content = { client_id: from.identity.id, candidates };
      this.#deps.outbox.push(gateway, event, content);
    }
    return undefined;
  }
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) &&
    value.every((element) => typeof element === "string");
}
