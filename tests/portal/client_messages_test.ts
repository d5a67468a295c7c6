import assert from "node:assert/strict";
import fc from "fast-check";
import { formatCidr, formatIp } from "../../lib/base/mod.ts";
import {
  type ClientMessage,
  encodeClientRequest,
  parseClientMessage,
  RELAY_PROFILE,
  relayJoinPayload,
} from "../../lib/portal/mod.ts";
import { RESOURCE_ID } from "./harness.ts";
import vectors from "../vectors/firezone_gateway_messages.json" with {
  type: "json",
};

const GATEWAY_ID = "22222222-bbbb-4bbb-8bbb-222222222222";
const SITE = { id: "88888888-0000-4000-8000-888888888888", name: "HQ" };
const INTERFACE = {
  ipv4: "100.64.3.4",
  ipv6: "fd00:2021:1111::3:4",
  upstream_do53: [{ ip: "9.9.9.9" }],
  upstream_doh: [],
  upstream_dns: [{ protocol: "ip_port", address: "9.9.9.9:53" }],
  search_domain: null,
};
const FLOW_LOGS = {
  api_url: "https://flow.example/",
  upload_interval_secs: 0,
  upload_batch_size: 1000,
};
const DNS_RESOURCE = {
  id: RESOURCE_ID,
  type: "dns",
  name: "Internal wiki",
  address: "wiki.corp.example",
  address_description: null,
  ip_stack: "dual",
  filters: [],
  sites: [SITE],
};
const INGEST_TOKEN = vectors.incoming.find(({ name }) =>
  name === "create_authorization"
)?.message?.payload.flow_logs_ingest_token;

function accept<K extends ClientMessage["kind"]>(
  event: string,
  payload: unknown,
  kind: K,
): Extract<ClientMessage, { kind: K }> {
  const parsed = parseClientMessage(event, payload);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  assert.equal(parsed.value.kind, kind);
  return parsed.value as Extract<ClientMessage, { kind: K }>;
}

function refusal(event: string, payload: unknown): string {
  const parsed = parseClientMessage(event, payload);
  assert.ok(!parsed.ok, "accepted");
  return parsed.error.reason;
}

Deno.test("a client's init is read without its malformed and unsupported resources", () => {
  const init = accept("init", {
    interface: INTERFACE,
    resources: [
      { id: RESOURCE_ID, type: "cidr" },
      DNS_RESOURCE,
      { id: RESOURCE_ID, type: "static_device_pool", name: "pool" },
      { id: RESOURCE_ID, type: "from_the_future" },
      null,
      { id: RESOURCE_ID, type: "internet", gateway_groups: [SITE] },
    ],
    relays: [],
    authorizations: [],
    flow_logs: FLOW_LOGS,
  }, "init");

  assert.equal(formatIp(init.interface.ipv4), "100.64.3.4");
  assert.deepEqual(init.interface.upstreamDns, ["9.9.9.9"]);
  assert.equal(init.interface.searchDomain, null);
  assert.deepEqual(init.resources, [
    {
      kind: "dns",
      id: RESOURCE_ID,
      name: "Internal wiki",
      address: "wiki.corp.example",
      ipStack: "dual",
      filters: [],
      sites: [SITE],
    },
    { kind: "internet", id: RESOURCE_ID, sites: [SITE] },
  ]);
});

Deno.test("a client's init without interface is refused", () => {
  assert.equal(
    refusal("init", { resources: [], relays: [], flow_logs: FLOW_LOGS }),
    "missing-field",
  );
});

Deno.test("a resource that was created or updated is read, an unsupported one is told apart", () => {
  const { resource } = accept("resource_created_or_updated", {
    id: RESOURCE_ID,
    type: "cidr",
    name: "net",
    address: "10.0.0.1",
    filters: [{ protocol: "udp", port_range_start: 53, port_range_end: 53 }],
    gateway_groups: [SITE],
  }, "resource-created-or-updated");

  assert.ok(resource.kind === "cidr");
  assert.equal(formatCidr(resource.address), "10.0.0.1/32");
  assert.deepEqual(resource.filters, [
    { protocol: "udp", start: 53, end: 53 },
  ]);
  assert.equal(
    refusal("resource_created_or_updated", {
      id: RESOURCE_ID,
      type: "dynamic_device_pool",
    }),
    "unsupported-event",
  );
  assert.equal(
    refusal("resource_created_or_updated", { ...DNS_RESOURCE, sites: 1 }),
    "wrong-type",
  );
});

Deno.test("the payload of resource_deleted is the bare id", () => {
  const deleted = accept("resource_deleted", RESOURCE_ID, "resource-deleted");

  assert.equal(deleted.resourceId, RESOURCE_ID);
  assert.equal(refusal("resource_deleted", { id: RESOURCE_ID }), "wrong-type");
  assert.equal(refusal("resource_deleted", "x"), "invalid-uuid");
});

Deno.test("a grant is read under both names of the site", () => {
  for (const site of ["site_id", "gateway_group_id"]) {
    const grant = accept("authorization_created", {
      resource_id: RESOURCE_ID,
      gateway_id: GATEWAY_ID,
      [site]: SITE.id,
      gateway_public_key: "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=",
      gateway_ipv4: "100.70.12.9",
      gateway_ipv6: "fd00:2021:1111::8:1a2b",
      preshared_key: "5wD6kBD9FIicIeus0Zw4AD8UauhsgEpdH58W03krDII=",
      client_ice_credentials: { username: "js2r", password: "p" },
      gateway_ice_credentials: { username: "6m2b", password: "q" },
      flow_logs_ingest_token: INGEST_TOKEN,
    }, "authorization-created");

    assert.equal(grant.siteId, SITE.id);
    assert.equal(grant.gatewayId, GATEWAY_ID);
    assert.equal(grant.useIceless, false);
    assert.deepEqual(grant.gatewayPublicKey, new Uint8Array(32).fill(2));
    assert.equal(formatIp(grant.gatewayIpv6), "fd00:2021:1111::8:1a2b");
  }
});

Deno.test("refusals of a request are read, unknown reasons as unknown", () => {
  for (
    const [reason, expected] of [
      ["offline", "offline"],
      ["version_mismatch", "version_mismatch"],
      ["solar_flare", "unknown"],
    ] as const
  ) {
    const failed = accept("authorization_creation_failed", {
      resource_id: RESOURCE_ID,
      reason,
    }, "authorization-creation-failed");

    assert.equal(failed.reason, expected);
  }
});

Deno.test("candidates of gateways are read under both names", () => {
  const candidate = "candidate:1 1 udp 1694498815 203.0.113.9 51820 typ srflx";
  for (
    const [event, kind] of [
      ["ice_candidates", "ice-candidates"],
      ["gateway_ice_candidates", "ice-candidates"],
      ["invalidate_ice_candidates", "invalidate-ice-candidates"],
      ["invalidate_gateway_ice_candidates", "invalidate-ice-candidates"],
    ] as const
  ) {
    const parsed = parseClientMessage(event, {
      gateway_id: GATEWAY_ID,
      candidates: ["foo", candidate],
    });

    assert.deepEqual(parsed, {
      ok: true,
      value: { kind, gatewayId: GATEWAY_ID, candidates: [candidate] },
    });
  }
});

Deno.test("events of device pools are known to be unsupported", () => {
  assert.equal(
    refusal("client_device_access_authorized", {}),
    "unsupported-event",
  );
  assert.equal(refusal("brand_new", {}), "unknown-event");
});

Deno.test("a client's requests are encoded under the names of the path generation", () => {
  const candidates = ["candidate:9 1 udp 2130706431 192.0.2.50 41000 typ host"];
  const request = {
    kind: "request-authorization",
    resourceId: RESOURCE_ID,
    connectedGatewayIds: [GATEWAY_ID],
  } as const;

  assert.deepEqual(encodeClientRequest(request), {
    event: "request_authorization",
    payload: {
      resource_id: RESOURCE_ID,
      connected_gateway_ids: [GATEWAY_ID],
    },
  });
  assert.equal(encodeClientRequest(request, 1).event, "create_flow");
  for (
    const [kind, event] of [
      ["new-ice-candidates", "new_gateway_ice_candidates"],
      ["invalidate-ice-candidates", "invalidate_gateway_ice_candidates"],
    ] as const
  ) {
    assert.deepEqual(
      encodeClientRequest({ kind, gatewayId: GATEWAY_ID, candidates }),
      { event, payload: { gateway_id: GATEWAY_ID, candidates } },
    );
  }
  assert.deepEqual(encodeClientRequest({ kind: "no-relays" }), {
    event: "no_relays",
    payload: {},
  });
});

Deno.test("a relay joins with its stamp secret and understands init only", () => {
  assert.deepEqual(relayJoinPayload("00ff"), { stamp_secret: "00ff" });
  assert.deepEqual(RELAY_PROFILE.parse("init", {}, 2), {
    ok: true,
    value: { kind: "init" },
  });
  assert.equal(RELAY_PROFILE.parse("other", {}, 2).ok, false);
});

Deno.test("parsing for clients never throws, whatever the payload", () => {
  const events = fc.constantFrom(
    "init",
    "config_changed",
    "resource_created_or_updated",
    "resource_deleted",
    "authorization_created",
    "authorization_creation_failed",
    "ice_candidates",
    "relays_presence",
  );
  fc.assert(fc.property(events, fc.jsonValue(), (event, payload) => {
    parseClientMessage(event, payload);
  }));
});
