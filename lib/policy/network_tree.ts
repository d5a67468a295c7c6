import { type Cidr, cidrContainsBytes } from "../base/mod.ts";

/** The answer when no network covers an address, and the parent of a network that lies in no other. */
export const NO_NETWORK: number = -1;

/**
 * Networks of one address family, each with the values registered for it.
 *
 * Two networks are either disjoint or one lies inside the other. So with the
 * networks sorted by address, outer before inner, every network that covers
 * an address is the last one that starts at or before it, or encloses that
 * one. `deepest` finds the innermost by binary search and `parentOf` leads
 * outwards, from longer to shorter prefixes. Neither allocates.
 */
export class NetworkTree<T> {
  readonly #width: number;
  readonly #networks: readonly Cidr[];
  readonly #values: readonly (readonly T[])[];
  /** The addresses of the networks back to back: what the search compares. */
  readonly #addresses: Uint8Array;
  readonly #parents: Int32Array;

  /** Builds the tree. All networks are of one family; equal networks share a node and keep the order of their values. */
  constructor(items: readonly { readonly network: Cidr; readonly value: T }[]) {
    const sorted = items.toSorted((a, b) =>
      compareNetworks(a.network, b.network)
    );
    const networks: Cidr[] = [];
    const values: T[][] = [];
    for (const { network, value } of sorted) {
      const last = networks.at(-1);
      if (last === undefined || compareNetworks(last, network) !== 0) {
        networks.push(network);
        values.push([]);
      }
      values.at(-1)?.push(value);
    }
    this.#networks = networks;
    this.#values = values;
    this.#width = networks[0]?.ip.bytes.length ?? 0;
    this.#addresses = joinAddresses(networks, this.#width);
    this.#parents = findParents(networks);
  }

  /** Returns the node of the longest prefix that covers the address at `bytes[at…]`, or `NO_NETWORK`. */
  deepest(bytes: Uint8Array, at: number): number {
    let node = this.#lastNotAfter(bytes, at);
    while (
      node !== NO_NETWORK &&
      !cidrContainsBytes(this.#networks[node]!, bytes, at)
    ) {
      node = this.#parents[node]!;
    }
    return node;
  }

  /** Returns the node of the next shorter prefix that encloses `node`, or `NO_NETWORK`. */
  parentOf(node: number): number {
    return this.#parents[node]!;
  }

  /** Returns the values registered for the network of `node`. */
  valuesOf(node: number): readonly T[] {
    return this.#values[node]!;
  }

  #lastNotAfter(bytes: Uint8Array, at: number): number {
    let low = 0;
    let high = this.#networks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#startsAfter(middle, bytes, at)) high = middle;
      else low = middle + 1;
    }
    return low - 1;
  }

  #startsAfter(node: number, bytes: Uint8Array, at: number): boolean {
    const base = node * this.#width;
    for (let i = 0; i < this.#width; i++) {
      const difference = this.#addresses[base + i]! - bytes[at + i]!;
      if (difference !== 0) return difference > 0;
    }
    return false;
  }
}

/** Orders by address, then outer before inner. */
function compareNetworks(a: Cidr, b: Cidr): number {
  for (const [i, byte] of a.ip.bytes.entries()) {
    const difference = byte - (b.ip.bytes[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.prefixLength - b.prefixLength;
}

function joinAddresses(networks: readonly Cidr[], width: number): Uint8Array {
  const addresses = new Uint8Array(networks.length * width);
  for (const [i, { ip }] of networks.entries()) {
    addresses.set(ip.bytes, i * width);
  }
  return addresses;
}

function findParents(networks: readonly Cidr[]): Int32Array {
  const parents = new Int32Array(networks.length);
  for (const [i, { ip }] of networks.entries()) {
    let parent = i - 1;
    while (
      parent !== NO_NETWORK &&
      !cidrContainsBytes(networks[parent]!, ip.bytes, 0)
    ) {
      parent = parents[parent]!;
    }
    parents[i] = parent;
  }
  return parents;
}
