import assert from "node:assert/strict";
import {
  parseClientMessage,
  parseGatewayMessage,
} from "../../lib/portal/mod.ts";
import {
  CLIENT_ID,
  CLIENT_KEY,
  GATEWAY_ID,
  GATEWAY_KEY,
  type Json,
  Lab,
  NETWORK_ID,
  OTHER_KEY,
  policyFile,
  SITE_ID,
} from "./lab.ts";

Deno.test("[portal 92] event names follow the path of each side, not its version", () => {
  for (const clientPath of ["/client/websocket", "/client/v2/websocket"]) {
    for (const gatewayPath of ["/gateway/websocket", "/gateway/v2/websocket"]) {
      const [clientV2, gatewayV2] = [clientPath, gatewayPath]
        .map((path) => path.includes("v2"));
      const lab = new Lab();
      const gateway = lab.gateway({ path: gatewayPath });
      const client = lab.client({ path: clientPath });

      request(lab, client, clientV2 ? "request_authorization" : "create_flow");
      const grant = lab.takePayload(
        gateway,
        gatewayV2 ? "create_authorization" : "authorize_flow",
      );
      const acknowledgement = gatewayV2
        ? "authorization_created"
        : "flow_authorized";
      lab.send(gateway, "gateway", acknowledgement, { ref: grant.ref });

      lab.takePayload(
        client,
        clientV2 ? "authorization_created" : "flow_created",
      );
    }
  }
});

Deno.test("[portal 92] the other generation's names are unknown messages", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  const client = lab.client();
  request(lab, client);
  const { ref } = lab.takePayload(gateway, "create_authorization");

  lab.send(gateway, "gateway", "flow_authorized", { ref });
  lab.send(client, "client", "create_flow", {
    resource_id: NETWORK_ID,
    connected_gateway_ids: [],
  });

  for (const socket of [gateway, client]) {
    const reply = lab.take(socket).at(-1);
    assert.deepEqual(reply.payload.response, { reason: "unknown_message" });
  }
});

Deno.test("a grant reaches gateway and client with the same keys, and everything 1.5 and 1.6 require", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  const client = lab.client();

  request(lab, client);
  const grant = lab.takePayload(gateway, "create_authorization");
  lab.send(gateway, "gateway", "authorization_created", { ref: grant.ref });
  const created = lab.takePayload(client, "authorization_created");

  assert.deepEqual(grant.resource, {
    id: NETWORK_ID,
    type: "cidr",
    name: "Net",
    address: "10.20.0.0/16",
    filters: [],
  });
  assert.equal(grant.client.id, CLIENT_ID);
  assert.equal(grant.client.public_key, CLIENT_KEY);
  assert.equal(grant.client.ipv4, "100.64.0.2");
  assert.equal(grant.client.ipv6, "fd00:2021:1111::2");
  assert.equal(grant.use_iceless, false);
  assert.equal(grant.expires_at, 2_145_916_800);
  assert.equal(created.resource_id, NETWORK_ID);
  assert.equal(created.gateway_id, GATEWAY_ID);
  assert.equal(created.site_id, SITE_ID);
  assert.equal(created.gateway_public_key, GATEWAY_KEY);
  assert.equal(created.gateway_ipv4, "100.64.0.1");
  assert.equal(created.gateway_ipv6, "fd00:2021:1111::1");
  assert.equal(created.use_iceless, false);
  assert.equal(created.preshared_key, grant.client.preshared_key);
  for (const key of ["client_ice_credentials", "gateway_ice_credentials"]) {
    assert.deepEqual(created[key], grant[key]);
  }
  assert.equal(claimsOf(grant).role, "responder");
  assert.equal(claimsOf(created).role, "initiator");
  assert.ok(parseGatewayMessage("create_authorization", grant).ok);
  assert.ok(parseClientMessage("authorization_created", created).ok);
});

Deno.test("keys stay the same when both sides reconnect, and when the portal restarts", () => {
  const keys = [1, 2].map((seed) => {
    const lab = new Lab(policyFile(), seed);
    const gateway = lab.gateway();
    request(lab, lab.client());
    const { client, client_ice_credentials } = lab.takePayload(
      gateway,
      "create_authorization",
    );
    return [client.preshared_key, client_ice_credentials];
  });

  assert.deepEqual(keys[0], keys[1]);
});

Deno.test("another public key of the client changes its keys", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  const [first, second] = [CLIENT_KEY, OTHER_KEY].map((key) => {
    request(lab, lab.client({ key }));
    return lab.takePayload(gateway, "create_authorization");
  });

  assert.notEqual(first.client.preshared_key, second.client.preshared_key);
  assert.notDeepEqual(
    first.client_ice_credentials,
    second.client_ice_credentials,
  );
});

Deno.test("the client hears nothing before the gateway has acknowledged", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  const client = lab.client();
  lab.take(client);

  request(lab, client);

  assert.deepEqual(lab.take(client), []);
  assert.ok(lab.takeEvents(gateway).includes("create_authorization"));
});

Deno.test("the acknowledgement reaches the client before the gateway's candidates", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  const client = lab.client();
  request(lab, client);
  const { ref } = lab.takePayload(gateway, "create_authorization");
  lab.take(client);

  lab.send(gateway, "gateway", "authorization_created", { ref });
  lab.send(gateway, "gateway", "broadcast_ice_candidates", {
    client_ids: [CLIENT_ID],
    candidates: ["candidate:1"],
  });

  assert.deepEqual(lab.takeEvents(client), [
    "authorization_created",
    "ice_candidates",
  ]);
});

Deno.test("an acknowledgement with a foreign or broken ref is answered invalid_ref", () => {
  const file = policyFile();
  file.gateways.push({ name: "gw-2", site: "HQ", token: ".gateway-2" });
  const lab = new Lab(file);
  const gateway = lab.gateway();
  request(lab, lab.client());
  const { ref } = lab.takePayload(gateway, "create_authorization");
  const other = lab.gateway({ token: ".gateway-2" });
  lab.take(other);

  lab.send(other, "gateway", "authorization_created", { ref });
  for (const broken of ["", ".", "SFMyNTY.e30.AAAA", `x${ref}`, ref + "A"]) {
    lab.send(other, "gateway", "authorization_created", { ref: broken });
  }

  const frames = lab.take(other);
  assert.equal(frames.length, 6);
  for (const { payload } of frames) {
    assert.deepEqual(payload, {
      status: "error",
      response: { reason: "invalid_ref" },
    });
  }
});

Deno.test("a ref stays valid on a later connection of the gateway", () => {
  const lab = new Lab();
  const first = lab.gateway();
  const client = lab.client();
  request(lab, client);
  const { ref } = lab.takePayload(first, "create_authorization");
  lab.control.handleClosed(first, lab.now);
  const second = lab.gateway();

  lab.send(second, "gateway", "authorization_created", { ref });

  lab.takePayload(client, "authorization_created");
});

Deno.test("without an acknowledgement for 15 s the client hears offline, and a late one is accepted in silence", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  const client = lab.client();
  request(lab, client);
  const { ref } = lab.takePayload(gateway, "create_authorization");
  lab.take(client);

  lab.advance(14_999);
  assert.deepEqual(lab.take(client), []);
  lab.advance(1);
  assert.deepEqual(lab.takePayload(client, "authorization_creation_failed"), {
    resource_id: NETWORK_ID,
    reason: "offline",
  });

  lab.send(gateway, "gateway", "authorization_created", { ref });
  assert.deepEqual(lab.take(gateway).at(-1).payload, {
    status: "ok",
    response: {},
  });
  assert.deepEqual(lab.take(client), []);
});

Deno.test("a newer request for the same resource replaces the older one's timer", () => {
  const lab = new Lab();
  lab.gateway();
  const client = lab.client();
  request(lab, client);
  lab.advance(10_000);
  request(lab, client);
  lab.take(client);

  lab.advance(14_999);
  assert.deepEqual(lab.take(client), []);
  lab.advance(1);
  assert.deepEqual(lab.takeEvents(client), ["authorization_creation_failed"]);
});

Deno.test("an acknowledgement for a client that has gone is accepted", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  const client = lab.client();
  request(lab, client);
  const { ref } = lab.takePayload(gateway, "create_authorization");
  lab.control.handleClosed(client, lab.now);

  lab.send(gateway, "gateway", "authorization_created", { ref });

  assert.equal(lab.take(gateway).at(-1).payload.status, "ok");
});

Deno.test("the reason of a refusal is not_found, forbidden, offline or version_mismatch", () => {
  const file = policyFile();
  file.resources.push({
    name: "Secret",
    id: "77777777-ffff-4fff-8fff-666666666666",
    type: "ip",
    address: "10.9.9.9",
    site: "HQ",
  });
  file.resources.push({
    name: "Old",
    id: "88888888-ffff-4fff-8fff-666666666666",
    type: "ip",
    address: "10.9.9.8",
    site: "HQ",
  });
  file.policies.push({
    client: "laptop",
    resource: "Old",
    expires_at: "2026-08-17T00:00:00Z",
  });
  const lab = new Lab(file);
  const client = lab.client();

  assert.deepEqual(
    failure(lab, client, "00000000-0000-4000-8000-000000000000"),
    { reason: "not_found" },
  );
  assert.deepEqual(
    failure(lab, client, "77777777-ffff-4fff-8fff-666666666666"),
    { reason: "not_found" },
  );
  assert.deepEqual(
    failure(lab, client, "88888888-ffff-4fff-8fff-666666666666"),
    {
      reason: "forbidden",
      violated_properties: ["current_utc_datetime"],
    },
  );
  assert.deepEqual(failure(lab, client, NETWORK_ID), { reason: "offline" });

  lab.gateway();
  const modern = lab.client({ userAgent: "Debian/12 headless-client/1.8.0" });
  assert.deepEqual(failure(lab, modern, NETWORK_ID), {
    reason: "version_mismatch",
  });
});

Deno.test("a gateway serves clients from one minor version above it to one below", () => {
  const outcomes = ["1.4.9", "1.5.0", "1.6.9", "1.7.0", "1.8.0", "2.6.0"].map(
    (version) => {
      const lab = new Lab();
      const gateway = lab.gateway(); // 1.6.0
      const client = lab.client({
        userAgent: `Debian/12 headless-client/${version}`,
      });
      request(lab, client);
      return lab.takeEvents(gateway).includes("create_authorization");
    },
  );

  assert.deepEqual(outcomes, [false, true, true, true, false, false]);
});

Deno.test("a connected gateway is preferred to others of the site", () => {
  const file = policyFile();
  for (let i = 2; i <= 5; i++) {
    file.gateways.push({ name: `gw-${i}`, site: "HQ", token: `.gateway-${i}` });
  }
  for (let seed = 1; seed <= 10; seed++) {
    const lab = new Lab(file, seed);
    const connected = lab.gateway();
    for (let i = 2; i <= 5; i++) lab.gateway({ token: `.gateway-${i}` });
    const client = lab.client();

    request(lab, client, "request_authorization", [GATEWAY_ID]);

    assert.ok(lab.takeEvents(connected).includes("create_authorization"));
  }
});

Deno.test("gateways of other sites are never chosen", () => {
  const file = policyFile();
  file.sites.push({ name: "Branch" });
  file.gateways[0].site = "Branch";
  const lab = new Lab(file);
  lab.gateway();

  assert.deepEqual(failure(lab, lab.client(), NETWORK_ID), {
    reason: "offline",
  });
});

Deno.test("access without ICE needs the policy and both sides", () => {
  for (const mask of [0b111, 0b011, 0b101, 0b110]) {
    const file = policyFile();
    file.iceless = (mask & 1) !== 0;
    const lab = new Lab(file);
    const gateway = lab.gateway();
    const client = lab.client();
    if (mask & 2) {
      lab.send(gateway, "gateway", "set_snownet_capabilities", {
        iceless: true,
      });
    }
    if (mask & 4) {
      lab.send(client, "client", "set_snownet_capabilities", { iceless: true });
    }

    request(lab, client);

    const { use_iceless } = lab.takePayload(gateway, "create_authorization");
    assert.equal(use_iceless, mask === 0b111);
  }
});

Deno.test("access ends with the rule or the client's session, whichever is first", () => {
  const file = policyFile();
  file.policies[0].expires_at = "2026-08-20T00:00:00Z";
  file.clients[0].expires_at = "2026-08-19T00:00:00Z";
  const lab = new Lab(file);
  const gateway = lab.gateway();

  request(lab, lab.client());

  const grant = lab.takePayload(gateway, "create_authorization");
  assert.equal(grant.expires_at, 1_787_097_600);
  assert.equal(claimsOf(grant).exp, 1_787_097_600 + 2_592_000);
});

Deno.test("init lists the gateway's authorizations after a reconnect", () => {
  const lab = new Lab();
  const first = lab.gateway();
  request(lab, lab.client());
  lab.control.handleClosed(first, lab.now);

  const init = lab.takePayload(lab.gateway(), "init");

  assert.deepEqual(init.authorizations, [{
    client_id: CLIENT_ID,
    resource_id: NETWORK_ID,
    expires_at: 2_145_916_800,
  }]);
});

Deno.test("a portal that restarted lists what its policy allows, and can still revoke it", () => {
  const lab = new Lab();
  const gateway = lab.gateway();

  const init = lab.takePayload(gateway, "init");
  const file = policyFile();
  file.policies = [];
  lab.reload(file);

  assert.deepEqual(init.authorizations, [{
    client_id: CLIENT_ID,
    resource_id: NETWORK_ID,
    expires_at: 2_145_916_800,
  }]);
  assert.deepEqual(lab.takePayload(gateway, "reject_access"), {
    client_id: CLIENT_ID,
    resource_id: NETWORK_ID,
  });
});

Deno.test("candidates are passed on unchanged in both directions, under the names of the other side", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  const client = lab.client();
  const candidates = ["candidate:1 1 udp 1 192.0.2.1 1 typ host", 7, null];
  const toGateway = { gateway_id: GATEWAY_ID, candidates };
  const toClient = { client_ids: [CLIENT_ID, "nobody"], candidates };
  lab.take(gateway);
  lab.take(client);

  lab.send(client, "client", "new_gateway_ice_candidates", toGateway);
  lab.send(client, "client", "invalidate_gateway_ice_candidates", toGateway);
  lab.send(client, "client", "broadcast_ice_candidates", {
    gateway_ids: [GATEWAY_ID],
    candidates,
  });
  lab.send(gateway, "gateway", "broadcast_ice_candidates", toClient);
  lab.send(
    gateway,
    "gateway",
    "broadcast_invalidated_ice_candidates",
    toClient,
  );

  assert.deepEqual(
    lab.take(gateway).map(({ event, payload }) => [event, payload]),
    ["ice_candidates", "invalidate_ice_candidates", "ice_candidates"].map(
      (event) => [event, { client_id: CLIENT_ID, candidates }],
    ),
  );
  assert.deepEqual(
    lab.take(client).map(({ event, payload }) => [event, payload]),
    ["ice_candidates", "invalidate_ice_candidates"].map(
      (event) => [event, { gateway_id: GATEWAY_ID, candidates }],
    ),
  );
});

Deno.test("an Internet resource carries its id alone to gateways and no address to clients", () => {
  const file = policyFile();
  const id = "99999999-ffff-4fff-8fff-666666666666";
  file.resources.push({ name: "Internet", id, type: "internet", site: "HQ" });
  file.policies.push({ client: "*", resource: "Internet" });
  const lab = new Lab(file);
  const gateway = lab.gateway();
  const client = lab.client();

  const shown = lab.takePayload(client, "init").resources[1];
  request(lab, client, "request_authorization", [], id);

  assert.deepEqual(shown, {
    id,
    type: "internet",
    name: "Internet",
    can_be_disabled: true,
    sites: [{ id: SITE_ID, name: "HQ" }],
  });
  const grant = lab.takePayload(gateway, "create_authorization");
  assert.deepEqual(grant.resource, { id, type: "internet" });
  assert.ok(parseGatewayMessage("create_authorization", grant).ok);
});

function request(
  lab: Lab,
  client: number,
  event = "request_authorization",
  connected: string[] = [],
  resource = NETWORK_ID,
): void {
  lab.send(client, "client", event, {
    resource_id: resource,
    connected_gateway_ids: connected,
  });
}

function failure(lab: Lab, client: number, resource: string): Json {
  request(lab, client, "request_authorization", [], resource);
  const { resource_id, ...rest } = lab.takePayload(
    client,
    "authorization_creation_failed",
  );
  assert.equal(resource_id, resource);
  return rest;
}

function claimsOf({ flow_logs_ingest_token }: Json): Json {
  const [, payload = ""] = flow_logs_ingest_token.split(".");
  return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
}
