import type { Instant } from "../base/mod.ts";
import type { NodeIdentity, RelayIdentity } from "./connect.ts";

/** A request for access that the gateway has not acknowledged yet. */
export interface PendingRequest {
  /** The authorization that was created for it. */
  readonly authorizationId: string;
  /** When the client is told that the gateway is offline. */
  readonly deadline: Instant;
  /** What the client is told once the gateway acknowledges. */
  readonly granted: unknown;
}

interface SessionBase {
  /** The shell's number of the socket. */
  readonly socket: number;
  /** When the last bytes arrived; the idle timeout counts from here. */
  lastReceivedAt: Instant;
  /** Whether the role's topic is joined. */
  joined: boolean;
}

/** The socket of a gateway. */
export interface GatewaySession extends SessionBase {
  readonly role: "gateway";
  readonly identity: NodeIdentity;
  /** Whether it can do without ICE. */
  iceless: boolean;
  /** The relays it was last told of. */
  relayIds: readonly string[];
}

/** The socket of a client. */
export interface ClientSession extends SessionBase {
  readonly role: "client";
  readonly identity: NodeIdentity;
  /** Whether it can do without ICE. */
  iceless: boolean;
  /** The relays it was last told of. */
  relayIds: readonly string[];
  /** Requests in flight by resource. */
  readonly pending: Map<string, PendingRequest>;
  /** The resources it was last told of, by id, as JSON. */
  visible: ReadonlyMap<string, string>;
}

/** The socket of a relay. */
export interface RelaySession extends SessionBase {
  readonly role: "relay";
  readonly identity: RelayIdentity;
}

/** A socket of a data plane. */
export type Session = GatewaySession | ClientSession | RelaySession;

/** Creates the record of a fresh socket. */
export function newSession(
  socket: number,
  identity: NodeIdentity | RelayIdentity,
  now: Instant,
): Session {
  const base = { socket, lastReceivedAt: now, joined: false };
  if (identity.role === "relay") return { ...base, role: "relay", identity };
  const node = { ...base, identity, iceless: false, relayIds: [] };
  return identity.role === "gateway"
    ? { ...node, role: "gateway" }
    : { ...node, role: "client", pending: new Map(), visible: new Map() };
}

/** All sockets, and who is present: which gateways and clients have joined. */
export class Sessions {
  readonly #bySocket = new Map<number, Session>();
  readonly #gateways = new Map<string, GatewaySession>();
  readonly #clients = new Map<string, ClientSession>();

  /** How many sockets there are. */
  get size(): number {
    return this.#bySocket.size;
  }

  /** Adds a fresh socket. */
  add(session: Session): void {
    this.#bySocket.set(session.socket, session);
  }

  /** Returns what `socket` belongs to. */
  get(socket: number): Session | undefined {
    return this.#bySocket.get(socket);
  }

  /** Returns a copy of all, safe to change the registry under. */
  all(): Session[] {
    return [...this.#bySocket.values()];
  }

  /** Notes that the socket has joined its topic. */
  join(session: Session): void {
    session.joined = true;
    if (session.role === "gateway") {
      this.#gateways.set(session.identity.id, session);
    } else if (session.role === "client") {
      this.#clients.set(session.identity.id, session);
    }
  }

  /** Notes that the socket is no longer part of its topic. */
  leave(session: Session): void {
    session.joined = false;
    if (session.role === "relay") return;
    const { id } = session.identity;
    if (this.#gateways.get(id) === session) this.#gateways.delete(id);
    if (this.#clients.get(id) === session) this.#clients.delete(id);
  }

  /** Forgets the socket. */
  remove(session: Session): void {
    this.leave(session);
    this.#bySocket.delete(session.socket);
  }

  /** Returns the socket of a gateway that is present. */
  gateway(id: string): GatewaySession | undefined {
    return this.#gateways.get(id);
  }

  /** Returns the socket of a client that is present. */
  client(id: string): ClientSession | undefined {
    return this.#clients.get(id);
  }

  /** Returns all gateways that are present. */
  gateways(): GatewaySession[] {
    return [...this.#gateways.values()];
  }

  /** Returns all clients that are present. */
  clients(): ClientSession[] {
    return [...this.#clients.values()];
  }
}
