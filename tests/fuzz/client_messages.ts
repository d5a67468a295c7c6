import vectors from "../vectors/firezone_gateway_messages.json" with {
  type: "json",
};

const ID = "66666666-ffff-4fff-8fff-666666666666";
const GATEWAY_ID = "22222222-bbbb-4bbb-8bbb-222222222222";
const SITE = { id: "88888888-0000-4000-8000-888888888888", name: "HQ" };
const KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const CREDENTIALS = { username: "abcd", password: "abcdefghijklmnop" };
const INTERFACE = {
  ipv4: "100.64.3.4",
  ipv6: "fd00:2021:1111::3:4",
  upstream_do53: [{ ip: "9.9.9.9" }],
  search_domain: "corp.example",
};
const RELAYS = vectors.incoming
  .filter(({ name }) => name === "relays_presence")
  .map(({ message }) => message?.payload);

/** A token that is well-formed. */
export const INGEST_TOKEN: string = vectors.incoming
  .find(({ name }) => name === "create_authorization")?.message?.payload
  .flow_logs_ingest_token ?? "";

const RESOURCES = [
  {
    id: ID,
    type: "dns",
    name: "Wiki",
    address: "*.corp.example",
    ip_stack: "ipv4_only",
    filters: [
      { protocol: "tcp", port_range_start: 80, port_range_end: 443 },
      { protocol: "icmp" },
    ],
    sites: [SITE],
  },
  { id: ID, type: "cidr", name: "LAN", address: "10.0.0.0/8", sites: [SITE] },
  { id: ID, type: "internet", gateway_groups: [SITE] },
];

/** A message of each kind that a portal sends to clients. */
export const CLIENT_MESSAGES: readonly {
  readonly event: string;
  readonly payload: unknown;
}[] = [
  {
    event: "init",
    payload: {
      interface: INTERFACE,
      resources: RESOURCES,
      relays: [],
      authorizations: [],
      flow_logs: {
        api_url: "https://flow.example/",
        upload_interval_secs: 60,
        upload_batch_size: 1_000,
      },
    },
  },
  { event: "config_changed", payload: { interface: INTERFACE } },
  ...RESOURCES.map((payload) => ({
    event: "resource_created_or_updated",
    payload,
  })),
  { event: "resource_deleted", payload: ID },
  {
    event: "authorization_created",
    payload: {
      resource_id: ID,
      gateway_id: GATEWAY_ID,
      gateway_public_key: KEY,
      gateway_ipv4: "100.64.0.1",
      gateway_ipv6: "fd00:2021:1111::1",
      site_id: SITE.id,
      preshared_key: KEY,
      client_ice_credentials: CREDENTIALS,
      gateway_ice_credentials: CREDENTIALS,
      use_iceless: true,
      flow_logs_ingest_token: INGEST_TOKEN,
    },
  },
  {
    event: "authorization_creation_failed",
    payload: { resource_id: ID, reason: "offline" },
  },
  {
    event: "ice_candidates",
    payload: {
      gateway_id: GATEWAY_ID,
      candidates: ["candidate:1 1 udp 5 10.0.0.5 9 typ host"],
    },
  },
  ...RELAYS.map((payload) => ({ event: "relays_presence", payload })),
];
