import { formatIp, formatSocketAddress } from "../base/mod.ts";
import { FAR_EXPIRY_S } from "./constants.ts";
import { deriveTurnCredentials } from "./credentials.ts";
import type { ClientEntry, Device, Policy, ResourceEntry } from "./policy.ts";
import type { OnlineRelay } from "./relay_directory.ts";

/** One line of `init.authorizations`. */
export interface AuthorizationPayload {
  /** Who may. */
  readonly client_id: string;
  /** What it may use. */
  readonly resource_id: string;
  /** Until when, unix seconds. */
  readonly expires_at: number;
}

/** Builds the `init` of a gateway (portal spec §4.4.1). */
export function gatewayInit(
  policy: Policy,
  gateway: Device,
  relays: readonly unknown[],
  authorizations: readonly AuthorizationPayload[],
): unknown {
  return {
    interface: addressesOf(gateway),
    config: { ipv4_masquerade_enabled: true, ipv6_masquerade_enabled: true },
    account_slug: policy.accountSlug,
    relays,
    authorizations,
    flow_logs: flowLogs(policy),
  };
}

/** Builds the `init` of a client (portal spec §5.1.2). */
export function clientInit(
  policy: Policy,
  client: ClientEntry,
  relays: readonly unknown[],
  resources: readonly unknown[],
): unknown {
  return {
    interface: clientInterface(policy, client),
    resources,
    relays,
    authorizations: [],
    flow_logs: flowLogs(policy),
  };
}

/** Builds a client's tunnel addresses and DNS settings. */
export function clientInterface(policy: Policy, client: ClientEntry): unknown {
  return {
    ...addressesOf(client),
    upstream_do53: policy.upstreamDns.map((ip) => ({ ip: formatIp(ip) })),
    upstream_doh: [],
    upstream_dns: policy.upstreamDns.map((ip) => ({
      protocol: "ip_port",
      address: formatSocketAddress({ ip, port: 53 }),
    })),
    search_domain: policy.searchDomain,
  };
}

/** Builds one element for each address of each relay, IPv4 first (portal spec §4.4.6). */
export function relayPayloads(
  relays: readonly OnlineRelay[],
  publicKey: string,
  expiresAt: number = FAR_EXPIRY_S,
): unknown[] {
  return relays.flatMap(({ id, stampSecret, ipv4, ipv6, port }) => {
    const credentials = deriveTurnCredentials(
      publicKey,
      stampSecret,
      expiresAt,
    );
    return [ipv4, ipv6].flatMap((ip) =>
      ip === undefined ? [] : [{
        id,
        type: "turn",
        addr: formatSocketAddress({ ip, port }),
        ...credentials,
        expires_at: expiresAt,
      }]
    );
  });
}

/** Builds a resource as gateways see it (portal spec §4.4.3). */
export function gatewayResource(resource: ResourceEntry): unknown {
  const { id, kind, name, address } = resource;
  return kind === "internet"
    ? { id, type: kind }
    : { id, type: kind, name, address, filters: filterPayloads(resource) };
}

/** Builds a resource as clients see it; `siteKey` is the field name that their version knows (portal spec §5.1.2). */
export function clientResource(
  policy: Policy,
  resource: ResourceEntry,
  siteKey: "sites" | "gateway_groups",
): unknown {
  const { id, kind, name, address, ipStack, siteId } = resource;
  const site = policy.sites.get(siteId);
  const sites = { [siteKey]: site ? [{ id: site.id, name: site.name }] : [] };
  switch (kind) {
    case "internet":
      return { id, type: kind, name, can_be_disabled: true, ...sites };
    case "cidr":
    case "dns":
      return {
        id,
        type: kind,
        name,
        address,
        address_description: null,
        ...(kind === "dns" ? { ip_stack: ipStack } : {}),
        filters: filterPayloads(resource),
        ...sites,
      };
  }
}

/** Builds the tunnel addresses of a device, without prefix lengths. */
export function addressesOf(
  device: Device,
): { readonly ipv4: string; readonly ipv6: string } {
  return { ipv4: formatIp(device.ipv4), ipv6: formatIp(device.ipv6) };
}

function filterPayloads({ filters }: ResourceEntry): unknown[] {
  return filters.map((filter) =>
    filter.protocol === "icmp" ? { protocol: "icmp" } : {
      protocol: filter.protocol,
      port_range_start: filter.start,
      port_range_end: filter.end,
    }
  );
}

function flowLogs({ flowLogs }: Policy): unknown {
  return {
    api_url: flowLogs.apiUrl,
    upload_interval_secs: flowLogs.uploadIntervalSecs,
    upload_batch_size: flowLogs.uploadBatchSize,
  };
}
