import { type IpAddress, type IpFamily, parseIp } from "../../lib/base/mod.ts";
import { SimNode } from "./sim_node.ts";
import { SimPortal } from "./sim_portal.ts";
import { SimRelay } from "./sim_relay.ts";
import { World } from "./world.ts";

/** How a site differs from the usual. */
export interface SiteOptions {
  readonly seed?: number;
  readonly relays?: number;
  /** The families that all hosts have. */
  readonly families?: readonly IpFamily[];
  /** Whether connections do without ICE. */
  readonly useIceless?: boolean;
}

/** A client, a gateway and relays that know of each other, ready to connect. */
export class Site {
  readonly world: World;
  readonly portal: SimPortal;
  readonly relays: readonly SimRelay[];
  readonly client: SimNode;
  readonly gateway: SimNode;

  readonly #families: readonly IpFamily[];

  constructor(
    { seed = 1, relays = 1, families = [4, 6], useIceless = false }:
      SiteOptions = {},
  ) {
    this.world = new World({ seed });
    this.portal = new SimPortal(this.world);
    this.portal.useIceless = useIceless;
    this.#families = families;
    this.relays = Array.from(
      { length: relays },
      (_, i) => this.addRelay(`relay-${i + 1}`, 100 + i),
    );
    this.client = this.addNode("client", "controlling", 1);
    this.gateway = this.addNode("gateway", "controlled", 2);
  }

  /** Adds a node with the addresses of this host number. */
  addNode(
    name: string,
    role: "controlling" | "controlled",
    host: number,
    options: { readonly port?: number } = {},
  ): SimNode {
    const { random, now } = this.world;
    const addresses = this.#addressesOf(host);
    return this.world.add(
      new SimNode({ name, role, addresses, random, now, ...options }),
    );
  }

  /** Adds a relay with the addresses of this host number. Nobody knows of it yet. */
  addRelay(name: string, host: number): SimRelay {
    const { random, now } = this.world;
    const addresses = this.#addressesOf(host);
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

  #addressesOf(host: number): IpAddress[] {
    return this.#families.map((family) => hostAddress(family, host));
  }
}

/** Host addresses are `203.0.113.<host>` and `2001:db8::<host>`. */
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
