import type {
  IngestTokenClaims,
  Instant,
  IpAddress,
  TokenBucket,
} from "../base/mod.ts";
import type { FlowOwner } from "../flow_log/mod.ts";
import {
  AddressMemo,
  DomainPattern,
  Filter,
  icmpReplyBudget,
  isMulticastAddress,
  isProxyAddress,
  isRefusedByInternet,
  isTunnelAddress,
  NatTable,
  type ResourceEntry,
  ResourceTable,
  type Selection,
  type TunnelAddresses,
} from "../policy/mod.ts";
import type { Resource } from "../portal/mod.ts";
import type { Selector } from "../wire/mod.ts";
import { Drops } from "./drops.ts";
import {
  type Announcement,
  type Translation,
  Translations,
} from "./translations.ts";

/** Whether a client may exchange packets with an address. `refused`: an Internet resource does not cover it. */
export type Access = Selection | "refused";

/** What became of an authorization. `kind-changed`: the resource is known as another kind, which stays. */
export type GrantOutcome = "added" | "refreshed" | "kind-changed";

/** A resource that a client may reach until `expiresAt`. */
export interface Grant {
  /** The resource. */
  resource: Resource;
  /** When that ends. */
  expiresAt: Instant;
  /** Whose its flows are. */
  owner: FlowOwner;
}

/** The names and the ports of a DNS resource, compiled. */
interface NamedResource {
  readonly pattern: DomainPattern;
  readonly filter: Filter;
}

/**
 * What one client may reach, and the flows that it has (data-plane spec §4.1).
 *
 * Lives from the first authorization until the last one goes, however often
 * the connection fails and comes back in between.
 */
export class Client {
  /** The client's UUID, which also names its connection. */
  readonly id: string;
  /** The only addresses its packets may come from or go to. */
  readonly addresses: TunnelAddresses;
  /** Its flows through proxy addresses. They outlive the resource, whose packets are judged anyway. */
  readonly nat: NatTable;
  /** How many ICMP errors it may still be sent. */
  readonly icmpBudget: TokenBucket = icmpReplyBudget();
  /** Its packets that were not forwarded. */
  readonly drops: Drops = new Drops();
  readonly #grants = new Map<string, Grant>();
  readonly #translations = new Translations();
  #internetId: string | undefined;
  #table = new ResourceTable([]);
  #named: ReadonlyMap<string, NamedResource> = new Map();
  /** The question and the answer of the last `accessTo`, as long as the answer holds. */
  readonly #memo = new AddressMemo<Access>("uncovered");
  #selectedId: string | undefined;
  #translation: Translation | undefined;
  #flowOwner: FlowOwner | undefined;

  /** Creates a client that may not reach anything. `natSeed` is a random 32-bit number. */
  constructor(id: string, addresses: TunnelAddresses, natSeed: number) {
    this.id = id;
    this.addresses = addresses;
    this.nat = new NatTable(natSeed);
  }

  /** The number of resources it may reach. */
  get resourceCount(): number {
    return this.#grants.size;
  }

  /** The number of its proxy addresses. */
  get translationCount(): number {
    return this.#translations.size;
  }

  /** What stands behind the address that `accessTo` was last asked about, if it is a proxy address. */
  get translation(): Translation | undefined {
    return this.#translation;
  }

  /** What it may reach, the oldest first. */
  grants(): Iterable<Readonly<Grant>> {
    return this.#grants.values();
  }

  /** Tells whether it may reach a resource. */
  isAuthorized(resourceId: string): boolean {
    return this.#grants.has(resourceId);
  }

  /** Whose the flow of a packet is that the last `accessTo` permitted. */
  get flowOwner(): FlowOwner | undefined {
    return this.#flowOwner;
  }

  /** Authorizes a resource, or renews it: then only its filters, its expiry and its token change. */
  grant(
    resource: Resource,
    expiresAt: Instant,
    claims: IngestTokenClaims,
  ): GrantOutcome {
    const owner = { clientId: this.id, resourceId: resource.id, claims };
    const known = this.#grants.get(resource.id);
    if (known === undefined) {
      this.#grants.set(resource.id, { resource, expiresAt, owner });
      this.#rebuild();
      return "added";
    }
    known.expiresAt = expiresAt;
    known.owner = owner;
    this.#memo.forget();
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

  /** Withdraws the resources and ends the flows whose time is over. Returns `false` if there are more of the latter than one call ends. */
  expire(now: Instant): boolean {
    this.#revokeWhere((_id, grant) => grant.expiresAt <= now);
    return this.nat.expire(now);
  }

  /**
   * Starts over with translations and flows if an announcement gives an address to another name (data-plane spec §8.1).
   *
   * Returns whether the announced name belongs to the announced resource and
   * that is authorized, so that `translate` will take it.
   */
  acceptsAnnouncement(announcement: Announcement): boolean {
    if (this.#translations.contradicts(announcement)) {
      this.#memo.forget();
      this.#translations.clear();
      this.nat.clear();
    }
    return this.#named.get(announcement.resourceId)?.pattern
      .matches(announcement.domain) ?? false;
  }

  /**
   * Lets the announced proxy addresses stand for `addresses`, and returns whether it may.
   *
   * Flows that exist keep the address that they have. Addresses in the tunnel
   * and groups are passed over.
   */
  translate(
    announcement: Announcement,
    addresses: readonly IpAddress[],
  ): boolean {
    if (!this.acceptsAnnouncement(announcement)) return false;
    this.#memo.forget();
    this.#translations.assign(announcement, addresses.filter(isOutsideTunnel));
    return true;
  }

  /**
   * Judges the resource's side of a packet: its address and its selector (data-plane spec §5 steps 8 to 10).
   *
   * A client with an Internet resource reaches everything but the refused
   * ranges under it, and proxy addresses by their names. Packets come in runs,
   * both ways: what was asked last is not judged again. Allocates nothing.
   */
  accessTo(
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
    selector: Selector,
  ): Access {
    const memo = this.#memo;
    if (memo.isAbout(version, bytes, at, selector)) return memo.answer;
    const access = this.#judge(version, bytes, at, selector);
    const id = this.#selectedId;
    this.#flowOwner = id === undefined
      ? undefined
      : this.#grants.get(id)?.owner;
    memo.remember(version, bytes, at, selector, access);
    return access;
  }

  #judge(
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
    selector: Selector,
  ): Access {
    this.#translation = undefined;
    if (isProxyAddress(version, bytes, at)) {
      const translation = this.#translations.find(version, bytes, at);
      if (translation !== undefined) {
        this.#translation = translation;
        return this.#accessByName(translation, selector);
      }
    } else if (this.#internetId !== undefined) {
      this.#selectedId = this.#internetId;
      return isRefusedByInternet(version, bytes, at) ? "refused" : "permitted";
    }
    const selection = this.#table.select(version, bytes, at, selector);
    this.#selectedId = this.#table.selected?.resourceId;
    return selection;
  }

  /**
   * Judges a packet to or from a name: one of its resources must permit it.
   *
   * Deviation: networks of CIDR resources that happen to cover the proxy range
   * have no say (data-plane spec §7 lets them). They are about the addresses
   * themselves, not about what a client lets them stand for.
   */
  #accessByName({ resourceIds }: Translation, selector: Selector): Access {
    let best: Access = "uncovered";
    for (let i = 0; i < resourceIds.length; i++) {
      const id = resourceIds[i]!;
      const resource = this.#named.get(id);
      if (resource === undefined) continue;
      if (resource.filter.permits(selector)) {
        this.#selectedId = id;
        return "permitted";
      }
      best = "filtered";
    }
    return best;
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
    this.#memo.forget();
    const resources = [...this.#grants.values()].map((grant) => grant.resource);
    const internetIds = resources.filter(({ kind }) => kind === "internet")
      .map(({ id }) => id).sort();
    this.#internetId = internetIds[0];
    this.#table = new ResourceTable(
      this.#internetId === undefined ? resources.flatMap(networkOf) : [],
    );
    this.#named = new Map(resources.flatMap(namesOf));
  }
}

/** Returns the entry of a CIDR resource. A site with an Internet resource serves none of them (data-plane spec §5). */
function networkOf(resource: Resource): ResourceEntry[] {
  return resource.kind !== "cidr" ? [] : [{
    resourceId: resource.id,
    network: resource.address,
    filter: new Filter(resource.filters),
  }];
}

/** Returns the entry of a DNS resource. */
function namesOf(resource: Resource): [string, NamedResource][] {
  return resource.kind !== "dns" ? [] : [[resource.id, {
    pattern: DomainPattern.parse(resource.address),
    filter: new Filter(resource.filters),
  }]];
}

/**
 * Tells whether a name may lead to an address.
 *
 * Whoever answers for a name must not open what no client may send to by
 * address: other clients and groups (data-plane spec §5 steps 1 and 7).
 */
function isOutsideTunnel({ family, bytes }: IpAddress): boolean {
  return !isTunnelAddress(family, bytes, 0) &&
    !isMulticastAddress(family, bytes, 0);
}

/** An address never changes: the portal announces that as a revocation. */
function withFiltersOf(known: Resource, update: Resource): Resource {
  if (known.kind === "internet" || update.kind === "internet") return known;
  return { ...known, filters: update.filters };
}
