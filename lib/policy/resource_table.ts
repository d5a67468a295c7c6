import type { Cidr } from "../base/mod.ts";
import type { Selector } from "../wire/mod.ts";
import type { Filter } from "./filter.ts";
import { NetworkTree, NO_NETWORK } from "./network_tree.ts";

/** One way to a resource: a network, and what may be said to it. */
export interface ResourceEntry {
  /** Lower-case UUID of the resource. */
  readonly resourceId: string;
  /** The addresses: a CIDR resource's network, or one proxy address of a DNS resource. */
  readonly network: Cidr;
  /** The resource's filters. */
  readonly filter: Filter;
}

/** What a table says about an address and a selector. `filtered`: entries cover the address, but none permits the selector. */
export type Selection = "permitted" | "filtered" | "uncovered";

/**
 * From an address to the resource it belongs to, for one client (data-plane spec §7).
 *
 * Of all entries that cover an address, those whose filter permits the
 * selector come first, then longer prefixes, then greater resource ids. So
 * overlapping resources are OR-ed: a permitting /8 beats a rejecting /32.
 *
 * A table never changes; a change of resources, filters or translations
 * builds a fresh one. A lookup costs one binary search and one step for each
 * enclosing network, and allocates nothing.
 */
export class ResourceTable {
  readonly #ipv4: NetworkTree<ResourceEntry>;
  readonly #ipv6: NetworkTree<ResourceEntry>;
  #selected: ResourceEntry | undefined;

  /** Builds a table. */
  constructor(entries: readonly ResourceEntry[]) {
    const items = entries
      .toSorted((a, b) => descending(a.resourceId, b.resourceId))
      .map((entry) => ({ network: entry.network, value: entry }));
    this.#ipv4 = new NetworkTree(
      items.filter(({ network }) => network.ip.family === 4),
    );
    this.#ipv6 = new NetworkTree(
      items.filter(({ network }) => network.ip.family === 6),
    );
  }

  /** Selects the best entry for the address at `bytes[at…]` and the selector of the resource's side. */
  select(
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
    selector: Selector,
  ): Selection {
    const tree = version === 4 ? this.#ipv4 : this.#ipv6;
    let best: ResourceEntry | undefined;
    let node = tree.deepest(bytes, at);
    while (node !== NO_NETWORK) {
      const entries = tree.valuesOf(node);
      for (let i = 0; i < entries.length; i++) {
        const entry = entries[i]!;
        if (entry.filter.permits(selector)) {
          this.#selected = entry;
          return "permitted";
        }
        best ??= entry;
      }
      node = tree.parentOf(node);
    }
    this.#selected = best;
    return best === undefined ? "uncovered" : "filtered";
  }

  /** The best entry of the last `select`, also if it does not permit; `undefined` after `uncovered`. */
  get selected(): ResourceEntry | undefined {
    return this.#selected;
  }
}

/** Orders lower-case UUIDs from the greatest bytes to the least. */
function descending(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? 1 : -1;
}
