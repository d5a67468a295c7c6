import { type Cidr, formatCidr, type Instant, instant } from "../base/mod.ts";
import { Filter, type ResourceEntry, ResourceTable } from "../policy/mod.ts";
import type { ClientResource } from "../portal/mod.ts";
import type { Selector } from "../wire/mod.ts";
import type { Gateway } from "./gateways.ts";
import type { PendingPackets } from "./pending_packets.ts";

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
  | { readonly kind: "granted"; readonly gateway: Gateway };

/** A resource that packets are sent to by their destination address. */
export type NetworkResource = Extract<ClientResource, { kind: "cidr" }>;

/** The way to one resource. */
export class Route implements ResourceEntry {
  /** UUID of the resource. */
  readonly resourceId: string;
  /** Its addresses. */
  readonly network: Cidr;
  /** What may be said to it. */
  filter: Filter;
  /** How far we are. */
  access: Access = { kind: "none" };
  /** When a packet last went this way, or wanted to. */
  usedAt: Instant = instant(-Infinity);

  /** Creates a route that nobody has asked the portal for. */
  constructor(resource: NetworkResource) {
    this.resourceId = resource.id;
    this.network = resource.address;
    this.filter = new Filter(resource.filters);
  }
}

/**
 * All resources, and the ways to those that are networks.
 *
 * DNS and Internet resources are kept for whoever turns names into addresses;
 * they have no route.
 */
export class Routes {
  readonly #resources = new Map<string, ClientResource>();
  readonly #routes = new Map<string, Route>();
  #table = new ResourceTable([]);

  /** All resources. */
  get resources(): IterableIterator<ClientResource> {
    return this.#resources.values();
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
    const known = this.#resources.get(resource.id);
    const route = this.#routes.get(resource.id);
    this.#resources.set(resource.id, resource);
    if (resource.kind === "cidr") {
      if (route && known && isReachedAlike(known, resource)) {
        route.filter = new Filter(resource.filters);
        return undefined;
      }
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

  /** Returns the best route to the address at `bytes[at…]`, whether it takes the selector, or that there is none. Allocates nothing. */
  select(
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
    selector: Selector,
  ): Route | "filtered" | "no-resource" {
    const selection = this.#table.select(version, bytes, at, selector);
    if (selection === "filtered") return "filtered";
    const { selected } = this.#table;
    const route = selected && this.#routes.get(selected.resourceId);
    return route ?? "no-resource";
  }

  #rebuild(): void {
    this.#table = new ResourceTable([...this.#routes.values()]);
  }
}

/** Returns what waits for access; `undefined` where nothing can wait. */
export function waitingPackets(access: Access): PendingPackets | undefined {
  const isWaiting = access.kind === "awaiting-relay" ||
    access.kind === "requested";
  return isWaiting ? access.packets : undefined;
}

/** Tells whether packets for both take the same way: the same network behind the same sites. */
function isReachedAlike(a: ClientResource, b: NetworkResource): boolean {
  return a.kind === "cidr" && formatCidr(a.address) === formatCidr(b.address) &&
    a.sites.map(({ id }) => id).join() === b.sites.map(({ id }) => id).join();
}
