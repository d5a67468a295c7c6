import {
  elapsedMs,
  type Epoch,
  formatCidr,
  formatIp,
  type Instant,
  NEVER,
  unixAt,
} from "../base/mod.ts";
import type { ConnectionSnapshot } from "../connection/mod.ts";
import type { Resource } from "../portal/mod.ts";
import type { Client, Grant } from "./client.ts";

/** One authorization at a moment. Plain data without secrets. */
export interface AuthorizationSnapshot {
  /** The resource. */
  readonly resource: string;
  /** What kind it is. */
  readonly kind: Resource["kind"];
  /** What people call it. */
  readonly name: string;
  /** The network or the pattern of names; `null` for an Internet resource, which has none. */
  readonly address: string | null;
  /** When it ends, in ms of Unix time; `null` means never. */
  readonly expiresAt: number | null;
}

/** A packet that was not forwarded. */
export interface DropSnapshot {
  /** Why not. */
  readonly reason: string;
  /** Where it came from: the client, or a resource. */
  readonly from: "client" | "resource";
  /** How long ago that was, in ms. */
  readonly ageMs: number;
}

/** One client at a moment. Plain data without secrets. */
export interface PeerSnapshot {
  /** The client's UUID. */
  readonly client: string;
  /** Who uses it, as the portal says; `null` while it has no authorization. */
  readonly user: string | null;
  /** Its addresses in the tunnel; none without a record of it. */
  readonly addresses: readonly string[];
  /** How it is reached; `null` while it is not connected. */
  readonly connection: ConnectionSnapshot | null;
  /** What it may reach. */
  readonly authorizations: readonly AuthorizationSnapshot[];
  /** The last packet from it or to it that was not forwarded; `null` if there was none. */
  readonly lastDrop: DropSnapshot | null;
  /** How many packets from it or to it were not forwarded. */
  readonly drops: number;
}

/** Describes all clients, those connected and those that only may connect, the longest known first. */
export function describePeers(
  clients: Iterable<Client>,
  connections: readonly ConnectionSnapshot[],
  epoch: Epoch,
  now: Instant,
): PeerSnapshot[] {
  const unclaimed = new Map(connections.map((it) => [it.peer, it]));
  const peers: PeerSnapshot[] = [];
  for (const client of clients) {
    const connection = unclaimed.get(client.id) ?? null;
    unclaimed.delete(client.id);
    peers.push(describeClient(client, connection, epoch, now));
  }
  const strangers = [...unclaimed.values()].map(describeStranger);
  return [...peers, ...strangers];
}

function describeClient(
  client: Client,
  connection: ConnectionSnapshot | null,
  epoch: Epoch,
  now: Instant,
): PeerSnapshot {
  const { ipv4, ipv6 } = client.addresses;
  const { reason, from, at, count } = client.drops;
  const [grant] = client.grants();
  const claims = grant?.owner.claims;
  return {
    client: client.id,
    user: claims?.initiatorActorEmail ?? claims?.initiatorActorName ?? null,
    addresses: [formatIp(ipv4), formatIp(ipv6)],
    connection,
    authorizations: [...client.grants()].map((it) => describeGrant(it, epoch)),
    lastDrop: reason === undefined
      ? null
      : { reason, from, ageMs: elapsedMs(at, now) },
    drops: count,
  };
}

/** A connection outlives the last authorization by a moment, and comes before the first. */
function describeStranger(connection: ConnectionSnapshot): PeerSnapshot {
  return {
    client: connection.peer,
    user: null,
    addresses: [],
    connection,
    authorizations: [],
    lastDrop: null,
    drops: 0,
  };
}

function describeGrant(
  { resource, expiresAt, owner }: Grant,
  epoch: Epoch,
): AuthorizationSnapshot {
  return {
    resource: resource.id,
    kind: resource.kind,
    name: resource.kind === "internet"
      ? owner.claims.resourceName
      : resource.name,
    address: addressOf(resource),
    expiresAt: expiresAt === NEVER ? null : unixAt(epoch, expiresAt),
  };
}

function addressOf(resource: Resource): string | null {
  switch (resource.kind) {
    case "cidr":
      return formatCidr(resource.address);
    case "dns":
      return resource.address;
    case "internet":
      return null;
  }
}
