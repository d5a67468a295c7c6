import {
  type Cidr,
  formatCidr,
  type Instant,
  instant,
  parseCidr,
  unreachable,
} from "../base/mod.ts";
import {
  DomainPattern,
  Filter,
  isProxyAddress,
  type ResourceEntry,
  ResourceTable,
} from "../policy/mod.ts";
import type { ClientResource } from "../portal/mod.ts";
import type { Selector } from "../wire/mod.ts";
import type { Gateway } from "./gateways.ts";
import { type Name, Names } from "./names.ts";
import type { NatSetup } from "./nat_setups.ts";
import type { PendingPackets } from "./pending_packets.ts";
import { compareSpecificity } from "./specificity.ts";

/** How far we are with a resource. */
export type Access =
  /** The next packet asks the portal. */
  | { readonly kind: "none" }
  /** The portal is asked as soon as a relay can be used. */
  | {
    readonly kind: "awaiting-relay";
    /** What waits for the relay. */
    readonly packets: PendingPackets;
    /** When it is no longer waited for. */
    readonly giveUpAt: Instant;
  }
  /** The portal has been asked. */
  | {
    readonly kind: "requested";
    /** What waits for the answer. */
    readonly packets: PendingPackets;
    /** When it is no longer waited for. */
    readonly giveUpAt: Instant;
  }
  /** Access was refused or lost; packets are dropped for a while. */
  | {
    readonly kind: "held-off";
    readonly until: Instant;
    /** Whether a route in use then asks by itself. */
    readonly retries: boolean;
  }
  /** Packets go through a gateway. */
  | GrantedAccess;

/** Packets go through a gateway. */
export interface GrantedAccess {
  /** As in every access. */
  readonly kind: "granted";
  /** Which one. */
  readonly gateway: Gateway;
  /** Which names of a DNS resource it was told, and what it made of them. */
  readonly setups: Map<Name, NatSetup>;
}

/** The way to one resource. */
export class Route {
  /** UUID of the resource. */
  readonly resourceId: string;
  /** The resource. Its filters are out of date; `filter` is not. */
  readonly resource: ClientResource;
  /** Its addresses; none for a DNS resource, whose names have addresses. */
  readonly networks: readonly Cidr[];
  /** What may be said to it. */
  filter: Filter;
  /** How far we are. */
  access: Access = { kind: "none" };
  /** When a packet last went this way, or wanted to. */
  usedAt: Instant = instant(-Infinity);
  readonly #pattern: DomainPattern | undefined;

  /** Creates a route that nobody has asked the portal for. */
  constructor(resource: ClientResource) {
    this.resourceId = resource.id;
    this.resource = resource;
    this.networks = networksOf(resource);
    this.filter = filterOf(resource);
    this.#pattern = resource.kind === "dns"
      ? DomainPattern.parse(resource.address)
      : undefined;
  }

  /** Tells whether the resource covers a domain. */
  matches(domain: string): boolean {
    return this.#pattern?.matches(domain) ?? false;
  }

  /** Tells whether the resource is reached over a family. */
  offers(family: 4 | 6): boolean {
    const { resource } = this;
    if (resource.kind !== "dns" || resource.ipStack === "dual") return true;
    return resource.ipStack === (family === 4 ? "ipv4_only" : "ipv6_only");
  }
}

/**
 * All resources, the ways to them, and the names that DNS resources cover.
 *
 * An Internet resource has no way unless somebody has asked for it.
 */
export class Routes {
  /** The names that were asked for. */
  readonly names: Names = new Names();
  readonly #usesInternet: boolean;
  readonly #resources = new Map<string, ClientResource>();
  readonly #routes = new Map<string, Route>();
  #table = new ResourceTable([]);
  #selectedName: Name | undefined;

  /** Creates routes to nothing. `usesInternet`: whether an Internet resource is to be used. */
  constructor(usesInternet: boolean) {
    this.#usesInternet = usesInternet;
  }

  /** All resources. */
  get resources(): IterableIterator<ClientResource> {
    return this.#resources.values();
  }

  /** The name that the address of the last `select` stands for, if it is that of one. */
  get selectedName(): Name | undefined {
    return this.#selectedName;
  }

  /** All routes. */
  all(): IterableIterator<Route> {
    return this.#routes.values();
  }

  /** Returns the route to a resource. */
  byId(resourceId: string): Route | undefined {
    return this.#routes.get(resourceId);
  }

  /** Adds or changes a resource. Returns the route that this made useless: filters may change under a route, the rest may not. */
  upsert(resource: ClientResource): Route | undefined {
    const route = this.#routes.get(resource.id);
    this.#resources.set(resource.id, resource);
    if (route && isReachedAlike(route.resource, resource)) {
      route.filter = filterOf(resource);
      return undefined;
    }
    if (resource.kind !== "internet" || this.#usesInternet) {
      this.#routes.set(resource.id, new Route(resource));
    } else this.#routes.delete(resource.id);
    this.#rebuild();
    return route;
  }

  /** Removes a resource. Returns the route to it. */
  remove(resourceId: string): Route | undefined {
    const route = this.#routes.get(resourceId);
    this.#resources.delete(resourceId);
    this.#routes.delete(resourceId);
    this.#rebuild();
    return route;
  }

  /** Returns the name of a domain if a DNS resource covers it. `no-room`: one does, but no further name can be kept. */
  nameOf(domain: string): Name | "no-resource" | "no-room" {
    const known = this.names.byDomain(domain);
    const routes = known?.routes ?? this.#routesTo(domain);
    if (routes.length === 0) return "no-resource";
    const name = known ?? this.names.obtain(domain);
    if (!name) return "no-room";
    name.routes = routes;
    return name;
  }

  /** Returns the best route to the address at `bytes[at…]`, whether it takes the selector, or that there is none. Allocates nothing. */
  select(
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
    selector: Selector,
  ): Route | "filtered" | "no-resource" {
    this.#selectedName = undefined;
    if (isProxyAddress(version, bytes, at)) {
      const name = this.names.byProxy(version, bytes, at);
      this.#selectedName = name;
      return name === undefined
        ? "no-resource"
        : selectOf(name, version, selector);
    }
    const selection = this.#table.select(version, bytes, at, selector);
    if (selection === "filtered") return "filtered";
    const { selected } = this.#table;
    const route = selected && this.#routes.get(selected.resourceId);
    return route ?? "no-resource";
  }

  #rebuild(): void {
    this.#table = new ResourceTable(
      [...this.#routes.values()].flatMap((route) =>
        route.networks.map((network) => new RouteEntry(route, network))
      ),
    );
    for (const name of this.names.all()) {
      name.routes = this.#routesTo(name.domain);
    }
  }

  /** The most specific first, then greater ids (data-plane spec §7). */
  #routesTo(domain: string): Route[] {
    return [...this.#routes.values()]
      .filter((route) => route.matches(domain))
      .sort((a, b) =>
        compareSpecificity(patternOf(a), patternOf(b)) ||
        (a.resourceId < b.resourceId ? 1 : -1)
      );
  }
}

/** One network of a route, under the filters that the route has now. */
class RouteEntry implements ResourceEntry {
  readonly resourceId: string;
  readonly network: Cidr;
  readonly #route: Route;

  constructor(route: Route, network: Cidr) {
    this.resourceId = route.resourceId;
    this.network = network;
    this.#route = route;
  }

  get filter(): Filter {
    return this.#route.filter;
  }
}

/** Returns what waits for access; `undefined` where nothing can wait. */
export function waitingPackets(access: Access): PendingPackets | undefined {
  const isWaiting = access.kind === "awaiting-relay" ||
    access.kind === "requested";
  return isWaiting ? access.packets : undefined;
}

/** Resources that cover the same name are OR-ed, the more specific one first. */
function selectOf(
  name: Name,
  family: 4 | 6,
  selector: Selector,
): Route | "filtered" | "no-resource" {
  const { routes } = name;
  let isCovered = false;
  for (let i = 0; i < routes.length; i++) {
    const route = routes[i]!;
    if (!route.offers(family)) continue;
    if (route.filter.permits(selector)) return route;
    isCovered = true;
  }
  return isCovered ? "filtered" : "no-resource";
}

const EVERYTHING: readonly Cidr[] = ["0.0.0.0/0", "::/0"].flatMap((text) =>
  parseCidr(text) ?? []
);

function networksOf(resource: ClientResource): readonly Cidr[] {
  switch (resource.kind) {
    case "cidr":
      return [resource.address];
    case "dns":
      return [];
    case "internet":
      return EVERYTHING;
    default:
      return unreachable(resource);
  }
}

function filterOf(resource: ClientResource): Filter {
  return new Filter(resource.kind === "internet" ? [] : resource.filters);
}

function patternOf({ resource }: Route): string {
  return resource.kind === "dns" ? resource.address : "";
}

/** Tells whether packets for both take the same way: the same addresses behind the same sites. */
function isReachedAlike(a: ClientResource, b: ClientResource): boolean {
  return addressOf(a) === addressOf(b) &&
    a.sites.map(({ id }) => id).join() === b.sites.map(({ id }) => id).join();
}

function addressOf(resource: ClientResource): string {
  switch (resource.kind) {
    case "cidr":
      return `cidr ${formatCidr(resource.address)}`;
    case "dns":
      return `dns ${resource.ipStack} ${resource.address}`;
    case "internet":
      return "internet";
    default:
      return unreachable(resource);
  }
}
