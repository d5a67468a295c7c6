import assert from "node:assert/strict";
import { parseGatewayMessage } from "../../lib/portal/mod.ts";
import {
  CLIENT_ID,
  GATEWAY_ID,
  type Json,
  Lab,
  NETWORK_ID,
  policyFile,
} from "./lab.ts";

const OTHER_ID = "77777777-9999-4999-8999-777777777777";
const TOKEN = { authorization: "Bearer let-me" };
const REVOKE = "/control/revoke-access?client=laptop&gateway=gw&resource=Net";

Deno.test("a revoked authorization is rejected at the gateway, and the client is told nothing", () => {
  const { lab, gateway, client } = granted();

  const { status, body } = call(lab, REVOKE);

  assert.equal(status, 200);
  assert.deepEqual(body, { revoked: ["Net"] });
  const rejected = lab.takePayload(gateway, "reject_access");
  assert.deepEqual(rejected, { client_id: CLIENT_ID, resource_id: NETWORK_ID });
  assert.ok(parseGatewayMessage("reject_access", rejected).ok);
  assert.deepEqual(lab.take(client), []);
});

Deno.test("several resources are revoked by one call, in the order named", () => {
  const { lab, gateway } = granted();

  const { body } = call(lab, `${REVOKE}&resource=Other%20net`);

  assert.deepEqual(body, { revoked: ["Net", "Other net"] });
  const rejected = lab.take(gateway).map(({ payload }) => payload.resource_id);
  assert.deepEqual(rejected, [NETWORK_ID, OTHER_ID]);
});

Deno.test("a client gets access again by asking after it was revoked", () => {
  const { lab, gateway, client } = granted();
  call(lab, REVOKE);
  lab.take(gateway);

  lab.send(client, "client", "request_authorization", {
    resource_id: NETWORK_ID,
    connected_gateway_ids: [GATEWAY_ID],
  });

  const again = lab.takePayload(gateway, "create_authorization");
  assert.equal(again.resource.id, NETWORK_ID);
});

Deno.test("a gateway that joins again is not told of a revoked authorization, until it is granted again", () => {
  const { lab, gateway, client } = granted();
  call(lab, REVOKE);
  lab.control.handleClosed(gateway, lab.now);

  const rejoined = lab.gateway();
  assert.deepEqual(listed(lab, rejoined), [OTHER_ID]);

  ask(lab, client, rejoined, NETWORK_ID);
  lab.control.handleClosed(rejoined, lab.now);
  assert.deepEqual(listed(lab, lab.gateway()), [OTHER_ID, NETWORK_ID]);
});

Deno.test("revoking what is not in force says so, and rejects it at the gateway anyway", () => {
  const { lab, gateway } = granted();
  call(lab, REVOKE);
  lab.take(gateway);

  assert.deepEqual(call(lab, REVOKE).body, { revoked: [] });
  assert.equal(lab.takeEvents(gateway).length, 1);
});

Deno.test("an authorization that has expired is not told as revoked", () => {
  const file = labFile();
  file.policies[0].expires_at = "2026-08-18T00:00:30Z";
  const { lab } = granted(file);
  lab.now = lab.now + 30_000 as typeof lab.now;

  assert.deepEqual(call(lab, REVOKE).body, { revoked: [] });
});

Deno.test("access is revoked for a gateway that is away", () => {
  const { lab, gateway } = granted();
  lab.control.handleClosed(gateway, lab.now);

  assert.deepEqual(call(lab, REVOKE).body, { revoked: ["Net"] });
  assert.deepEqual(listed(lab, lab.gateway()), [OTHER_ID]);
});

const REFUSALS: readonly {
  readonly why: string;
  readonly target?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly code: string;
}[] = [
  { why: "no token", headers: {}, status: 401, code: "missing_token" },
  {
    why: "a token in another scheme",
    headers: { authorization: "Basic let-me" },
    status: 401,
    code: "missing_token",
  },
  {
    why: "another token",
    headers: { authorization: "Bearer let-me-in" },
    status: 401,
    code: "invalid_token",
  },
  {
    why: "the token of a gateway",
    headers: { authorization: "Bearer .gateway" },
    status: 401,
    code: "invalid_token",
  },
  { why: "GET", method: "GET", status: 405, code: "method_not_allowed" },
  {
    why: "an unknown client",
    target: "/control/revoke-access?client=x&gateway=gw&resource=Net",
    status: 404,
    code: "unknown_client",
  },
  {
    why: "an unknown gateway",
    target: "/control/revoke-access?client=laptop&resource=Net",
    status: 404,
    code: "unknown_gateway",
  },
  {
    why: "no resource",
    target: "/control/revoke-access?client=laptop&gateway=gw",
    status: 404,
    code: "unknown_resource",
  },
  {
    why: "one unknown resource among known ones",
    target: `${REVOKE}&resource=x`,
    status: 404,
    code: "unknown_resource",
  },
];

for (const { why, target = REVOKE, method, headers, ...refusal } of REFUSALS) {
  Deno.test(`a control call with ${why} is refused as ${refusal.code} and changes nothing`, () => {
    const { lab, gateway } = granted();

    const { status, body } = call(lab, target, method, headers);

    assert.deepEqual({ status, code: body.code }, refusal);
    assert.deepEqual(lab.take(gateway), []);
  });
}

Deno.test("a path that is no control call is not found, for those who may make them", () => {
  const { lab } = granted();

  assert.equal(call(lab, "/control/else").status, 404);
  assert.equal(call(lab, "/control/else", "POST", {}).status, 401);
});

Deno.test("without a control token in the policy there are no control calls", () => {
  const { lab, gateway } = granted();
  const file = labFile();
  delete file.control_token;
  lab.reload(file);

  assert.equal(call(lab, REVOKE).status, 404);
  assert.deepEqual(lab.take(gateway), []);
});

/** A policy with a control token and two networks. */
function labFile(): Json {
  const file = policyFile();
  file.control_token = "let-me";
  file.resources.push({
    name: "Other net",
    id: OTHER_ID,
    type: "cidr",
    address: "10.30.0.0/16",
    site: "HQ",
  });
  file.policies.push({ client: "laptop", resource: "Other net" });
  return file;
}

/** A portal where the client has access to both networks through the gateway. */
function granted(
  file: Json = labFile(),
): { lab: Lab; gateway: number; client: number } {
  const lab = new Lab(file);
  const gateway = lab.gateway();
  const client = lab.client();
  lab.take(gateway);
  ask(lab, client, gateway, NETWORK_ID);
  ask(lab, client, gateway, OTHER_ID);
  return { lab, gateway, client };
}

/** Lets the client ask for a resource and the gateway acknowledge it. */
function ask(lab: Lab, client: number, gateway: number, id: string): void {
  lab.send(client, "client", "request_authorization", {
    resource_id: id,
    connected_gateway_ids: [],
  });
  const { ref } = lab.takePayload(gateway, "create_authorization");
  lab.send(gateway, "gateway", "authorization_created", { ref });
  lab.take(gateway);
  lab.take(client);
}

/** The resources that the init of a gateway which has just joined lists. */
function listed(lab: Lab, gateway: number): string[] {
  const { authorizations } = lab.takePayload(gateway, "init");
  return authorizations.map((row: Json) => row.resource_id);
}

function call(
  lab: Lab,
  target: string,
  method = "POST",
  headers: Record<string, string> = TOKEN,
): { status: number; body: Json } {
  const [path = "", query = ""] = target.split("?", 2);
  const request = {
    method,
    path,
    query: new URLSearchParams(query),
    headers,
  };
  const { status, body } = lab.control.handleControlCall(request, lab.now);
  return { status, body: body.startsWith("{") ? JSON.parse(body) : body };
}
