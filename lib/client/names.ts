import { type Instant, instant, type IpAddress } from "../base/mod.ts";
import { addressKey } from "../policy/mod.ts";
import { MAX_NAMES, PROXIES_PER_NAME } from "./constants.ts";
import { proxyIpv4, proxyIpv6 } from "./proxy_addresses.ts";
import type { Route } from "./routes.ts";

/** A domain that somebody asked for, and the addresses that stand for it in the tunnel. */
export class Name {
  /** Lower case, without a trailing dot. */
  readonly domain: string;
  /** Its IPv4 addresses, ascending. */
  readonly ipv4: readonly IpAddress[];
  /** Its IPv6 addresses, ascending. */
  readonly ipv6: readonly IpAddress[];
  /** The routes to the DNS resources that cover it, the most specific first; none once they are deleted. */
  routes: readonly Route[] = [];
  /** When somebody asked for it last. */
  askedAt: Instant = instant(-Infinity);

  /** Creates name number `n`. */
  constructor(domain: string, n: number) {
    const numbers = Array.from(
      { length: PROXIES_PER_NAME },
      (_, i) => n * PROXIES_PER_NAME + i,
    );
    this.domain = domain;
    this.ipv4 = numbers.map(proxyIpv4);
    this.ipv6 = numbers.map(proxyIpv6);
  }

  /** Tells whether a resource that covers the name is offered in the family. */
  isOffered(family: 4 | 6): boolean {
    return this.routes.some((route) => route.offers(family));
  }
}

/**
 * All names that were asked for since the start.
 *
 * A name keeps its addresses for as long as the client lives: a gateway
 * forgets all translations of a client that gives an address to another name
 * (data-plane spec §8.1).
 */
export class Names {
  readonly #byDomain = new Map<string, Name>();
  readonly #byIpv4 = new Map<number, Name>();
  readonly #byIpv6 = new Map<number, Name>();

  /** All names. */
  all(): IterableIterator<Name> {
    return this.#byDomain.values();
  }

  /** Returns the name of a domain, new or known; `undefined` when no further one can be kept. */
  obtain(domain: string): Name | undefined {
    const known = this.#byDomain.get(domain);
    if (known || this.#byDomain.size >= MAX_NAMES) return known;
    const name = new Name(domain, this.#byDomain.size);
    this.#byDomain.set(domain, name);
    for (const { bytes } of name.ipv4) {
      this.#byIpv4.set(addressKey(4, bytes, 0), name);
    }
    for (const { bytes } of name.ipv6) {
      this.#byIpv6.set(addressKey(6, bytes, 0), name);
    }
    return name;
  }

  /** Returns the name of a domain that was asked for before. */
  byDomain(domain: string): Name | undefined {
    return this.#byDomain.get(domain);
  }

  /** Returns the name that the proxy address at `bytes[at…]` stands for. Allocates nothing. */
  byProxy(
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
  ): Name | undefined {
    const names = version === 4 ? this.#byIpv4 : this.#byIpv6;
    return names.get(addressKey(version, bytes, at));
  }
}
