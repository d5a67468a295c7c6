import { after, earlier, elapsedMs, type Instant, NEVER } from "../base/mod.ts";
import { HOLD_OFF_MS, IN_USE_MS, REQUEST_TIMEOUT_MS } from "./constants.ts";
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

  /** Drops packets for a route without asking again, for a while. With `retries` it then asks by itself if it is in use. */
  holdOff(route: Route, retries: boolean, now: Instant): void {
    const until = after(now, HOLD_OFF_MS);
    route.access = { kind: "held-off", until, retries };
  }

  /** Repeats the requests in flight: a channel that was joined afresh has none. */
  repeat(now: Instant): void {
    for (const route of this.#routes.all()) {
      const { access } = route;
      if (access.kind === "requested") this.#ask(route, access.packets, now);
    }
  }

  /**
   * Gives up what was not answered, and asks again for routes in use.
   *
   * Beyond p2p spec §1.8, which waits for the next packet: in the middle of a
   * download the next packet is the server's, and it cannot reach us.
   */
  handleTimeout(now: Instant): void {
    for (const route of this.#routes.all()) {
      if (now < reviewAt(route)) continue;
      const isInUse = elapsedMs(route.usedAt, now) <= IN_USE_MS;
      if (isInUse) this.#ask(route, new PendingPackets(), now);
      else route.access = { kind: "none" };
    }
  }

  /** When `handleTimeout` has something to do. */
  pollTimeout(): Instant {
    let next = NEVER;
    for (const route of this.#routes.all()) {
      next = earlier(next, reviewAt(route));
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

/** When to decide anew about a route that waits or was refused. */
function reviewAt({ access }: Route): Instant {
  if (access.kind === "requested") return access.giveUpAt;
  return access.kind === "held-off" && access.retries ? access.until : NEVER;
}
