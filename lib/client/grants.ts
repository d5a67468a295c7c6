import { type Instant, instant, type Logger } from "../base/mod.ts";
import type { AuthorizationCreated } from "../portal/mod.ts";
import type { ClientNode } from "./client_node.ts";
import type { CloseReason } from "./events.ts";
import { Gateway, type Gateways } from "./gateways.ts";
import type { Outbox } from "./outbox.ts";
import type { NatSetups } from "./nat_setups.ts";
import type { PacketSender } from "./packet_sender.ts";
import {
  type Access,
  type GrantedAccess,
  type Route,
  waitingPackets,
} from "./routes.ts";

/** What grants act on. */
export interface GrantsDeps {
  /** The connections. */
  readonly node: ClientNode;
  /** Who they lead to. */
  readonly gateways: Gateways;
  /** Sends what waited for a network. */
  readonly sender: PacketSender;
  /** Takes what waited for a name. */
  readonly setups: NatSetups;
  /** Where the end of connections is told. */
  readonly outbox: Outbox;
  /** Where decisions are logged. */
  readonly log: Logger;
}

/** Gives routes to gateways and takes them away. A gateway exists as long as a route goes through it. */
export class Grants {
  readonly #deps: GrantsDeps;

  /** Creates grants without any. */
  constructor(deps: GrantsDeps) {
    this.#deps = deps;
  }

  /**
   * Lets a route go through a gateway that the node has a connection to, and releases what waited for it.
   *
   * A gateway whose connection had to be replaced was restarted and knows
   * nothing of what it granted before; the other routes through it start over.
   */
  grant(
    route: Route,
    message: AuthorizationCreated,
    connection: "created" | "reused",
    now: Instant,
  ): void {
    const { access } = route;
    const gateway = this.#upsertGateway(message, connection);
    gateway.add(route);
    const isSameGateway = access.kind === "granted" &&
      access.gateway === gateway;
    const granted: GrantedAccess = {
      kind: "granted",
      gateway,
      setups: isSameGateway && connection === "reused"
        ? access.setups
        : new Map(),
    };
    route.access = granted;

    if (access.kind === "granted" && !isSameGateway) {
      access.gateway.remove(route);
      this.#closeUnused(access.gateway, now);
    }
    this.#send(route, granted, waitingPackets(access)?.takeAll() ?? [], now);
    this.#deps.log.log("debug", "Access granted", {
      resource: route.resourceId,
      gateway: gateway.id,
    });
  }

  /** Stops using a route, and its gateway with it when nothing else goes there. */
  withdraw(route: Route, now: Instant): void {
    const { access } = route;
    route.access = { kind: "none" };
    if (access.kind !== "granted") return;
    access.gateway.remove(route);
    this.#closeUnused(access.gateway, now);
  }

  /** Forgets a gateway whose connection is gone; what went through it asks the portal again, routes in use at once. */
  forget(gatewayId: string): void {
    const gateway = this.#deps.gateways.byId(gatewayId);
    if (!gateway) return;
    releaseRoutes(gateway);
    this.#deps.gateways.remove(gateway);
  }

  /** Forgets a gateway that was left in good order, and tells why. */
  close(gatewayId: string, reason: CloseReason): void {
    this.forget(gatewayId);
    this.#deps.outbox.emit({ kind: "connection-closed", gatewayId, reason });
  }

  #upsertGateway(
    message: AuthorizationCreated,
    connection: "created" | "reused",
  ): Gateway {
    const { gatewayId, gatewayIpv4, gatewayIpv6 } = message;
    const addresses = { ipv4: gatewayIpv4, ipv6: gatewayIpv6 };
    const known = this.#deps.gateways.byId(gatewayId);
    if (known) {
      if (connection === "created") releaseRoutes(known);
      known.addresses = addresses;
      return known;
    }
    const gateway = new Gateway(gatewayId, addresses);
    this.#deps.gateways.put(gateway);
    return gateway;
  }

  #send(
    route: Route,
    access: GrantedAccess,
    packets: readonly Uint8Array[],
    now: Instant,
  ): void {
    const { sender, setups } = this.#deps;
    if (route.resource.kind === "dns") {
      return setups.begin(route, access, packets, now);
    }
    for (const packet of packets) sender.send(access.gateway.id, packet, now);
  }

  #closeUnused(gateway: Gateway, now: Instant): void {
    if (gateway.routes.size > 0) return;
    this.#deps.node.closeConnection(gateway.id, { goodbye: true }, now);
    this.close(gateway.id, "no-resources");
  }
}

function releaseRoutes(gateway: Gateway): void {
  for (const route of [...gateway.routes]) {
    gateway.remove(route);
    route.access = LOST;
  }
}

/** Refused until just now: the next packet or timeout asks. */
const LOST: Access = {
  kind: "held-off",
  until: instant(-Infinity),
  retries: true,
};
