import assert from "node:assert/strict";
import fc from "fast-check";
import {
  clientUrl,
  gatewayUrl,
  type Json,
  Lab,
  OTHER_KEY,
  policyFile,
} from "./lab.ts";

const GATEWAY_HEADERS = {
  "x-authorization": "Bearer .gateway",
  "user-agent": "Debian/12.0.0 gateway/1.6.0",
};
const CLIENT_HEADERS = {
  "x-authorization": "Bearer n.client",
  "user-agent": "Debian/12.0.0 headless-client/1.5.11",
};

Deno.test("both path generations of gateways and clients and the relay's path are served", () => {
  const attempts: [string, Record<string, string>][] = [
    [gatewayUrl("/gateway/websocket"), GATEWAY_HEADERS],
    [gatewayUrl("/gateway/v2/websocket"), GATEWAY_HEADERS],
    [clientUrl("/client/websocket"), CLIENT_HEADERS],
    [clientUrl("/client/v2/websocket"), CLIENT_HEADERS],
    ["/relay/websocket?ipv4=192.0.2.1&port=3478", {
      "x-authorization": "Bearer .relay-1",
    }],
    [gatewayUrl("/base/path/gateway/v2/websocket"), GATEWAY_HEADERS],
  ];

  for (const [url, headers] of attempts) {
    assert.equal(new Lab().request(url, headers).answer.kind, "accept", url);
  }
});

Deno.test("another path is answered 404 Not Found", () => {
  for (
    const path of ["/", "/gateway", "/relay/v2/websocket", "/admin/websocket"]
  ) {
    const refusal = refused(new Lab(), gatewayUrl(path), GATEWAY_HEADERS);

    assert.equal(refusal.status, 404);
    assert.equal(refusal.body, "Not Found");
  }
});

Deno.test("any Host is accepted, with or without port", () => {
  for (const host of ["portal", "PORTAL.example:8081", "[2001:db8::1]", ""]) {
    const headers = { ...GATEWAY_HEADERS, host };

    assert.equal(
      new Lab().request(gatewayUrl(), headers).answer.kind,
      "accept",
    );
  }
});

Deno.test("a missing token is answered 401 missing_token with a problem document", () => {
  const refusal = refused(new Lab(), gatewayUrl(), {});

  assert.equal(refusal.status, 401);
  assert.equal(
    refusal.headers["Content-Type"],
    "application/problem+json; charset=utf-8",
  );
  assert.deepEqual(JSON.parse(refusal.body), {
    type: "about:blank",
    title: "Unauthorized",
    status: 401,
    detail: "Missing token",
    code: "missing_token",
  });
});

Deno.test("the Bearer prefix is literal, and the query is asked when it does not match", () => {
  const lab = new Lab();
  const bearer = { "x-authorization": "bearer .gateway" };

  assert.equal(refused(lab, gatewayUrl(), bearer).code, "missing_token");
  assert.equal(
    lab.request(gatewayUrl() + "&token=.gateway", bearer).answer.kind,
    "accept",
  );
});

Deno.test("the standard Authorization header is not read", () => {
  const headers = { authorization: "Bearer .gateway" };

  assert.equal(refused(new Lab(), gatewayUrl(), headers).code, "missing_token");
});

Deno.test("an unknown token, or one of another role, is answered 401 invalid_token", () => {
  for (const token of ["nonsense", ".relay-1", "n.client"]) {
    const headers = { "x-authorization": `Bearer ${token}` };
    const refusal = refused(new Lab(), gatewayUrl(), headers);

    assert.equal(refusal.status, 401);
    assert.equal(refusal.code, "invalid_token");
  }
});

Deno.test("a client whose session is over is answered 401 invalid_token", () => {
  const file = policyFile();
  file.clients[0].expires_at = "2026-08-18T01:00:00Z"; // One hour after the start.
  const lab = new Lab(file);

  lab.advance(3_600_000);

  assert.equal(refused(lab, clientUrl(), CLIENT_HEADERS).code, "invalid_token");
});

Deno.test("invalid parameters are answered 400, each named in the detail", () => {
  const noKey = refused(new Lab(), "/gateway/v2/websocket", GATEWAY_HEADERS);
  assert.equal(noKey.status, 400);
  assert.equal(noKey.code, "invalid_connect_params");
  assert.equal(noKey.detail, "public_key can't be blank");

  const badKey = refused(
    new Lab(),
    gatewayUrl(undefined, "AgIC"),
    GATEWAY_HEADERS,
  );
  assert.equal(badKey.detail, "public_key is invalid");

  const client = refused(new Lab(), "/client/v2/websocket", {
    "x-authorization": "Bearer n.client",
  });
  assert.equal(
    client.detail,
    "public_key can't be blank; external_id can't be blank; user_agent is invalid",
  );

  const long = refused(
    new Lab(),
    gatewayUrl() + `&device_uuid=${"x".repeat(256)}`,
    GATEWAY_HEADERS,
  );
  assert.equal(long.detail, "device_uuid should be at most 255 character(s)");
});

Deno.test("firezone_id stands in for external_id, and a single-owner gateway needs neither", () => {
  const client = clientUrl().replace("external_id", "firezone_id");
  const gateway = gatewayUrl().replace("external_id=edge&", "");

  assert.equal(new Lab().request(client, CLIENT_HEADERS).answer.kind, "accept");
  assert.equal(
    new Lab().request(gateway, GATEWAY_HEADERS).answer.kind,
    "accept",
  );
});

Deno.test("a relay without a usable address or port is answered 500", () => {
  const headers = { "x-authorization": "Bearer .relay-1" };
  for (
    const query of ["", "port=3478", "ipv4=::1", "ipv4=192.0.2.1&port=70000"]
  ) {
    const refusal = refused(new Lab(), `/relay/websocket?${query}`, headers);

    assert.equal(refusal.status, 500);
    assert.equal(refusal.code, "unhandled_connect_error");
  }
});

Deno.test("an unsupported serializer or a foreign Origin is answered 403 without a body", () => {
  const array = refused(
    new Lab(),
    gatewayUrl() + "&vsn=2.0.0",
    GATEWAY_HEADERS,
  );
  const foreign = refused(new Lab(), gatewayUrl(), {
    ...GATEWAY_HEADERS,
    host: "portal:8081",
    origin: "http://evil.example",
  });
  const own = new Lab().request(gatewayUrl() + "&vsn=1.0.0", {
    ...GATEWAY_HEADERS,
    host: "portal:8081",
    origin: "http://portal:8081",
  });

  assert.deepEqual([array.status, array.body], [403, ""]);
  assert.deepEqual([foreign.status, foreign.body], [403, ""]);
  assert.equal(own.answer.kind, "accept");
});

Deno.test("the rate limit answers 503 with Retry-After: 1 for the same address and token within a second", () => {
  const file = policyFile();
  file.connect_rate_limit = true;
  const lab = new Lab(file);
  const wrong = { "x-authorization": "Bearer wrong" };

  assert.equal(refused(lab, gatewayUrl(), wrong).code, "invalid_token");
  const limited = refused(lab, gatewayUrl(), wrong);
  assert.equal(limited.status, 503);
  assert.equal(limited.code, "rate_limit");
  assert.equal(limited.headers["Retry-After"], "1");
  assert.equal(refused(lab, gatewayUrl(), {}).code, "missing_token");
  assert.equal(
    lab.request(gatewayUrl(), GATEWAY_HEADERS).answer.kind,
    "accept",
  );

  lab.advance(1_000);
  assert.equal(refused(lab, gatewayUrl(), wrong).code, "invalid_token");
});

Deno.test("connect attempts are not limited unless the policy says so", () => {
  const lab = new Lab();

  for (let i = 0; i < 5; i++) {
    assert.equal(
      refused(lab, gatewayUrl(), { "x-authorization": "Bearer x" }).status,
      401,
    );
  }
});

Deno.test("[portal 87] a second connection of a connected gateway is answered 409 until the first is gone", () => {
  const lab = new Lab();
  const first = lab.gateway();

  const refusal = refused(
    lab,
    gatewayUrl(undefined, OTHER_KEY),
    GATEWAY_HEADERS,
  );
  assert.equal(refusal.status, 409);
  assert.equal(refusal.code, "gateway_already_connected");
  assert.equal(refusal.headers["Retry-After"], undefined);
  assert.equal(lab.closeCode(first), undefined);

  lab.control.handleClosed(first, lab.now);
  lab.gateway();
});

Deno.test("the parameters are checked before whether the gateway is connected", () => {
  const lab = new Lab();
  lab.gateway();

  const refusal = refused(lab, "/gateway/v2/websocket", GATEWAY_HEADERS);

  assert.equal(refusal.status, 400);
});

Deno.test("no request makes the portal throw", () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom("Bearer .gateway", "gateway/1.6.0"),
  );
  fc.assert(fc.property(
    fc.webPath(),
    fc.webQueryParameters(),
    fc.dictionary(
      fc.constantFrom("host", "origin", "x-authorization", "user-agent"),
      text,
    ),
    (path, query, headers) => {
      new Lab().request(`${path}/gateway/v2/websocket?${query}`, headers);
    },
  ));
});

function refused(
  lab: Lab,
  url: string,
  headers: Record<string, string>,
): Json {
  const { answer } = lab.request(url, headers);
  assert.equal(answer.kind, "refuse");
  if (answer.kind !== "refuse") return undefined;
  const { refusal } = answer;
  return refusal.body.startsWith("{")
    ? { ...refusal, ...JSON.parse(refusal.body) }
    : refusal;
}
