import { type IpAddress, type IpFamily, parseIp } from "../../lib/base/mod.ts";
import { SimNode } from "./sim_node.ts";
import { SimPortal } from "./sim_portal.ts";
import type { NatBehaviour } from "./nat.ts";
import { SimRelay } from "./sim_relay.ts";
import { SimRouter } from "./sim_router.ts";
import { World } from "./world.ts";

/** How a site differs from the usual. */
export interface SiteOptions {
  readonly seed?: number;
  readonly relays?: number;
  /** The families that all hosts have. */
  readonly families?: readonly IpFamily[];
  /** The NAT that the client is behind; on the internet itself without one. */
  readonly clientNat?: NatBehaviour | undefined;
  /** The NAT that the gateway is behind; on the internet itself without one. */
  readonly gatewayNat?: NatBehaviour | undefined;
  /** Whether connections are made without ICE. */
  readonly useIceless?: boolean;
}

/** How a node differs from the usual. */
export interface NodeOptions {
  readonly port?: number;
  /** The router that it is behind. */
  readonly behind?: SimRouter | undefined;
  /** The families that it has, if not those of all. */
  readonly families?: readonly IpFamily[] | undefined;
}

/** A client, a gateway and relays that know of each other, ready to connect. */
export class Site {
  readonly world: World;
  readonly portal: SimPortal;
  readonly relays: readonly SimRelay[];
  readonly client: SimNode;
  readonly gateway: SimNode;

  readonly #families: readonly IpFamily[];

  constructor(options: SiteOptions = {}) {
    const { seed = 1, relays = 1, families = [4, 6] } = options;
    const { clientNat, gatewayNat } = options;
    this.world = new World({ seed });
    this.portal = new SimPortal(this.world);
    this.portal.useIceless = options.useIceless ?? false;
    this.#families = families;
    this.relays = Array.from(
      { length: relays },
      (_, i) => this.addRelay(`relay-${i + 1}`, 100 + i),
    );
    this.client = this.addNode("client", "controlling", 1, {
      behind: clientNat && this.addRouter("client's router", 201, clientNat),
    });
    this.gateway = this.addNode("gateway", "controlled", 2, {
      behind: gatewayNat && this.addRouter("gateway's router", 202, gatewayNat),
    });
  }

  /** Adds a router with the address of this host number. */
  addRouter(
    name: string,
    host: number,
    behaviour: NatBehaviour,
    options: { readonly isolatesHosts?: boolean } = {},
  ): SimRouter {
    const { random } = this.world;
    const outsideIp = hostAddress(4, host);
    return this.world.addRouter(
      new SimRouter({ name, outsideIp, behaviour, random, ...options }),
    );
  }

  /** Adds a node with the addresses of this host number. */
  addNode(
    name: string,
    role: "controlling" | "controlled",
    host: number,
    { port, behind, families = this.#families }: NodeOptions = {},
  ): SimNode {
    const { random, now } = this.world;
    const addresses = families.map((family) =>
      behind && family === 4 ? ip(`10.0.0.${host}`) : hostAddress(family, host)
    );
    const own = port === undefined ? {} : { port };
    return this.world.add(
      new SimNode({ name, role, addresses, random, now, ...own }),
      behind,
    );
  }

  /** Adds a relay with the addresses of this host number. Nobody knows of it yet. */
  addRelay(
    name: string,
    host: number,
    families: readonly IpFamily[] = this.#families,
  ): SimRelay {
    const { random, now } = this.world;
    const addresses = families.map((family) => hostAddress(family, host));
    return this.world.add(new SimRelay({ name, addresses, random, now }));
  }

  /** Tells both nodes of all relays and waits until they have allocations. */
  announceRelays(): void {
    this.portal.announceRelays(this.client, this.relays);
    this.portal.announceRelays(this.gateway, this.relays);
    this.world.advance(1000);
  }

  /** Announces relays, authorizes the client and waits until both ends are established. Returns how long that took, in ms. */
  connect(limitMs = 10_000): number | undefined {
    this.announceRelays();
    this.portal.authorize(this.client, this.gateway);
    return this.world.advanceUntil(
      () => isEstablished(this.client) && isEstablished(this.gateway),
      limitMs,
    );
  }
}

/** Host addresses are `203.0.113.<host>` and `2001:db8::<host>`; behind a NAT `10.0.0.<host>`. */
function hostAddress(family: IpFamily, host: number): IpAddress {
  return ip(family === 4 ? `203.0.113.${host}` : `2001:db8::${host}`);
}

/** Tells whether a connection of the node was ever established. */
export function isEstablished(node: SimNode): boolean {
  return node.events.some(({ kind }) => kind === "established");
}

/** Reads an address that the test wrote down. */
export function ip(text: string): IpAddress {
  const address = parseIp(text);
  if (!address) throw new Error(`Not an IP address: ${text}`);
  return address;
}
