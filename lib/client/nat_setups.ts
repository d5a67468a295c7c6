import {
  Counters,
  elapsedMs,
  type Instant,
  type IpAddress,
  unreachable,
} from "../base/mod.ts";
import {
  type DomainStatus,
  encodeAssignedIps,
  IpPacketView,
  P2P_PAYLOAD_REFUSALS,
  type P2pPayloadRefusal,
  readDomainStatus,
} from "../wire/mod.ts";
import {
  MAX_NAMES_ANNOUNCED_AT_ONCE,
  MAX_UNTRANSLATED_PACKETS,
  REANNOUNCE_MS,
} from "./constants.ts";
import type { Gateway } from "./gateways.ts";
import type { Name, Names } from "./names.ts";
import type { PacketSender } from "./packet_sender.ts";
import { PendingPackets } from "./pending_packets.ts";
import type { GrantedAccess, Route, Routes } from "./routes.ts";

/** How far a gateway is with translating for one name of one resource (data-plane spec §18.2). */
export type NatSetup =
  /** Announced, but not answered; packets wait. */
  | {
    readonly kind: "pending";
    /** What waits for the answer. */
    readonly packets: PendingPackets;
    /** When it was announced last. */
    readonly sentAt: Instant;
  }
  /** The gateway translates. */
  | { readonly kind: "confirmed" }
  /** The gateway does not; packets still go there, for the ICMP error that says why. */
  | { readonly kind: "failed" }
  /** Announced once more, so that the gateway looks the name up again. It translates all the while. */
  | { readonly kind: "recreating"; readonly sentAt: Instant };

/** What became of a gateway's answer. */
export type StatusOutcome =
  | "confirmed"
  | "failed"
  | "unknown-setup"
  | P2pPayloadRefusal;

/** What set-ups work with. */
export interface NatSetupsDeps {
  /** The routes and the names. */
  readonly routes: Routes;
  /** Sends announcements, and what waited. */
  readonly sender: PacketSender;
}

/**
 * Tells gateways which addresses stand for which names, and keeps packets until they know.
 *
 * The state belongs to the access that was granted: when that ends, or the
 * connection, everything starts over. The only writer of `GrantedAccess.setups`.
 */
export class NatSetups {
  /** Answers of gateways by what became of them. */
  readonly answers: Counters<StatusOutcome> = new Counters<StatusOutcome>([
    "confirmed",
    "failed",
    "unknown-setup",
    ...P2P_PAYLOAD_REFUSALS,
  ]);
  readonly #deps: NatSetupsDeps;
  readonly #packet = new IpPacketView();

  /** Creates set-ups. */
  constructor(deps: NatSetupsDeps) {
    this.#deps = deps;
  }

  /** Announces the names of a resource that was just granted, and sends or keeps what waited for the access. */
  begin(
    route: Route,
    access: GrantedAccess,
    packets: readonly Uint8Array[],
    now: Instant,
  ): void {
    const { names } = this.#deps.routes;
    for (const name of recentNames(names, route)) {
      this.#renew(route, access, name, now);
    }
    for (const packet of packets) {
      const name = this.#nameOf(packet, names);
      const { length } = packet;
      const isSent = name !== undefined &&
        this.admit(route, access, name, packet, 0, length, now);
      if (isSent) this.#deps.sender.send(access.gateway.id, packet, now);
    }
  }

  /**
   * Tells whether the packet `[start, end)` may go to the gateway; otherwise keeps a copy.
   *
   * Allocates nothing for a name that the gateway has answered for.
   */
  admit(
    route: Route,
    access: GrantedAccess,
    name: Name,
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): boolean {
    const setup = access.setups.get(name) ??
      this.#announce(route, access, name, now);
    switch (setup.kind) {
      case "confirmed":
      case "failed":
        return true;
      case "recreating":
        if (isDue(setup.sentAt, now)) this.#renew(route, access, name, now);
        return true;
      case "pending":
        setup.packets.add(bytes, start, end);
        if (isDue(setup.sentAt, now)) this.#renew(route, access, name, now);
        return false;
      default:
        return unreachable(setup);
    }
  }

  /** Lets gateways look a name up again, because somebody asked for it. */
  handleQuery(name: Name, now: Instant): void {
    name.askedAt = now;
    for (const route of name.routes) {
      const { access } = route;
      if (access.kind !== "granted") continue;
      const setup = access.setups.get(name);
      const isUnderWay = setup !== undefined && "sentAt" in setup &&
        !isDue(setup.sentAt, now);
      if (!isUnderWay) this.#renew(route, access, name, now);
    }
  }

  /** Takes a gateway's answer. What waited for it goes out: if the gateway does not translate, its ICMP error tells the application. */
  handleStatus(gateway: Gateway, packet: IpPacketView, now: Instant): void {
    const status = readDomainStatus(packet);
    this.answers.increment(
      status.ok ? this.#settle(gateway, status.value, now) : status.error,
    );
  }

  #settle(
    gateway: Gateway,
    { resourceId, domain, isActive }: DomainStatus,
    now: Instant,
  ): "confirmed" | "failed" | "unknown-setup" {
    const { routes, sender } = this.#deps;
    const name = routes.names.byDomain(domain.toLowerCase());
    const access = routes.byId(resourceId)?.access;
    const setup = name !== undefined && access?.kind === "granted" &&
      access.gateway === gateway && access.setups.get(name);
    if (!setup) return "unknown-setup";

    const kind = isActive ? "confirmed" : "failed";
    access.setups.set(name, { kind });
    const packets = setup.kind === "pending" ? setup.packets.takeAll() : [];
    for (const packet of packets) sender.send(gateway.id, packet, now);
    return kind;
  }

  /** Announces a name, and goes on with what is known of it. */
  #renew(
    route: Route,
    access: GrantedAccess,
    name: Name,
    now: Instant,
  ): void {
    const setup = access.setups.get(name);
    const next = this.#announce(route, access, name, now);
    switch (setup?.kind) {
      case "confirmed":
      case "recreating":
        access.setups.set(name, { kind: "recreating", sentAt: now });
        return;
      case "pending":
        access.setups.set(name, { ...next, packets: setup.packets });
        return;
      case "failed":
      case undefined:
        return;
      default:
        return unreachable(setup);
    }
  }

  /** Announces a name as one that nothing is known of. */
  #announce(
    route: Route,
    access: GrantedAccess,
    name: Name,
    now: Instant,
  ): Extract<NatSetup, { kind: "pending" }> {
    const packet = encodeAssignedIps({
      resourceId: route.resourceId,
      domain: name.domain,
      proxyIps: proxiesOf(route, name),
    });
    this.#deps.sender.send(access.gateway.id, packet, now);
    const packets = new PendingPackets(MAX_UNTRANSLATED_PACKETS);
    const setup = { kind: "pending", packets, sentAt: now } as const;
    access.setups.set(name, setup);
    return setup;
  }

  #nameOf(packet: Uint8Array, names: Names): Name | undefined {
    const view = this.#packet;
    if (view.attach(packet, 0, packet.length) !== "ok") return undefined;
    return names.byProxy(view.version, packet, view.destinationAt);
  }
}

function isDue(sentAt: Instant, now: Instant): boolean {
  return elapsedMs(sentAt, now) >= REANNOUNCE_MS;
}

function proxiesOf(route: Route, name: Name): IpAddress[] {
  return [
    ...(route.offers(4) ? name.ipv4 : []),
    ...(route.offers(6) ? name.ipv6 : []),
  ];
}

/** The names that a resource covers and somebody asked for last, the latest first. */
function recentNames(names: Names, route: Route): Name[] {
  return [...names.all()]
    .filter(({ routes }) => routes.includes(route))
    .sort((a, b) => b.askedAt - a.askedAt)
    .slice(0, MAX_NAMES_ANNOUNCED_AT_ONCE);
}
