import { naiveAddress } from "./naive_policy.ts";

/** What stands behind one proxy address. */
export interface NaiveTranslation {
  readonly domain: string;
  readonly resources: Set<string>;
  /** Text; `undefined` when the name has no address of the family. */
  real: string | undefined;
}

/** The names of one client, data-plane spec §8.1, step by step. Addresses are text. */
export class NaiveDomains {
  readonly #entries = new Map<string, NaiveTranslation>();

  /** Step 1: does an address stand for another name already? */
  contradicts(domain: string, proxies: readonly string[]): boolean {
    return proxies.some((proxy) => {
      const known = this.#entries.get(proxy);
      return known !== undefined &&
        known.domain.toLowerCase() !== domain.toLowerCase();
    });
  }

  /** Step 3: family by family, ascending and cyclic. */
  assign(
    domain: string,
    resource: string,
    proxies: readonly string[],
    addresses: readonly string[],
  ): void {
    for (const isV6 of [false, true]) {
      const reals = ascending(addresses, isV6);
      ascending(proxies, isV6).forEach((proxy, i) => {
        const known = this.#entries.get(proxy) ??
          { domain, resources: new Set<string>(), real: undefined };
        known.resources.add(resource);
        known.real = reals[i % reals.length];
        this.#entries.set(proxy, known);
      });
    }
  }

  find(proxy: string): NaiveTranslation | undefined {
    return this.#entries.get(proxy);
  }

  clear(): void {
    this.#entries.clear();
  }
}

function ascending(addresses: readonly string[], isV6: boolean): string[] {
  const key = (text: string) => [...naiveAddress(text)].map(pad).join();
  return [...new Set(addresses)]
    .filter((text) => text.includes(":") === isV6)
    .sort((a, b) => key(a) < key(b) ? -1 : 1);
}

function pad(byte: number): string {
  return `${byte}`.padStart(3, "0");
}
