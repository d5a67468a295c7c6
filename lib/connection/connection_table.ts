import { Deadlines, type Instant, instant, toHex } from "../base/mod.ts";
import type { Connection } from "./connection.ts";
import type { PeerId } from "./peer_config.ts";

/**
 * Deadlines further away than this are rounded up to the next multiple of the grain. Our own choice.
 *
 * A connection that rests is due every few seconds, for a check of one of its
 * pairs. A thousand of them would wake the node each by itself; so they share
 * wake-ups, and what they send leaves together. What is near is exact.
 */
const COARSE_FROM_MS = 1_600;
const GRAIN_MS = 50;

/**
 * All connections of a node, found by whatever a message names, and when each needs attention.
 *
 * The data path only touches a connection; what follows from it is worked off
 * once per batch, when the node is polled.
 */
export class ConnectionTable {
  readonly #byId = new Map<PeerId, Connection>();
  readonly #byPublicKey = new Map<string, Connection>();
  readonly #byUsername = new Map<string, Connection>();
  /** Filled from the start up to `#touchedCount`; never shrinks, so that touching allocates nothing. */
  readonly #touched: (Connection | undefined)[] = [];
  #touchedCount = 0;
  readonly #deadlines = new Deadlines<Connection>();

  /** The number of connections. */
  get size(): number {
    return this.#byId.size;
  }

  /** When the first connection needs attention. */
  get dueAt(): Instant {
    return this.#deadlines.next;
  }

  /** Returns all connections. */
  values(): Iterable<Connection> {
    return this.#byId.values();
  }

  /** Returns the connection to a peer. */
  get(id: PeerId): Connection | undefined {
    return this.#byId.get(id);
  }

  /** Returns the connection to the owner of a static public key. */
  ofPublicKey(publicKey: Uint8Array): Connection | undefined {
    return this.#byPublicKey.get(toHex(publicKey));
  }

  /** Returns the connection that the USERNAME of a check names. It uses ICE. */
  ofUsername(username: string): Connection | undefined {
    return this.#byUsername.get(username);
  }

  /** Adds a connection to a peer that has none. */
  add(connection: Connection): void {
    this.#byId.set(connection.id, connection);
    this.#byPublicKey.set(toHex(connection.config.publicKey), connection);
    const username = usernameOf(connection);
    if (username !== undefined) this.#byUsername.set(username, connection);
    this.touch(connection);
  }

  /** Forgets a connection. */
  remove(connection: Connection): void {
    this.#deadlines.remove(connection);
    const publicKey = toHex(connection.config.publicKey);
    deleteEntry(this.#byId, connection.id, connection);
    deleteEntry(this.#byPublicKey, publicKey, connection);
    const username = usernameOf(connection);
    if (username === undefined) return;
    deleteEntry(this.#byUsername, username, connection);
  }

  /** Notes that something happened to the connection. Allocates nothing. */
  touch(connection: Connection): void {
    if (connection.isTouched) return;
    connection.isTouched = true;
    this.#touched[this.#touchedCount++] = connection;
  }

  /** Returns a connection to which something happened, until there is none left. The caller works it off, then calls `reschedule`. */
  takeTouched(): Connection | undefined {
    if (this.#touchedCount === 0) return undefined;
    const connection = this.#touched[--this.#touchedCount];
    this.#touched[this.#touchedCount] = undefined;
    if (connection) connection.isTouched = false;
    return connection;
  }

  /** Takes note of when the connection needs attention after `now`. */
  reschedule(connection: Connection, now: Instant): void {
    const dueAt = connection.pollTimeout();
    const isFar = dueAt - now > COARSE_FROM_MS;
    this.#deadlines.set(connection, isFar ? onGrain(dueAt) : dueAt);
  }

  /** Advances the connections that need it to `now`. */
  handleTimeout(now: Instant): void {
    let due = this.#deadlines.takeDue(now);
    while (due) {
      due.handleTimeout(now);
      this.touch(due);
      due = this.#deadlines.takeDue(now);
    }
  }
}

function onGrain(at: Instant): Instant {
  return instant(Math.ceil(at / GRAIN_MS) * GRAIN_MS);
}

/** Without ICE there are no checks, and those that come find nobody, p2p spec §9. */
function usernameOf({ finder }: Connection): string | undefined {
  return finder.mode === "ice" ? finder.agent.username : undefined;
}

function deleteEntry(
  map: Map<string, Connection>,
  key: string,
  connection: Connection,
): void {
  if (map.get(key) === connection) map.delete(key);
}
