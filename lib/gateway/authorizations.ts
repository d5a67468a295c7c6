import {
  after,
  type Epoch,
  type Instant,
  type Logger,
  NEVER,
  type RandomSource,
  randomU32,
} from "../base/mod.ts";
import { equalTunnelAddresses, type TunnelAddresses } from "../policy/mod.ts";
import type {
  CreateAuthorization,
  GatewayInit,
  Resource,
} from "../portal/mod.ts";
import { Client } from "./client.ts";
import type { ClientDirectory } from "./client_directory.ts";
import {
  HOUSEKEEPING_INTERVAL_MS,
  HOUSEKEEPING_PAUSE_MS,
} from "./constants.ts";
import { expiryInstant } from "./expiry.ts";

/** What authorizations act on. */
export interface AuthorizationsOptions {
  /** All clients. */
  readonly clients: ClientDirectory;
  /** Maps expiry times to the monotonic clock. */
  readonly epoch: Epoch;
  /** Makes the tables of clients unpredictable. */
  readonly random: RandomSource;
  /** Where decisions are logged. */
  readonly log: Logger;
  /** Called for a client that has nothing left that it may reach. */
  readonly dismiss: (client: Client, now: Instant) => void;
  /** Whether nothing was heard of a client for so long that it may be sent away in a drain. */
  readonly isSilent: (client: Client, now: Instant) => boolean;
  /** Called once when a drain has sent the last client away. */
  readonly drained: () => void;
  /** Called when what is known of a client is void, because its addresses changed. */
  readonly discard: (client: Client) => void;
}

/** Who may reach what and until when: the portal's word, and the clock (data-plane spec §4.2). */
export class Authorizations {
  readonly #options: AuthorizationsOptions;
  #housekeepAt: Instant = NEVER;
  #drain: "no" | "under-way" | "done" = "no";

  /** Creates authorizations of nobody. */
  constructor(options: AuthorizationsOptions) {
    this.#options = options;
  }

  /** The number of authorizations of all clients. */
  get size(): number {
    let size = 0;
    for (const client of this.#options.clients.all()) {
      size += client.resourceCount;
    }
    return size;
  }

  /** Applies the portal's snapshot: it takes away what it does not list, and adds nothing (portal spec §4.4.1). */
  reconcile(authorizations: GatewayInit["authorizations"], now: Instant): void {
    const { clients, epoch } = this.#options;
    const expiries = groupByClient(authorizations);
    for (const client of clients.all()) {
      const listed = expiries.get(client.id) ?? new Map<string, number>();
      client.revokeOthers(new Set(listed.keys()));
      for (const [resourceId, expiresAt] of listed) {
        client.setExpiry(resourceId, expiryInstant(expiresAt, epoch, now));
      }
    }
  }

  /** Lets a client reach a resource. */
  grant(message: CreateAuthorization, now: Instant): void {
    const { epoch, log } = this.#options;
    const { resource, expiresAt, flowLogsIngestToken } = message;
    const client = this.#upsertClient(message.client, now);
    const outcome = client.grant(
      resource,
      expiryInstant(expiresAt, epoch, now),
      flowLogsIngestToken.claims,
    );
    const fields = { client: client.id, resource: resource.id, outcome };
    if (outcome === "kind-changed") {
      log.log("warn", "Resource was granted as another kind", fields);
    } else log.log("debug", "Authorization granted", fields);
  }

  /** Withdraws an authorization at once. */
  reject(clientId: string, resourceId: string, now: Instant): void {
    const { clients, log, dismiss } = this.#options;
    const client = clients.byId(clientId);
    if (client === undefined || !client.revoke(resourceId)) return;
    log.log("debug", "Authorization rejected", {
      client: clientId,
      resource: resourceId,
    });
    if (client.resourceCount === 0) dismiss(client, now);
  }

  /** Replaces the filters of a resource for all clients that may reach it. */
  updateFilters(resource: Resource): void {
    for (const client of this.#options.clients.all()) {
      client.updateFilters(resource);
    }
  }

  /** Dismisses clients one by one as they fall silent, from the next `handleTimeout` on. */
  drain(now: Instant): void {
    if (this.#drain !== "no") return;
    this.#drain = "under-way";
    this.#housekeepAt = now;
  }

  /** Ends what is over, and dismisses clients that have nothing left. */
  handleTimeout(now: Instant): void {
    if (now < this.#housekeepAt) return;
    const { clients, dismiss } = this.#options;
    let isDone = true;
    for (const client of clients.all()) {
      if (!client.expire(now)) isDone = false;
      if (this.#mustGo(client, now)) dismiss(client, now);
    }
    const pauseMs = isDone ? HOUSEKEEPING_INTERVAL_MS : HOUSEKEEPING_PAUSE_MS;
    this.#housekeepAt = clients.size === 0 ? NEVER : after(now, pauseMs);
    if (clients.size === 0 && this.#drain === "under-way") {
      this.#drain = "done";
      this.#options.drained();
    }
  }

  /** Returns when `handleTimeout` is due: once a second while there are clients, sooner when one run is not enough. */
  pollTimeout(): Instant {
    return this.#housekeepAt;
  }

  /** Takes everything from everyone. */
  clear(): void {
    this.#options.clients.clear();
    this.#housekeepAt = NEVER;
  }

  #mustGo(client: Client, now: Instant): boolean {
    if (client.resourceCount === 0) return true;
    return this.#drain !== "no" && this.#options.isSilent(client, now);
  }

  /** Finds or makes the record of a client. One whose addresses changed starts from nothing. */
  #upsertClient(
    { id, ipv4, ipv6 }: { readonly id: string } & TunnelAddresses,
    now: Instant,
  ): Client {
    const { clients, random, discard } = this.#options;
    const addresses = { ipv4, ipv6 };
    let client = clients.byId(id);
    if (client && !equalTunnelAddresses(client.addresses, addresses)) {
      discard(client);
      client = undefined;
    }
    client ??= new Client(id, addresses, randomU32(random));
    clients.put(client);
    if (this.#housekeepAt === NEVER) {
      this.#housekeepAt = after(now, HOUSEKEEPING_INTERVAL_MS);
    }
    return client;
  }
}

/** Returns the expiry of each listed resource by client. */
function groupByClient(
  authorizations: GatewayInit["authorizations"],
): Map<string, Map<string, number>> {
  const clients = new Map<string, Map<string, number>>();
  for (const { clientId, resourceId, expiresAt } of authorizations) {
    const resources = clients.get(clientId) ?? new Map<string, number>();
    resources.set(resourceId, expiresAt);
    clients.set(clientId, resources);
  }
  return clients;
}
