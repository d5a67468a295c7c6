import assert from "node:assert/strict";
import { parseIp } from "../../lib/base/mod.ts";
import {
  CLIENT_PROFILE,
  clientParameters,
  externalId,
  GATEWAY_PROFILE,
  gatewayParameters,
  type LoginUrl,
  loginUrl,
  RELAY_PROFILE,
  relayParameters,
} from "../../lib/portal/mod.ts";
import vectors from "../vectors/firezone_gateway_messages.json" with {
  type: "json",
};

const NO_PARAMETERS = [] as const;

function urlOf(apiUrl: string): LoginUrl {
  const url = loginUrl(apiUrl, GATEWAY_PROFILE, NO_PARAMETERS);
  assert.ok(url.ok, apiUrl);
  return url.value;
}

function pathOf(apiUrl: string): string {
  return urlOf(apiUrl).target.split("?")[0] ?? "";
}

Deno.test("[portal 1] the role's segments are appended and a base path is kept", () => {
  assert.equal(pathOf("wss://api.example"), vectors.login_path);
  assert.equal(pathOf("wss://api.example/"), "/gateway/v2/websocket");
  assert.equal(pathOf("wss://api.example/base"), "/base/gateway/v2/websocket");
  assert.equal(pathOf("wss://api.example/a/b/"), "/a/b/gateway/v2/websocket");
  assert.equal(pathOf("wss://api.example/a//"), "/a//gateway/v2/websocket");
});

Deno.test("each role and generation has its own path", () => {
  const path = (profile: Parameters<typeof loginUrl>[1], generation: 1 | 2) => {
    const url = loginUrl("wss://h", profile, NO_PARAMETERS, generation);
    return url.ok && url.value.target;
  };

  assert.equal(path(GATEWAY_PROFILE, 1), "/gateway/websocket?");
  assert.equal(path(CLIENT_PROFILE, 1), "/client/websocket?");
  assert.equal(path(CLIENT_PROFILE, 2), "/client/v2/websocket?");
  assert.equal(path(RELAY_PROFILE, 1), "/relay/websocket?");
  assert.equal(path(RELAY_PROFILE, 2), "/relay/websocket?");
});

Deno.test("[portal 2] http and ws are plain, https and wss secure, every other scheme is refused", () => {
  assert.equal(urlOf("http://api.example").secure, false);
  assert.equal(urlOf("ws://api.example").secure, false);
  assert.equal(urlOf("https://api.example").secure, true);
  assert.equal(urlOf("WSS://api.example").secure, true);
  for (const url of ["ftp://api.example", "file:///x", "api.example:443"]) {
    assert.deepEqual(
      loginUrl(url, GATEWAY_PROFILE, NO_PARAMETERS),
      { ok: false, error: "invalid-scheme" },
      url,
    );
  }
  for (const url of ["", "api.example", "wss://", "wss://a b"]) {
    assert.deepEqual(
      loginUrl(url, GATEWAY_PROFILE, NO_PARAMETERS),
      { ok: false, error: "invalid-url" },
      url,
    );
  }
});

Deno.test("[portal 3] [portal 4] no vsn is sent, and query and fragment of the API URL are discarded", () => {
  const url = loginUrl(
    "wss://api.example/base?vsn=2.0.0&token=x#frag",
    GATEWAY_PROFILE,
    [["name", "gw"]],
  );

  assert.equal(
    url.ok && url.value.target,
    "/base/gateway/v2/websocket?name=gw",
  );
});

Deno.test("[portal 5] external_id, name and public_key are sent form-encoded", () => {
  const key = Uint8Array.from(
    atob("+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8="),
    (char) => char.charCodeAt(0),
  );
  assert.equal(key.length, 32);
  const url = loginUrl(
    "wss://api.example",
    GATEWAY_PROFILE,
    gatewayParameters({
      identity: "my-gateway",
      name: "Büro + lab/1=",
      publicKey: key,
    }),
  );

  assert.equal(
    url.ok && url.value.target.split("?")[1],
    "external_id=my-gateway&name=B%C3%BCro+%2B+lab%2F1%3D&public_key=" +
      "%2B%2F".repeat(21) + "8%3D",
  );
});

Deno.test("clients add what is known of the device before the key", () => {
  const parameters = clientParameters({
    identity: "me",
    name: "laptop",
    publicKey: new Uint8Array(32).fill(2),
    device: [["device_uuid", "u"]],
  });

  assert.deepEqual(parameters, [
    ["external_id", "me"],
    ["name", "laptop"],
    ["device_uuid", "u"],
    ["public_key", "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="],
  ]);
});

Deno.test("relays send what they have of name, addresses and port", () => {
  const ipv4 = parseIp("198.51.100.7");
  const ipv6 = parseIp("2001:db8::7");

  assert.deepEqual(relayParameters({ name: "r", ipv4, ipv6, port: 3478 }), [
    ["name", "r"],
    ["ipv4", "198.51.100.7"],
    ["ipv6", "2001:db8::7"],
    ["port", "3478"],
  ]);
  assert.deepEqual(relayParameters({ ipv6, port: 1 }), [
    ["ipv6", "2001:db8::7"],
    ["port", "1"],
  ]);
});

Deno.test("[portal 6] [portal regression 28] an identity in one of the four forms of a UUID is hashed as written, any other sent as it is", () => {
  const uuid = "a3b2c1d0-1111-4222-8333-444455556666";
  assert.equal(
    externalId(uuid),
    "88c05f6bde22ed65ea239327bace5453efdfe2283e3eb0dc51055842280d2705",
  );
  const forms = [
    uuid.toUpperCase(),
    uuid.replaceAll("-", ""),
    `{${uuid}}`,
    `urn:uuid:${uuid}`,
  ];
  const hashes = forms.map(externalId);
  for (const hash of hashes) assert.match(hash, /^[0-9a-f]{64}$/);
  assert.equal(new Set(hashes).size, forms.length);
  for (
    const text of [
      "my-gateway",
      ` ${uuid}`,
      `${uuid}0`,
      `{${uuid}`,
      `uuid:${uuid}`,
      "88c05f6bde22ed65ea239327bace5453efdfe2283e3eb0dc51055842280d2705",
    ]
  ) {
    assert.equal(externalId(text), text);
  }
});

Deno.test("[portal 11] [portal regression 27] the port is 443 unless the URL has one", () => {
  assert.equal(urlOf("wss://api.example").port, 443);
  assert.equal(urlOf("ws://api.example").port, 443);
  assert.equal(urlOf("wss://api.example:443").port, 443);
  assert.equal(urlOf("wss://api.example:8443/x").port, 8443);
  assert.equal(urlOf("ws://api.example:8081").port, 8081);
});

Deno.test("port 80 can be asked for", () => {
  assert.equal(urlOf("ws://api.example:80").port, 80);
  assert.equal(urlOf("http://api.example:80/base").port, 80);
  assert.equal(urlOf("HTTP://[2001:db8::1]:80?x").port, 80);
  assert.equal(urlOf("ws://[2001:db8::80]").port, 443);
  assert.equal(urlOf("ws://api.example/a:80").port, 443);
  assert.equal(urlOf("wss://api.example:80").port, 80);
});

Deno.test("the Host header has no port, and literals are recognised in both families", () => {
  const name = urlOf("wss://API.Example:8443");
  const ipv4 = urlOf("ws://127.0.0.1:4000");
  const ipv6 = urlOf("ws://[2001:DB8::1]:4000");

  assert.equal(name.hostHeader, "api.example");
  assert.equal(name.literal, undefined);
  assert.equal(ipv4.hostHeader, "127.0.0.1");
  assert.deepEqual(ipv4.literal, parseIp("127.0.0.1"));
  assert.equal(ipv6.hostHeader, "[2001:db8::1]");
  assert.equal(ipv6.hostname, "2001:db8::1");
  assert.deepEqual(ipv6.literal, parseIp("2001:db8::1"));
});
