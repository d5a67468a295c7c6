import type { IpAddress } from "../base/mod.ts";
import { addressKey, isTunnelAddress } from "../policy/mod.ts";
import type { Client } from "./client.ts";

/**
 * All clients by id and by tunnel address.
 *
 * An address outside the tunnel range cannot be reached (data-plane spec §6
 * step 2) and is not indexed.
 */
export class ClientDirectory {
  readonly #byId = new Map<string, Client>();
  readonly #byIpv4 = new Map<number, Client>();
  readonly #byIpv6 = new Map<number, Client>();

  /** The number of clients. */
  get size(): number {
    return this.#byId.size;
  }

  /** All clients. The one just visited may be removed meanwhile. */
  all(): IterableIterator<Client> {
    return this.#byId.values();
  }

  /** Returns the client with this id. */
  byId(id: string): Client | undefined {
    return this.#byId.get(id);
  }

  /** Returns the client that owns the address at `bytes[at…]`, which must be a tunnel address for the answer to mean anything. Allocates nothing. */
  byAddress(
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
  ): Client | undefined {
    const index = version === 4 ? this.#byIpv4 : this.#byIpv6;
    return index.get(addressKey(version, bytes, at));
  }

  /** Adds or replaces the client with this id, who takes over its addresses from whoever has them. */
  put(client: Client): void {
    const known = this.#byId.get(client.id);
    if (known !== undefined && known !== client) this.remove(known);
    this.#byId.set(client.id, client);
    const { ipv4, ipv6 } = client.addresses;
    if (isIndexable(ipv4)) this.#byIpv4.set(keyOf(ipv4), client);
    if (isIndexable(ipv6)) this.#byIpv6.set(keyOf(ipv6), client);
  }

  /** Forgets a client, and its addresses unless another one took them over. */
  remove(client: Client): void {
    const { ipv4, ipv6 } = client.addresses;
    this.#byId.delete(client.id);
    removeOwn(this.#byIpv4, keyOf(ipv4), client);
    removeOwn(this.#byIpv6, keyOf(ipv6), client);
  }

  /** Forgets all clients. */
  clear(): void {
    this.#byId.clear();
    this.#byIpv4.clear();
    this.#byIpv6.clear();
  }
}

function isIndexable(ip: IpAddress): boolean {
  return isTunnelAddress(ip.family, ip.bytes, 0);
}

function keyOf({ family, bytes }: IpAddress): number {
  return addressKey(family, bytes, 0);
}

function removeOwn(
  index: Map<number, Client>,
  key: number,
  client: Client,
): void {
  if (index.get(key) === client) index.delete(key);
}
