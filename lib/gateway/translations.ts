import type { IpAddress, IpFamily } from "../base/mod.ts";
import { addressKey } from "../policy/mod.ts";
import { MAX_TRANSLATIONS } from "./constants.ts";

/** Bit of a key above those of an address. */
const IPV6_MARK = 1 << 21;

/** What stands behind one proxy address. */
export interface Translation {
  /** The name, as it was first announced. */
  readonly domain: string;
  /** The resources that announced it, greatest id first. They may have been revoked since. */
  readonly resourceIds: readonly string[];
  /** The address of the name that packets go to, of the same family; `undefined` if the name has none. */
  readonly real: IpAddress | undefined;
}

/** A name and the addresses that a client made up for it. */
export interface Announcement {
  /** The resource that the name belongs to. */
  readonly resourceId: string;
  /** In presentation form without trailing dot. Case is of no account. */
  readonly domain: string;
  /** Addresses of the proxy range. */
  readonly proxyIps: readonly IpAddress[];
}

/** A translation as its owner sees it. */
interface Entry {
  readonly domain: string;
  resourceIds: readonly string[];
  real: IpAddress | undefined;
}

/**
 * From the proxy addresses of one client to names and their addresses (data-plane spec §8.1).
 *
 * Entries outlive the resources that they belong to, so that a resource which
 * is granted again works at once. There is a limit for the sake of memory:
 * beyond it the names that were announced least recently are forgotten, and
 * clients announce a name again with every query for it.
 */
export class Translations {
  readonly #entries = new Map<number, Entry>();
  /** Keys of `#entries` by lower-case name, the least recently announced name first. */
  readonly #keysByName = new Map<string, Set<number>>();

  /** The number of proxy addresses. */
  get size(): number {
    return this.#entries.size;
  }

  /** Returns what stands behind the proxy address at `bytes[at…]`. Allocates nothing. */
  find(
    version: IpFamily,
    bytes: Uint8Array,
    at: number,
  ): Translation | undefined {
    return this.#entries.get(proxyKey(version, bytes, at));
  }

  /** Tells whether one of the addresses stands for another name: then the client has started its numbering over. */
  contradicts({ domain, proxyIps }: Announcement): boolean {
    const name = domain.toLowerCase();
    return proxyIps.some(({ family, bytes }) => {
      const known = this.find(family, bytes, 0);
      return known !== undefined && known.domain.toLowerCase() !== name;
    });
  }

  /**
   * Lets each proxy address stand for an address of the name: both in
   * ascending order, family by family, cyclically if there are more proxies.
   */
  assign(announcement: Announcement, addresses: readonly IpAddress[]): void {
    const keys = this.#touch(announcement.domain.toLowerCase());
    for (const family of [4, 6] as const) {
      const reals = ascending(addresses, family);
      ascending(announcement.proxyIps, family).forEach((proxy, i) => {
        const key = proxyKey(family, proxy.bytes, 0);
        keys.add(key);
        this.#put(key, announcement, reals[i % reals.length]);
      });
    }
    this.#makeRoom();
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear();
    this.#keysByName.clear();
  }

  #put(
    key: number,
    { domain, resourceId }: Announcement,
    real: IpAddress | undefined,
  ): void {
    const known = this.#entries.get(key);
    if (known === undefined) {
      this.#entries.set(key, { domain, resourceIds: [resourceId], real });
      return;
    }
    known.real = real;
    if (!known.resourceIds.includes(resourceId)) {
      known.resourceIds = [...known.resourceIds, resourceId].sort().reverse();
    }
  }

  /** Returns the keys of a name, which becomes the most recently announced one. */
  #touch(name: string): Set<number> {
    const keys = this.#keysByName.get(name) ?? new Set();
    this.#keysByName.delete(name);
    this.#keysByName.set(name, keys);
    return keys;
  }

  #makeRoom(): void {
    for (const [name, keys] of this.#keysByName) {
      if (this.size <= MAX_TRANSLATIONS) return;
      this.#keysByName.delete(name);
      for (const key of keys) this.#entries.delete(key);
    }
  }
}

/** Tells proxy addresses of both families apart. */
function proxyKey(version: IpFamily, bytes: Uint8Array, at: number): number {
  const key = addressKey(version, bytes, at);
  return version === 4 ? key : key | IPV6_MARK;
}

/** Returns the addresses of one family by numeric value, each once. */
function ascending(
  addresses: readonly IpAddress[],
  family: IpFamily,
): IpAddress[] {
  return addresses
    .filter((ip) => ip.family === family)
    .sort((a, b) => compareBytes(a.bytes, b.bytes))
    .filter((ip, i, all) =>
      i === 0 || compareBytes(ip.bytes, all[i - 1]!.bytes) !== 0
    );
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
