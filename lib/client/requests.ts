import { after, earlier, type Instant, NEVER } from "../base/mod.ts";
import { HOLD_OFF_MS, REQUEST_TIMEOUT_MS } from "./constants.ts";
import type { Gateways } from "./gateways.ts";
import type { Outbox } from "./outbox.ts";
import { PendingPackets } from "./pending_packets.ts";
import type { Route, Routes } from "./routes.ts";

/** What became of a packet that may not pass yet. */
export type WaitOutcome = "waiting" | "held-off";

/**
 * Asks the portal for access: when a packet needs it, and once at a time for each resource.
 *
 * The only writer of `Route.access` besides the one who grants and withdraws.
 */
export class Requests {
  readonly #routes: Routes;
  readonly #gateways: Gateways;
  readonly #outbox: Outbox;

  /** Creates a requester for the routes. */
  constructor(routes: Routes, gateways: Gateways, outbox: Outbox) {
    this.#routes = routes;
    this.#gateways = gateways;
    this.#outbox = outbox;
  }

  /** Takes a packet for a route without access, and asks for it unless that has been done or was refused just now. */
  wait(
    route: Route,
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): WaitOutcome {
    const { access } = route;
    if (access.kind === "held-off" && now < access.until) return "held-off";
    const packets = access.kind === "requested"
      ? access.packets
      : this.#ask(route, new PendingPackets(), now);
    packets.add(bytes, start, end);
    return "waiting";
  }

  /** Drops packets for a route without asking again, for a while. */
  holdOff(route: Route, now: Instant): void {
    route.access = { kind: "held-off", until: after(now, HOLD_OFF_MS) };
  }

  /** Repeats the requests in flight: a channel that was joined afresh has none. */
  repeat(now: Instant): void {
    for (const route of this.#routes.all()) {
      const { access } = route;
      if (access.kind === "requested") this.#ask(route, access.packets, now);
    }
  }

  /** Gives up what was not answered; the next packet asks again. */
  handleTimeout(now: Instant): void {
    for (const route of this.#routes.all()) {
      const { access } = route;
      if (access.kind === "requested" && now >= access.giveUpAt) {
        route.access = { kind: "none" };
      }
    }
  }

  /** When a request is due to be given up. */
  pollTimeout(): Instant {
    let next = NEVER;
    for (const { access } of this.#routes.all()) {
      if (access.kind === "requested") next = earlier(next, access.giveUpAt);
    }
    return next;
  }

  #ask(route: Route, packets: PendingPackets, now: Instant): PendingPackets {
    const giveUpAt = after(now, REQUEST_TIMEOUT_MS);
    route.access = { kind: "requested", packets, giveUpAt };
    this.#outbox.request({
      kind: "request-authorization",
      resourceId: route.resourceId,
      connectedGatewayIds: this.#gateways.ids(),
    });
    return packets;
  }
}
