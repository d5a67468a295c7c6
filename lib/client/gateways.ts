import type { Cidr } from "../base/mod.ts";
import {
  includesAddress,
  isProxyAddress,
  isTunnelAddress,
  NetworkTree,
  NO_NETWORK,
  type TunnelAddresses,
} from "../policy/mod.ts";
import type { Name, Names } from "./names.ts";
import type { Route } from "./routes.ts";

/** A gateway that we have a connection to, and what goes through it. */
export class Gateway {
  /** UUID, which also names the connection. */
  readonly id: string;
  /** Its own addresses in the tunnel. */
  addresses: TunnelAddresses;
  readonly #routes = new Set<Route>();
  #ipv4 = new NetworkTree<Route>([]);
  #ipv6 = new NetworkTree<Route>([]);

  /** Creates a gateway that nothing goes through. */
  constructor(id: string, addresses: TunnelAddresses) {
    this.id = id;
    this.addresses = addresses;
  }

  /** The routes that go through it. */
  get routes(): ReadonlySet<Route> {
    return this.#routes;
  }

  /** Lets a route go through it. */
  add(route: Route): void {
    this.#routes.add(route);
    this.#rebuild();
  }

  /** Takes a route away. */
  remove(route: Route): void {
    this.#routes.delete(route);
    this.#rebuild();
  }

  /**
   * Tells whether a packet through this gateway may come from the address at `bytes[at…]` (data-plane spec §18.4).
   *
   * An Internet resource does not let it speak for other hosts in the tunnel.
   * Allocates nothing.
   */
  mayBeSource(
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
    names: Names,
  ): boolean {
    if (includesAddress(this.addresses, version, bytes, at)) return true;
    if (isTunnelAddress(version, bytes, at)) return false;
    if (isProxyAddress(version, bytes, at)) {
      const name = names.byProxy(version, bytes, at);
      return name !== undefined && this.#serves(name, version);
    }
    const tree = version === 4 ? this.#ipv4 : this.#ipv6;
    return tree.deepest(bytes, at) !== NO_NETWORK;
  }

  #serves({ routes }: Name, family: 4 | 6): boolean {
    for (let i = 0; i < routes.length; i++) {
      const route = routes[i]!;
      if (this.#routes.has(route) && route.offers(family)) return true;
    }
    return false;
  }

  #rebuild(): void {
    const items = [...this.#routes].flatMap((route) =>
      route.networks.map((network) => ({ network, value: route }))
    );
    this.#ipv4 = new NetworkTree(
      items.filter(({ network }) => isIpv4(network)),
    );
    this.#ipv6 = new NetworkTree(
      items.filter(({ network }) => !isIpv4(network)),
    );
  }
}

/** All gateways that we have a connection to. */
export class Gateways {
  readonly #byId = new Map<string, Gateway>();
  /** The same as a list, which can be searched without an iterator. */
  #all: readonly Gateway[] = [];

  /** The number of gateways. */
  get size(): number {
    return this.#all.length;
  }

  /** The ids of all. */
  ids(): string[] {
    return [...this.#byId.keys()];
  }

  /** Returns the gateway with this id. */
  byId(id: string): Gateway | undefined {
    return this.#byId.get(id);
  }

  /** Returns the gateway whose own tunnel address is at `bytes[at…]`. Allocates nothing. */
  byAddress(
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
  ): Gateway | undefined {
    const all = this.#all;
    for (let i = 0; i < all.length; i++) {
      if (includesAddress(all[i]!.addresses, version, bytes, at)) return all[i];
    }
    return undefined;
  }

  /** Adds or replaces a gateway. */
  put(gateway: Gateway): void {
    this.#byId.set(gateway.id, gateway);
    this.#all = [...this.#byId.values()];
  }

  /** Removes a gateway. */
  remove(gateway: Gateway): void {
    this.#byId.delete(gateway.id);
    this.#all = [...this.#byId.values()];
  }

  /** Removes all gateways. */
  clear(): void {
    this.#byId.clear();
    this.#all = [];
  }
}

function isIpv4({ ip }: Cidr): boolean {
  return ip.family === 4;
}
