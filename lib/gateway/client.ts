import { type Instant, unreachable } from "../base/mod.ts";
import type { Resource } from "../portal/mod.ts";
import {
  Filter,
  isProxyAddress,
  isRefusedByInternet,
  type ResourceEntry,
  ResourceTable,
  type Selection,
  type TunnelAddresses,
} from "../policy/mod.ts";
import type { Selector } from "../wire/mod.ts";

/** Whether a client may exchange packets with an address. `refused`: an Internet resource does not cover it. */
export type Access = Selection | "refused";

/** What became of an authorization. `kind-changed`: the resource is known as another kind, which stays. */
export type GrantOutcome = "added" | "refreshed" | "kind-changed";

/** A resource that a client may reach until `expiresAt`. */
interface Grant {
  resource: Resource;
  expiresAt: Instant;
}

/**
 * What one client may reach (data-plane spec §4.1).
 *
 * Lives from the first authorization until the last one goes, however often
 * the connection fails and comes back in between.
 */
export class Client {
  /** The client's UUID, which also names its connection. */
  readonly id: string;
  /** The only addresses its packets may come from or go to. */
  readonly addresses: TunnelAddresses;
  readonly #grants = new Map<string, Grant>();
  #hasInternet = false;
  #table = new ResourceTable([]);

  /** Creates a client that may not reach anything. */
  constructor(id: string, addresses: TunnelAddresses) {
    this.id = id;
    this.addresses = addresses;
  }

  /** The number of resources it may reach. */
  get resourceCount(): number {
    return this.#grants.size;
  }

  /** Authorizes a resource, or renews it: then only its filters and its expiry change. */
  grant(resource: Resource, expiresAt: Instant): GrantOutcome {
    const known = this.#grants.get(resource.id);
    if (known === undefined) {
      this.#grants.set(resource.id, { resource, expiresAt });
      this.#rebuild();
      return "added";
    }
    known.expiresAt = expiresAt;
    return this.updateFilters(resource) ? "refreshed" : "kind-changed";
  }

  /** Replaces the filters of a resource. Returns `false`, without effect, when it is not authorized or of another kind. */
  updateFilters(resource: Resource): boolean {
    const known = this.#grants.get(resource.id);
    if (known === undefined || known.resource.kind !== resource.kind) {
      return false;
    }
    known.resource = withFiltersOf(known.resource, resource);
    this.#rebuild();
    return true;
  }

  /** Moves the expiry of a resource, if it is authorized. */
  setExpiry(resourceId: string, expiresAt: Instant): void {
    const known = this.#grants.get(resourceId);
    if (known !== undefined) known.expiresAt = expiresAt;
  }

  /** Withdraws a resource at once. Returns `false` when it is not authorized. */
  revoke(resourceId: string): boolean {
    if (!this.#grants.delete(resourceId)) return false;
    this.#rebuild();
    return true;
  }

  /** Withdraws every resource that is not among `resourceIds`. */
  revokeOthers(resourceIds: ReadonlySet<string>): void {
    this.#revokeWhere((id) => !resourceIds.has(id));
  }

  /** Withdraws the resources whose time is over. */
  expire(now: Instant): void {
    this.#revokeWhere((_id, grant) => grant.expiresAt <= now);
  }

  /**
   * Judges the resource's side of a packet: its address and its selector (data-plane spec §5 steps 8 to 10).
   *
   * A client with an Internet resource reaches everything but the refused
   * ranges under it, and proxy addresses by the table. Allocates nothing.
   */
  accessTo(
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
    selector: Selector,
  ): Access {
    if (this.#hasInternet && !isProxyAddress(version, bytes, at)) {
      return isRefusedByInternet(version, bytes, at) ? "refused" : "permitted";
    }
    return this.#table.select(version, bytes, at, selector);
  }

  #revokeWhere(predicate: (id: string, grant: Grant) => boolean): void {
    const before = this.#grants.size;
    for (const [id, grant] of this.#grants) {
      if (predicate(id, grant)) this.#grants.delete(id);
    }
    if (this.#grants.size !== before) this.#rebuild();
  }

  /** Derives the lookup structures from the grants. The only writer of them. */
  #rebuild(): void {
    const resources = [...this.#grants.values()].map((grant) => grant.resource);
    this.#hasInternet = resources.some(({ kind }) => kind === "internet");
    this.#table = new ResourceTable(
      resources.flatMap((resource) => entriesOf(resource, this.#hasInternet)),
    );
  }
}

/** A site with an Internet resource serves no CIDR resource (data-plane spec §5). DNS resources enter by their translations. */
function entriesOf(resource: Resource, hasInternet: boolean): ResourceEntry[] {
  switch (resource.kind) {
    case "cidr":
      return hasInternet ? [] : [{
        resourceId: resource.id,
        network: resource.address,
        filter: new Filter(resource.filters),
      }];
    case "dns":
    case "internet":
      return [];
    default:
      return unreachable(resource);
  }
}

/** An address never changes: the portal announces that as a revocation. */
function withFiltersOf(known: Resource, update: Resource): Resource {
  if (known.kind === "internet" || update.kind === "internet") return known;
  return { ...known, filters: update.filters };
}
