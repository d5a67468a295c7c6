import { Queue } from "../base/mod.ts";
import type { ClientRequest } from "../portal/mod.ts";
import { EVENT_QUEUE_LIMIT } from "./constants.ts";
import type { ClientEvent } from "./events.ts";

/** Events that wait for the shell, in the order they happened. */
export class Outbox {
  readonly #events = new Queue<ClientEvent>(EVENT_QUEUE_LIMIT);

  /** How many events were lost because the shell did not take them. */
  get lost(): number {
    return this.#events.refused;
  }

  /** Appends an event. */
  emit(event: ClientEvent): void {
    this.#events.push(event);
  }

  /** Appends a request to the portal. */
  request(request: ClientRequest): void {
    this.emit({ kind: "portal-request", request });
  }

  /** Asks the portal for relays, once for as long as the question waits. */
  requestRelays(): void {
    if (!this.#events.some(isRelayRequest)) this.request({ kind: "no-relays" });
  }

  /** Tells a gateway, by way of the portal, where we can be reached and where no longer. */
  signalCandidates(
    gatewayId: string,
    added: readonly string[],
    removed: readonly string[],
  ): void {
    if (added.length > 0) {
      this.request({
        kind: "new-ice-candidates",
        gatewayId,
        candidates: added,
      });
    }
    if (removed.length > 0) {
      this.request({
        kind: "invalidate-ice-candidates",
        gatewayId,
        candidates: removed,
      });
    }
  }

  /** Removes and returns the oldest event. */
  shift(): ClientEvent | undefined {
    return this.#events.shift();
  }
}

function isRelayRequest(event: ClientEvent): boolean {
  return event.kind === "portal-request" && event.request.kind === "no-relays";
}
