import type { Instant } from "../base/mod.ts";
import type { LocalCandidate } from "../turn/mod.ts";
import type { Allocations, AllocationsEvent, Relay } from "./allocations.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionTable } from "./connection_table.ts";

/** Keeps connections in step with the relays, p2p spec §4.7 and §4.9. */
export class RelayMigration {
  readonly #allocations: Allocations;
  readonly #connections: ConnectionTable;

  /** Starts without anything to do. */
  constructor(allocations: Allocations, connections: ConnectionTable) {
    this.#allocations = allocations;
    this.#connections = connections;
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
