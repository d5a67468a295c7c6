import type { IpAddress } from "../base/mod.ts";
import { FAR_EXPIRY_S } from "./constants.ts";

/** Ports or a protocol that a resource is restricted to. */
export type PortFilter =
  | {
    /** Transport protocol. */
    readonly protocol: "tcp" | "udp";
    /** First port. */
    readonly start: number;
    /** Last port. */
    readonly end: number;
  }
  | {
    /** ICMP or ICMPv6 echo. */
    readonly protocol: "icmp";
  };

/** A group of gateways that reach the same resources. */
export interface Site {
  /** UUID. */
  readonly id: string;
  /** Display name, unique. */
  readonly name: string;
}

/** A gateway or client, and what the portal keeps for it. */
export interface Device {
  /** UUID. */
  readonly id: string;
  /** Display name, unique among its kind. */
  readonly name: string;
  /** Tunnel address. */
  readonly ipv4: IpAddress;
  /** Tunnel address. */
  readonly ipv6: IpAddress;
  /** 32 bytes that its preshared keys come from. */
  readonly pskBase: Uint8Array;
}

/** A gateway that may connect. */
export interface GatewayEntry extends Device {
  /** The site it serves. */
  readonly siteId: string;
}

/** A client that may connect. */
export interface ClientEntry extends Device {
  /** When its session ends, unix seconds. */
  readonly expiresAt: number;
}

/** A relay that may connect. */
export interface RelayEntry {
  /** Display name, unique. */
  readonly name: string;
}

/** Something that clients can be allowed to reach. */
export interface ResourceEntry {
  /** UUID. */
  readonly id: string;
  /** Display name, unique. */
  readonly name: string;
  /** The site whose gateways reach it. */
  readonly siteId: string;
  /** What its address means. A single IP address is a `cidr` too. */
  readonly kind: "cidr" | "dns" | "internet";
  /** Network or domain pattern; empty for `internet`. */
  readonly address: string;
  /** Families that a `dns` resource is resolved in. */
  readonly ipStack: "dual" | "ipv4_only" | "ipv6_only";
  /** What may pass; everything when empty. */
  readonly filters: readonly PortFilter[];
}

/** Allows clients to use resources. */
export interface PolicyRule {
  /** UUID. */
  readonly id: string;
  /** The client, or `null` for all. */
  readonly clientId: string | null;
  /** The resource, or `null` for all. */
  readonly resourceId: string | null;
  /** When it stops to apply, unix seconds. */
  readonly expiresAt: number;
}

/** What gateways and clients do with flow logs. */
export interface FlowLogSettings {
  /** Base URL of the service that takes them. */
  readonly apiUrl: string;
  /** Seconds between uploads; 0 turns them off. */
  readonly uploadIntervalSecs: number;
  /** Records in one upload; 0 leaves it to them. */
  readonly uploadBatchSize: number;
  /** Whether tokens say that records are wanted. */
  readonly uploadsEnabled: boolean;
}

/** Whose a token is. */
export type TokenOwner =
  | { readonly role: "gateway" | "client"; readonly id: string }
  | { readonly role: "relay"; readonly name: string };

/** Everything a portal decides from. Made by `parsePolicy`; plain data. */
export interface Policy {
  /** UUID of the only account. */
  readonly accountId: string;
  /** Its short name. */
  readonly accountSlug: string;
  /** What ids, addresses and keys that the file does not name are derived from. */
  readonly secret: string;
  /** Whether connect attempts are limited to one per second, IP address and token. */
  readonly connectRateLimit: boolean;
  /** Whether peers that both can do so connect without ICE. */
  readonly iceless: boolean;
  /** Resolvers that clients use for everything that is no resource. */
  readonly upstreamDns: readonly IpAddress[];
  /** Domain that clients append to single-label names. */
  readonly searchDomain: string | null;
  /** Where flow logs go. */
  readonly flowLogs: FlowLogSettings;
  /** Sites by id. */
  readonly sites: ReadonlyMap<string, Site>;
  /** Gateways by id. */
  readonly gateways: ReadonlyMap<string, GatewayEntry>;
  /** Clients by id. */
  readonly clients: ReadonlyMap<string, ClientEntry>;
  /** Relays by name. */
  readonly relays: ReadonlyMap<string, RelayEntry>;
  /** Resources by id. */
  readonly resources: ReadonlyMap<string, ResourceEntry>;
  /** What allows what. */
  readonly rules: readonly PolicyRule[];
  /** Owners by the lower-case hex SHA-256 of their tokens. */
  readonly tokens: ReadonlyMap<string, TokenOwner>;
  /** Lower-case hex SHA-256 of the token that allows control calls, or `null` for none. */
  readonly controlTokenHash: string | null;
}

/** What the policy says about one client and one resource at one time. */
export type Access =
  | {
    /** Allowed. */
    readonly kind: "allowed";
    /** The rule that allows it for the longest time. */
    readonly ruleId: string;
    /** Until when, unix seconds. */
    readonly expiresAt: number;
  }
  /** Rules allow it, but not at this time. */
  | { readonly kind: "forbidden" }
  /** No rule, no such resource or no such client. */
  | { readonly kind: "not-found" };

/** Decides whether `clientId` may use `resourceId` at `nowS`, unix seconds. */
export function accessOf(
  policy: Policy,
  clientId: string,
  resourceId: string,
  nowS: number,
): Access {
  const client = policy.clients.get(clientId);
  if (!client || !policy.resources.has(resourceId)) {
    return { kind: "not-found" };
  }
  const rules = policy.rules.filter((rule) =>
    (rule.clientId === null || rule.clientId === clientId) &&
    (rule.resourceId === null || rule.resourceId === resourceId)
  );
  let best: PolicyRule | undefined;
  for (const rule of rules) {
    if (!best || rule.expiresAt > best.expiresAt) best = rule;
  }
  if (!best) return { kind: "not-found" };

  const expiresAt = Math.min(best.expiresAt, client.expiresAt);
  return expiresAt > nowS
    ? { kind: "allowed", ruleId: best.id, expiresAt }
    : { kind: "forbidden" };
}

/** Returns the resources `clientId` may use at `nowS`, unix seconds. */
export function resourcesOf(
  policy: Policy,
  clientId: string,
  nowS: number,
): ResourceEntry[] {
  return [...policy.resources.values()].filter(({ id }) =>
    accessOf(policy, clientId, id, nowS).kind === "allowed"
  );
}

/** Returns the first time after `nowS` at which a rule or a client's session ends, unix seconds, or `undefined`. */
export function nextExpiry(policy: Policy, nowS: number): number | undefined {
  let next = FAR_EXPIRY_S;
  for (const { expiresAt } of policy.rules) {
    if (expiresAt > nowS) next = Math.min(next, expiresAt);
  }
  for (const { expiresAt } of policy.clients.values()) {
    if (expiresAt > nowS) next = Math.min(next, expiresAt);
  }
  return next === FAR_EXPIRY_S ? undefined : next;
}
