import { after, earlier, elapsedMs, type Instant, NEVER } from "../base/mod.ts";
import type { ClientNode } from "./client_node.ts";
import {
  HOLD_OFF_MS,
  IN_USE_MS,
  MAX_PENDING_PACKETS,
  REQUEST_TIMEOUT_MS,
} from "./constants.ts";
import type { Gateways } from "./gateways.ts";
import type { Outbox } from "./outbox.ts";
import { PendingPackets } from "./pending_packets.ts";
import { type Route, type Routes, waitingPackets } from "./routes.ts";

/** What became of a packet that may not pass yet. */
export type WaitOutcome = "waiting" | "held-off";

/** What requests need. */
export interface RequestsDeps {
  /** Knows whether a connection could be made. */
  readonly node: ClientNode;
  /** What access is asked for. */
  readonly routes: Routes;
  /** Whom the portal shall prefer. */
  readonly gateways: Gateways;
  /** Where requests go. */
  readonly outbox: Outbox;
}

/**
 * Asks the portal for access: when a packet needs it, and once at a time for each resource.
 *
 * Without a usable relay an authorization is worthless (p2p spec §1.6 step 2),
 * so the question waits for the relay, and the packets with it.
 * The only writer of `Route.access` besides the one who grants and withdraws.
 */
export class Requests {
  readonly #deps: RequestsDeps;
  /** Whether any route may be waiting for a relay. */
  #isAwaitingRelay = false;

  /** Creates a requester for the routes. */
  constructor(deps: RequestsDeps) {
    this.#deps = deps;
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
    const packets = waitingPackets(access) ?? this.#begin(route, now);
    packets.add(bytes, start, end);
    return "waiting";
  }

  /** Asks for access without a packet, unless that has been done or was refused just now. */
  want(route: Route, now: Instant): void {
    const { access } = route;
    if (access.kind === "held-off" && now < access.until) return;
    if (!waitingPackets(access)) this.#begin(route, now);
  }

  /** Drops packets for a route without asking again, for a while. With `retries` it then asks by itself if it is in use. */
  holdOff(route: Route, retries: boolean, now: Instant): void {
    const until = after(now, HOLD_OFF_MS);
    route.access = { kind: "held-off", until, retries };
  }

  /** Puts off a request that was granted in vain until a relay can be used. Does nothing for a route that has not asked. */
  awaitRelay(route: Route, now: Instant): void {
    const packets = waitingPackets(route.access);
    if (packets) this.#awaitRelay(route, packets, now);
  }

  /** Asks for what waited for a relay, if one can be used. Cheap while nothing waits. */
  handleRelays(now: Instant): void {
    if (!this.#isAwaitingRelay) return;
    if (this.#deps.node.relayReadiness !== "usable") return;
    this.#isAwaitingRelay = false;
    for (const route of this.#deps.routes.all()) {
      const { access } = route;
      if (access.kind !== "awaiting-relay") continue;
      this.#ask(route, access.packets, now);
    }
  }

  /** Repeats the requests in flight: a channel that was joined afresh has none. */
  repeat(now: Instant): void {
    for (const route of this.#deps.routes.all()) {
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
    for (const route of this.#deps.routes.all()) {
      if (now < reviewAt(route)) continue;
      const isInUse = elapsedMs(route.usedAt, now) <= IN_USE_MS;
      if (isInUse) this.#begin(route, now);
      else route.access = { kind: "none" };
    }
  }

  /** When `handleTimeout` has something to do. */
  pollTimeout(): Instant {
    let next = NEVER;
    for (const route of this.#deps.routes.all()) {
      next = earlier(next, reviewAt(route));
    }
    return next;
  }

  /** Starts to ask for access, and returns where packets wait for it. */
  #begin(route: Route, now: Instant): PendingPackets {
    const packets = new PendingPackets(MAX_PENDING_PACKETS);
    const { node, outbox } = this.#deps;
    const readiness = node.relayReadiness;
    if (readiness === "usable") this.#ask(route, packets, now);
    else this.#awaitRelay(route, packets, now);
    if (readiness === "none") outbox.requestRelays();
    return packets;
  }

  #awaitRelay(route: Route, packets: PendingPackets, now: Instant): void {
    this.#isAwaitingRelay = true;
    route.access = {
      kind: "awaiting-relay",
      packets,
      giveUpAt: after(now, REQUEST_TIMEOUT_MS),
    };
  }

  #ask(route: Route, packets: PendingPackets, now: Instant): void {
    const { gateways, outbox } = this.#deps;
    route.access = {
      kind: "requested",
      packets,
      giveUpAt: after(now, REQUEST_TIMEOUT_MS),
    };
    outbox.request({
      kind: "request-authorization",
      resourceId: route.resourceId,
      connectedGatewayIds: gateways.ids(),
    });
  }
}

/** When to decide anew about a route that waits or was refused. */
function reviewAt({ access }: Route): Instant {
  const isWaiting = access.kind === "awaiting-relay" ||
    access.kind === "requested";
  if (isWaiting) return access.giveUpAt;
  return access.kind === "held-off" && access.retries ? access.until : NEVER;
}
