import {
  type Cidr,
  formatCidr,
  formatIp,
  type IpAddress,
} from "../base/mod.ts";
import {
  PROXY_RANGE_V4,
  PROXY_RANGE_V6,
  TUNNEL_RANGE_V4,
  TUNNEL_RANGE_V6,
} from "../policy/mod.ts";
import type { ClientInterface } from "../portal/mod.ts";
import type { Outbox } from "./outbox.ts";
import { DNS_SENTINEL_V4, DNS_SENTINEL_V6 } from "./proxy_addresses.ts";
import type { Routes } from "./routes.ts";

/** Asks the shell for the interface and the routes that we need, when they are not what it was asked for last. */
export class InterfacePlan {
  readonly #routes: Routes;
  readonly #outbox: Outbox;
  #portalAddresses: readonly IpAddress[] = [];
  /** The last configuration that was asked for, as text. */
  #asked = "";
  #searchDomain: string | null = null;

  /** Plans for the resources in `routes`. */
  constructor(routes: Routes, outbox: Outbox) {
    this.#routes = routes;
    this.#outbox = outbox;
  }

  /** Keeps these addresses out of the tunnel. */
  bypass(addresses: readonly IpAddress[]): void {
    this.#portalAddresses = addresses;
  }

  /** Asks for what is different. */
  update({ ipv4, ipv6, searchDomain }: ClientInterface): void {
    const networks = this.#networks();
    const bypass = networks.some(isDefaultRoute) ? this.#portalAddresses : [];
    const text = [
      ...[ipv4, ipv6].map(formatIp),
      ...networks.map(formatCidr),
      ...bypass.map(formatIp),
    ].join();
    if (text !== this.#asked) {
      this.#asked = text;
      this.#outbox.emit({
        kind: "configure-interface",
        ipv4,
        ipv6,
        routes: networks,
        services: [DNS_SENTINEL_V4, DNS_SENTINEL_V6],
        bypass,
      });
    }
    if (searchDomain === this.#searchDomain) return;
    this.#searchDomain = searchDomain;
    this.#outbox.emit({
      kind: "search-domain-changed",
      searchDomain: searchDomain ?? undefined,
    });
  }

  #networks(): Cidr[] {
    const networks = [...this.#routes.all()].flatMap((it) => it.networks);
    const byText = new Map(
      [
        TUNNEL_RANGE_V4,
        TUNNEL_RANGE_V6,
        PROXY_RANGE_V4,
        PROXY_RANGE_V6,
        ...networks,
      ].map((network) => [formatCidr(network), network]),
    );
    return [...byText.values()];
  }
}

function isDefaultRoute({ prefixLength }: Cidr): boolean {
  return prefixLength === 0;
}
