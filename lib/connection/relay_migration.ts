import { after, type Instant, NEVER } from "../base/mod.ts";
import type { LocalCandidate } from "../turn/mod.ts";
import type { Allocations, AllocationsEvent, Relay } from "./allocations.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionTable } from "./connection_table.ts";

/**
 * When candidates are signalled again after the portal changed our relays, in ms.
 *
 * Our own choice. When portal and relay restart together, the side that joins
 * first tells the other of its new addresses too early, and the portal keeps
 * nothing for a peer that is away. By these times a peer is back that lost the
 * portal when we did, and has not given the connection up yet (18.5 s).
 */
const REPEAT_AFTER_MS: readonly number[] = [4_000, 10_000];

/** Keeps connections in step with the relays, p2p spec §4.7 and §4.9. */
export class RelayMigration {
  readonly #allocations: Allocations;
  readonly #connections: ConnectionTable;
  /** When to signal candidates again, soonest first. */
  #repeatsAt: Instant[] = [];

  /** Starts without anything to do. */
  constructor(allocations: Allocations, connections: ConnectionTable) {
    this.#allocations = allocations;
    this.#connections = connections;
  }

  /** When `handleTimeout` has something to do. */
  get dueAt(): Instant {
    return this.#repeatsAt[0] ?? NEVER;
  }

  /** Notes that the portal changed our relays, as it does with each join. */
  noteUpdate(now: Instant): void {
    this.#repeatsAt = REPEAT_AFTER_MS.map((ms) => after(now, ms));
  }

  /** Signals candidates again for connections that a relay may have to save. */
  handleTimeout(now: Instant): void {
    if (now < this.dueAt) return;
    this.#repeatsAt = this.#repeatsAt.filter((at) => now < at);
    for (const connection of this.#connections.values()) {
      if (connection.route?.shape === "PeerToPeer") continue;
      connection.repeatCandidates();
      this.#connections.touch(connection);
    }
  }

  /** Carries on what relays have reported. Returns whether the last one was lost. */
  settle(now: Instant): boolean {
    const allocations = this.#allocations;
    let isLastLost = false;
    let isChanged = false;
    for (let e = allocations.pollEvent(); e; e = allocations.pollEvent()) {
      isChanged = true;
      if (e.kind === "no-relays") isLastLost = true;
      else this.#carryOn(e, now);
    }
    if (isChanged) this.migrate(now);
    return isLastLost;
  }

  /** Gives a relay to each connection that has lost its own, as soon as there is one. */
  migrate(now: Instant): void {
    for (const connection of this.#connections.values()) {
      if (connection.relay) continue;
      const relay = this.#allocations.sample();
      if (!relay) return;
      connection.setRelay(relay);
      connection.addLocalCandidates(relayCandidatesOf(relay), now);
      this.#connections.touch(connection);
    }
  }

  #carryOn(
    event: Exclude<AllocationsEvent, { kind: "no-relays" }>,
    now: Instant,
  ): void {
    for (const connection of this.#connections.values()) {
      if (!concerns(event, connection)) continue;
      this.#connections.touch(connection);
      switch (event.kind) {
        case "candidate-added":
          connection.addLocalCandidates([event.candidate], now);
          break;
        case "candidate-removed":
          connection.withdrawLocalCandidate(event.candidate, now);
          break;
        case "relay-gone":
          connection.setRelay(undefined);
      }
    }
  }
}

/** Returns our addresses on a relay. */
export function relayCandidatesOf({ allocation }: Relay): LocalCandidate[] {
  return allocation.candidates().filter(({ kind }) => kind === "relay");
}

/** Addresses of our own are offered to all peers, addresses on a relay only to those that use it. */
function concerns(
  event: Exclude<AllocationsEvent, { kind: "no-relays" }>,
  connection: Connection,
): boolean {
  const isShared = event.kind === "candidate-added" &&
    event.candidate.kind !== "relay";
  return isShared || connection.relay === event.relay;
}
