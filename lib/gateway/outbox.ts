import { Queue } from "../base/mod.ts";
import type { GatewayRequest } from "../portal/mod.ts";
import { EVENT_QUEUE_LIMIT } from "./constants.ts";
import type { GatewayEvent } from "./events.ts";

/** Events that wait for the shell, in the order they happened. */
export class Outbox {
  readonly #events = new Queue<GatewayEvent>(EVENT_QUEUE_LIMIT);

  /** How many events were lost because the shell did not take them. */
  get lost(): number {
    return this.#events.refused;
  }

  /** Appends an event. */
  emit(event: GatewayEvent): void {
    this.#events.push(event);
  }

  /** Appends a request to the portal. */
  request(request: GatewayRequest): void {
    this.emit({ kind: "portal-request", request });
  }

  /** Asks the portal for relays, once for as long as the question waits (portal spec §4.5). */
  requestRelays(): void {
    if (!this.#events.some(isRelayRequest)) this.request({ kind: "no-relays" });
  }

  /** Tells a client, by way of the portal, where we can be reached and where no longer. */
  signalCandidates(
    clientId: string,
    added: readonly string[],
    removed: readonly string[],
  ): void {
    if (added.length > 0) {
      this.request({
        kind: "broadcast-ice-candidates",
        clientId,
        candidates: added,
      });
    }
    if (removed.length > 0) {
      this.request({
        kind: "broadcast-invalidated-ice-candidates",
        clientId,
        candidates: removed,
      });
    }
  }

  /** Removes and returns the oldest event. */
  shift(): GatewayEvent | undefined {
    return this.#events.shift();
  }
}

function isRelayRequest(event: GatewayEvent): boolean {
  return event.kind === "portal-request" && event.request.kind === "no-relays";
}
