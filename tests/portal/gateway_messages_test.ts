import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatCidr,
  formatIp,
  formatSocketAddress,
} from "../../lib/base/mod.ts";
import {
  encodeGatewayRequest,
  type GatewayMessage,
  parseGatewayMessage,
  parseIngestToken,
  type Relay,
} from "../../lib/portal/mod.ts";
import { CLIENT_ID, initPayload, RESOURCE_ID } from "./harness.ts";
import vectors from "../vectors/firezone_gateway_messages.json" with {
  type: "json",
};

const RELAY_ID = "2a8abfa8-cb99-4629-8437-854193ca6bca";
const OTHER_RELAY_ID = "0f3a0000-0000-4000-8000-000000000000";

/** The sample of portal spec §6.5. */
const CLAIMS = {
  account_id: "99999999-0000-4000-8000-000000000001",
  iat: 1787011200,
  exp: 1789632000,
  uploads_enabled: false,
  role: "responder",
  initiator_device_id: CLIENT_ID,
  responder_device_id: "22222222-bbbb-4bbb-8bbb-222222222222",
  policy_authorization_id: "44444444-dddd-4ddd-8ddd-444444444444",
  policy_id: "55555555-eeee-4eee-8eee-555555555555",
  resource_id: RESOURCE_ID,
  resource_name: "Internal wiki",
  initiator_actor_id: "77777777-0000-4000-8000-777777777777",
  initiator_actor_name: "Dev User",
  authorized_at: "2026-08-18T00:00:00.000000Z",
  authorization_expires_at: "2026-08-18T08:00:00.000000Z",
};
const HEADER = { alg: "HS256", typ: "JWT" };

function base64Url(value: unknown): string {
  return btoa(typeof value === "string" ? value : JSON.stringify(value))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function token(
  claims: object = CLAIMS,
  header: object = HEADER,
  signature = "c2lnbmF0dXJl",
): string {
  return `${base64Url(header)}.${base64Url(claims)}.${signature}`;
}

function grant(overrides: object = {}): object {
  return {
    ref: "SFMyNTY.g2gDbQAAAY",
    expires_at: 1787040000,
    resource: {
      id: RESOURCE_ID,
      type: "dns",
      name: "Internal wiki",
      address: "wiki.corp.example",
      filters: [],
    },
    client: {
      id: CLIENT_ID,
      public_key: "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
      preshared_key: "5wD6kBD9FIicIeus0Zw4AD8UauhsgEpdH58W03krDII=",
      ipv4: "100.64.3.4",
      ipv6: "fd00:2021:1111::3:4",
      version: "1.5.11",
    },
    client_ice_credentials: {
      username: "js2r",
      password: "kac4cxdfov6uern665almc",
    },
    gateway_ice_credentials: {
      username: "6m2b",
      password: "wbe5f6eiomdg777ozqbldq",
    },
    flow_logs_ingest_token: token(),
    ...overrides,
  };
}

function relay(overrides: object = {}): object {
  return {
    id: RELAY_ID,
    type: "turn",
    addr: "198.51.100.7:3478",
    username: "2145916800:salt",
    password: "secret",
    expires_at: 2145916800,
    ...overrides,
  };
}

/** Parses what must be accepted. */
function accept<K extends GatewayMessage["kind"]>(
  event: string,
  payload: unknown,
  kind: K,
): Extract<GatewayMessage, { kind: K }> {
  const parsed = parseGatewayMessage(event, payload);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  assert.equal(parsed.value.kind, kind);
  return parsed.value as Extract<GatewayMessage, { kind: K }>;
}

/** Parses what must be refused, and returns `reason at`. */
function refusal(event: string, payload: unknown): string {
  const parsed = parseGatewayMessage(event, payload);
  assert.ok(!parsed.ok, "accepted");
  return `${parsed.error.reason} ${parsed.error.at}`;
}

function acceptGrant(overrides: object) {
  return accept(
    "create_authorization",
    grant(overrides),
    "create-authorization",
  );
}

function refuseGrant(overrides: object): string {
  return refusal("create_authorization", grant(overrides));
}

function without(object: object, name: string): object {
  return Object.fromEntries(
    Object.entries(object).filter(([key]) => key !== name),
  );
}

Deno.test("messages of the Firezone tests are accepted or refused as there", () => {
  for (const { message, payload, accept, name, expect } of vectors.incoming) {
    const event = message?.event ?? "ice_candidates";
    const parsed = parseGatewayMessage(event, message?.payload ?? payload);

    assert.equal(parsed.ok, accept, name);
    if (!parsed.ok || !expect) continue;
    const { value } = parsed;
    if ("usable_candidates" in expect) {
      assert.ok(value.kind === "ice-candidates");
      assert.equal(value.candidates.length, expect.usable_candidates);
    }
    if ("use_iceless" in expect) {
      assert.ok(value.kind === "create-authorization");
      assert.equal(value.useIceless, expect.use_iceless);
    }
    if ("relays" in expect) {
      assert.ok(value.kind === "init");
      assert.deepEqual(value.relays, expect.relays);
      assert.equal(value.accountSlug, expect.account_slug);
      assert.deepEqual(value.authorizations, expect.authorizations);
    }
  }
});

Deno.test("[portal 73] [portal regression 38] filters of the Firezone tests are read, with their defaults", () => {
  for (const { json, expect } of vectors.filters) {
    const { resource } = accept("resource_updated", {
      id: RESOURCE_ID,
      type: "dns",
      name: "n",
      address: "a.example",
      filters: [json],
    }, "resource-updated");

    assert.ok(resource.kind === "dns");
    const { protocol, port_range_start: start, port_range_end: end } = expect;
    assert.deepEqual(resource.filters, [
      protocol === "icmp" ? { protocol } : { protocol, start, end },
    ]);
  }
});

Deno.test("resources of the Firezone tests are accepted", () => {
  for (const { json } of vectors.resources) {
    const { resource } = accept("resource_updated", json, "resource-updated");

    assert.equal(resource.kind, json.type);
    assert.equal(resource.id, json.id);
  }
});

Deno.test("requests are encoded as in the Firezone tests", () => {
  const expected = vectors.outgoing.map(({ json }) => json);

  assert.deepEqual(
    encodeGatewayRequest({
      kind: "authorization-created",
      ref: "signed-reference",
    }),
    expected[0],
  );
  assert.deepEqual(encodeGatewayRequest({ kind: "no-relays" }), expected[1]);
});

Deno.test("candidate changes are encoded for one client each", () => {
  const candidates = ["candidate:9 1 udp 2130706431 10.0.0.5 52625 typ host"];
  const payload = { client_ids: [CLIENT_ID], candidates };

  assert.deepEqual(
    encodeGatewayRequest({
      kind: "broadcast-ice-candidates",
      clientId: CLIENT_ID,
      candidates,
    }),
    { event: "broadcast_ice_candidates", payload },
  );
  assert.deepEqual(
    encodeGatewayRequest({
      kind: "broadcast-invalidated-ice-candidates",
      clientId: CLIENT_ID,
      candidates,
    }),
    { event: "broadcast_invalidated_ice_candidates", payload },
  );
});

Deno.test("the path generation selects the names of grant and acknowledgement", () => {
  assert.equal(parseGatewayMessage("authorize_flow", grant(), 1).ok, true);
  assert.equal(parseGatewayMessage("authorize_flow", grant(), 2).ok, false);
  assert.equal(
    parseGatewayMessage("create_authorization", grant(), 1).ok,
    false,
  );
  const request = { kind: "authorization-created", ref: "r" } as const;
  assert.equal(encodeGatewayRequest(request, 1).event, "flow_authorized");
  assert.equal(encodeGatewayRequest(request, 2).event, "authorization_created");
});

Deno.test("init is read with all its parts", () => {
  const init = accept(
    "init",
    initPayload({
      account_slug: "acme",
      relays: [relay()],
      authorizations: [{
        client_id: CLIENT_ID,
        resource_id: RESOURCE_ID,
        expires_at: 1787040000,
      }],
    }),
    "init",
  );

  assert.equal(formatIp(init.interface.ipv4), "100.70.12.9");
  assert.equal(formatIp(init.interface.ipv6), "fd00:2021:1111::8:1a2b");
  assert.equal(init.accountSlug, "acme");
  assert.equal(init.relays.length, 1);
  assert.deepEqual(init.authorizations, [{
    clientId: CLIENT_ID,
    resourceId: RESOURCE_ID,
    expiresAt: 1787040000,
  }]);
  assert.deepEqual(init.flowLogs, {
    apiUrl: "https://flow.example/",
    uploadIntervalSecs: 60,
    uploadBatchSize: 1000,
  });
});

Deno.test("[portal 61] [dp 29] what init says about masquerading changes nothing", () => {
  const withConfig = (isEnabled: boolean) =>
    accept(
      "init",
      initPayload({
        config: {
          ipv4_masquerade_enabled: isEnabled,
          ipv6_masquerade_enabled: isEnabled,
        },
      }),
      "init",
    );

  assert.deepEqual(withConfig(false), withConfig(true));
});

Deno.test("[portal 49] each required member of init is required", () => {
  for (const name of ["interface", "config", "flow_logs"]) {
    assert.equal(
      refusal("init", without(initPayload(), name)),
      `missing-field payload.${name}`,
    );
  }
  assert.equal(
    refusal("init", initPayload({ interface: { ipv4: "100.64.0.1" } })),
    "missing-field payload.interface.ipv6",
  );
  assert.equal(
    refusal(
      "init",
      initPayload({
        interface: { ipv4: "100.64.0.1/32", ipv6: "fd00:2021:1111::1" },
      }),
    ),
    "invalid-address payload.interface.ipv4",
  );
  assert.equal(
    refusal("init", initPayload({ relays: "none" })),
    "wrong-type payload.relays",
  );
  assert.equal(refusal("init", null), "wrong-type payload");
  assert.equal(refusal("init", []), "wrong-type payload");
});

Deno.test("a grant is read with all its parts", () => {
  const message = acceptGrant({ use_iceless: true });

  assert.equal(message.ref, "SFMyNTY.g2gDbQAAAY");
  assert.equal(message.useIceless, true);
  assert.equal(message.expiresAt, 1787040000);
  assert.equal(message.client.id, CLIENT_ID);
  assert.deepEqual(message.client.publicKey, new Uint8Array(32).fill(1));
  assert.equal(message.client.presharedKey.length, 32);
  assert.equal(formatIp(message.client.ipv4), "100.64.3.4");
  assert.equal(formatIp(message.client.ipv6), "fd00:2021:1111::3:4");
  assert.deepEqual(message.clientIceCredentials, {
    username: "js2r",
    password: "kac4cxdfov6uern665almc",
  });
  assert.deepEqual(message.gatewayIceCredentials, {
    username: "6m2b",
    password: "wbe5f6eiomdg777ozqbldq",
  });
  assert.deepEqual(message.resource, {
    kind: "dns",
    id: RESOURCE_ID,
    name: "Internal wiki",
    address: "wiki.corp.example",
    filters: [],
  });
  const { secret, claims: read } = message.flowLogsIngestToken;
  assert.equal(secret.reveal(), token());
  assert.equal(read.policyAuthorizationId, CLAIMS.policy_authorization_id);
});

Deno.test("[portal 49] each required member of a grant is required", () => {
  for (
    const name of [
      "ref",
      "resource",
      "client",
      "client_ice_credentials",
      "gateway_ice_credentials",
      "flow_logs_ingest_token",
    ]
  ) {
    const payload = without(grant(), name);

    assert.equal(
      refusal("create_authorization", payload),
      `missing-field payload.${name}`,
    );
  }
});

Deno.test("[p2p 1] [portal 67] an absent use_iceless means false, another type refuses the grant", () => {
  assert.equal(acceptGrant({}).useIceless, false);
  for (const other of ["true", 1, null]) {
    assert.equal(
      refuseGrant({ use_iceless: other }),
      "wrong-type payload.use_iceless",
    );
  }
});

Deno.test("[portal 68] [portal regression 39] expires_at may be null or absent, which means no expiry", () => {
  assert.equal(acceptGrant({ expires_at: null }).expiresAt, null);
  const parsed = accept(
    "create_authorization",
    without(grant(), "expires_at"),
    "create-authorization",
  );
  assert.equal(parsed.expiresAt, null);
  assert.equal(acceptGrant({ expires_at: 0 }).expiresAt, 0);
});

Deno.test("a timestamp that is no non-negative integer refuses the grant", () => {
  for (const expires_at of [1.5, -1, "1787040000", true, 2 ** 65, {}]) {
    assert.equal(
      refuseGrant({ expires_at }),
      "wrong-type payload.expires_at",
    );
  }
});

Deno.test("[portal 70] a structurally invalid ingest token refuses the grant", () => {
  const broken = [
    "",
    "a.b",
    `${token()}.x`,
    token(CLAIMS, HEADER, ""),
    token(CLAIMS, HEADER, "sig="),
    token(CLAIMS, HEADER, "+/"),
    token(CLAIMS, { alg: "none" }),
    token(CLAIMS, { typ: "JWT" }),
    token({ ...CLAIMS, role: "observer" }),
    token({ ...CLAIMS, uploads_enabled: "yes" }),
    token({ ...CLAIMS, iat: 1.5 }),
    token({ ...CLAIMS, exp: -1 }),
    token({ ...CLAIMS, resource_address: 5 }),
    `${base64Url(HEADER)}.${base64Url("{not json")}.c2ln`,
    `${base64Url(HEADER)}.${base64Url("\xff\xfe")}.c2ln`,
    ...Object.keys(CLAIMS).map((claim) => token(without(CLAIMS, claim))),
  ];
  for (const flow_logs_ingest_token of broken) {
    assert.equal(
      refuseGrant({ flow_logs_ingest_token }),
      "invalid-ingest-token payload.flow_logs_ingest_token",
      flow_logs_ingest_token,
    );
  }
});

Deno.test("an ingest token may have unknown and optional claims", () => {
  const read = (claims: object) => parseIngestToken(token(claims))?.claims;

  const full = read({ ...CLAIMS, later: 1, resource_address: "a" });

  assert.equal(full?.resourceAddress, "a");
  assert.equal(Object.hasOwn(full ?? {}, "initiatorActorEmail"), false);
  assert.equal(read({ ...CLAIMS, role: "initiator" })?.role, "initiator");
});

Deno.test("[portal 73] an unknown filter protocol or impossible port refuses the whole message", () => {
  const resourceWith = (filter: unknown) => ({
    id: RESOURCE_ID,
    type: "cidr",
    name: "n",
    address: "10.0.0.0/8",
    filters: [{ protocol: "icmp" }, filter],
  });
  const cases: [unknown, string][] = [
    [{ protocol: "sctp" }, "unknown-variant payload.filters[1].protocol"],
    [{}, "missing-field payload.filters[1].protocol"],
    [null, "wrong-type payload.filters[1]"],
    [
      { protocol: "tcp", port_range_start: 65536 },
      "wrong-type payload.filters[1].port_range_start",
    ],
    [
      { protocol: "tcp", port_range_end: null },
      "wrong-type payload.filters[1].port_range_end",
    ],
  ];
  for (const [filter, expected] of cases) {
    assert.equal(
      refusal("resource_updated", resourceWith(filter)),
      expected,
    );
  }
});

Deno.test("[portal 73] an empty filter list stays empty, a missing one refuses the message", () => {
  const resource = {
    id: RESOURCE_ID,
    type: "cidr",
    name: "n",
    address: "10.1.2.3/8",
  };

  const updated = accept(
    "resource_updated",
    { ...resource, filters: [] },
    "resource-updated",
  ).resource;

  assert.ok(updated.kind === "cidr");
  assert.deepEqual(updated.filters, []);
  assert.equal(formatCidr(updated.address), "10.0.0.0/8");
  assert.equal(
    refusal("resource_updated", resource),
    "missing-field payload.filters",
  );
});

Deno.test("resources of other types are refused", () => {
  assert.equal(
    refuseGrant({ resource: { id: RESOURCE_ID, type: "static_device_pool" } }),
    "unknown-variant payload.resource.type",
  );
});

Deno.test("[portal 74] candidates that cannot be any are skipped one by one", () => {
  const good = "candidate:1 1 udp 1694498815 203.0.113.9 51820 typ srflx";
  const candidates = [
    "foo",
    good,
    5,
    null,
    "candidate:1 1 udp x 203.0.113.9 51820 typ srflx",
    "candidate:1 1 udp 4294967296 203.0.113.9 51820 typ srflx",
    "candidate:1 1 udp",
  ];
  for (const event of ["ice_candidates", "invalidate_ice_candidates"]) {
    const parsed = parseGatewayMessage(event, {
      client_id: CLIENT_ID,
      candidates,
    });

    assert.ok(parsed.ok && "candidates" in parsed.value);
    assert.deepEqual(parsed.value.candidates, [good]);
  }
});

Deno.test("[portal 75] relays_presence keeps removals and additions apart, even of one id", () => {
  const presence = accept("relays_presence", {
    disconnected_ids: [RELAY_ID],
    connected: [relay()],
  }, "relays-presence");

  assert.deepEqual(presence.disconnectedIds, [RELAY_ID]);
  assert.deepEqual(presence.connected.map(({ id }) => id), [RELAY_ID]);
});

Deno.test("both members of relays_presence are required", () => {
  assert.equal(
    refusal("relays_presence", { connected: [] }),
    "missing-field payload.disconnected_ids",
  );
  assert.equal(
    refusal("relays_presence", { disconnected_ids: [] }),
    "missing-field payload.connected",
  );
  assert.equal(
    refusal("relays_presence", { disconnected_ids: ["x"], connected: [] }),
    "invalid-uuid payload.disconnected_ids",
  );
});

Deno.test("[portal 76] relay entries of one id are merged whatever their order", () => {
  const ipv4 = relay();
  const ipv6 = relay({ addr: "[2001:db8::7]:3478" });
  const other = relay({ id: OTHER_RELAY_ID, addr: "192.0.2.1:3478" });
  for (const relays of [[ipv4, other, ipv6], [ipv6, ipv4, other]]) {
    const init = accept("init", initPayload({ relays }), "init");

    assert.equal(init.relays.length, 2);
    assert.deepEqual(
      describeRelay(init.relays.find(({ id }) => id === RELAY_ID)),
      ["198.51.100.7:3478", "[2001:db8::7]:3478", "2145916800:salt", "secret"],
    );
  }
});

Deno.test("a further address of a relay is ignored", () => {
  const further = relay({ addr: "198.51.100.8:3478" });

  const { relays } = accept(
    "init",
    initPayload({ relays: [relay(), further] }),
    "init",
  );

  assert.deepEqual(
    relays.map(({ ipv4 }) => ipv4 && formatSocketAddress(ipv4)),
    [
      "198.51.100.7:3478",
    ],
  );
});

Deno.test("[portal 77] stun entries are tolerated and left out, other types refuse the message", () => {
  const stun = { id: OTHER_RELAY_ID, type: "stun", addr: "192.0.2.1:3478" };

  const init = accept("init", initPayload({ relays: [stun, relay()] }), "init");

  assert.deepEqual(init.relays.map(({ id }) => id), [RELAY_ID]);
  assert.equal(
    refusal(
      "init",
      initPayload({ relays: [relay({ type: "carrier-pigeon" })] }),
    ),
    "unknown-variant payload.relays[0].type",
  );
});

Deno.test("[portal 81] obsolete events are ignored, and known as such", () => {
  for (
    const event of [
      "access_authorization_expiry_updated",
      "allow_access",
      "request_connection",
    ]
  ) {
    assert.equal(refusal(event, {}), `obsolete-event ${event}`);
  }
  assert.equal(refusal("brand_new", {}), "unknown-event brand_new");
});

Deno.test("[portal 82] keys that are no standard base64 of 32 bytes refuse the grant", () => {
  const keys = [
    "",
    btoa("\x01".repeat(31)),
    btoa("\x01".repeat(33)),
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
    "__EBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
    " AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQF=",
    "00".repeat(32),
  ];
  const { client } = grant() as { client: object };
  for (const key of keys) {
    for (const name of ["public_key", "preshared_key"]) {
      assert.equal(
        refuseGrant({ client: { ...client, [name]: key } }),
        `invalid-key payload.client.${name}`,
      );
    }
  }
});

Deno.test("ids are UUIDs and come back in lower case", () => {
  const upper = CLIENT_ID.toUpperCase();
  const rejection = accept("reject_access", {
    client_id: upper,
    resource_id: RESOURCE_ID,
  }, "reject-access");

  assert.equal(rejection.clientId, CLIENT_ID);
  assert.equal(
    refusal("reject_access", { client_id: "5", resource_id: RESOURCE_ID }),
    "invalid-uuid payload.client_id",
  );
});

Deno.test("messages survive a structured clone, all but the secret in them", () => {
  const message = acceptGrant({});

  const { claims } = message.flowLogsIngestToken;
  assert.deepEqual(structuredClone(message), {
    ...message,
    flowLogsIngestToken: { claims, secret: {} },
  });
});

Deno.test("parsing never throws, whatever the payload", () => {
  const events = fc.constantFrom(
    "init",
    "create_authorization",
    "reject_access",
    "resource_updated",
    "ice_candidates",
    "invalidate_ice_candidates",
    "relays_presence",
  );
  fc.assert(fc.property(events, fc.jsonValue(), (event, payload) => {
    parseGatewayMessage(event, payload);
  }));
});

Deno.test("parsing never throws on a good payload with one member replaced", () => {
  const payloads = [
    ["init", initPayload({ relays: [relay()] })],
    ["create_authorization", grant()],
  ] as const;
  fc.assert(
    fc.property(
      fc.constantFrom(...payloads),
      fc.nat(),
      fc.jsonValue(),
      ([event, payload], index, replacement) => {
        const names = Object.keys(payload);
        const name = names[index % names.length] ?? "";
        const parsed = parseGatewayMessage(event, {
          ...payload,
          [name]: replacement,
        });
        if (!parsed.ok) assert.ok(parsed.error.at.startsWith("payload"));
      },
    ),
  );
});

function describeRelay(entry: Relay | undefined): unknown[] {
  assert.ok(entry?.ipv4 && entry.ipv6);
  return [
    formatSocketAddress(entry.ipv4),
    formatSocketAddress(entry.ipv6),
    entry.username,
    entry.password,
  ];
}

Deno.test("[dp 133] an ingest token's text shows in no rendering and leaves no copy in a clone", () => {
  const parsed = parseIngestToken(token());

  const renderings = [
    JSON.stringify(parsed),
    Deno.inspect(parsed, { depth: 10, showHidden: true }),
    `${parsed?.secret}`,
    Deno.inspect(structuredClone(parsed), { depth: 10, showHidden: true }),
  ];

  assert.equal(parsed?.secret.reveal(), token());
  for (const text of renderings) {
    assert.equal(text.includes(token().slice(0, 20)), false, text);
  }
});
