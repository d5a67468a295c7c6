import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp, toHex } from "../../lib/base/mod.ts";
import { accessOf, parsePolicy } from "../../lib/control/mod.ts";
import { type Json, policyFile, policyOf } from "./lab.ts";

const UUID =
  /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

Deno.test("the example policy is valid", () => {
  const url = new URL(
    "../../lib/control/example_policy.json",
    import.meta.url,
  );

  const policy = parsePolicy(Deno.readTextFileSync(url));

  assert.ok(policy.ok);
  assert.equal(policy.value.gateways.size, 2);
  assert.equal(policy.value.resources.size, 4);
});

Deno.test("ids, addresses and keys come from the secret and the name, and stay", () => {
  const file = minimal();
  const first = policyOf(file);
  const again = policyOf(file);
  const grown = policyOf({
    ...file,
    clients: [
      { name: "zero", token: "n.zero" },
      ...file.clients,
      { name: "new", token: "n.new" },
    ],
  });
  const other = policyOf({ ...file, secret: "another" });

  const [client] = first.clients.values();
  assert.ok(client);
  assert.match(client.id, UUID);
  assert.match(formatIp(client.ipv4), /^100\.(6[4-9]|[78]\d|9[0-5])\./);
  assert.match(formatIp(client.ipv6), /^fd00:2021:1111::/);
  assert.equal(client.pskBase.length, 32);
  assert.deepEqual(again.clients.get(client.id), client);
  assert.deepEqual(grown.clients.get(client.id), client);
  const [changed] = other.clients.values();
  assert.notEqual(changed?.id, client.id);
  assert.notEqual(toHex(changed!.pskBase), toHex(client.pskBase));
});

Deno.test("no two devices share an address, however many there are", () => {
  const file = minimal();
  file.clients = Array.from({ length: 3_000 }, (_, i) => ({
    name: `c${i}`,
    token: `n.c${i}`,
  }));
  const { clients, gateways } = policyOf(file);

  const devices = [...clients.values(), ...gateways.values()];
  for (const family of ["ipv4", "ipv6"] as const) {
    const addresses = devices.map((device) => formatIp(device[family]));
    assert.equal(new Set(addresses).size, devices.length);
  }
});

Deno.test("fixed addresses are kept, one of them alone too", () => {
  const file = minimal();
  file.gateways[0].ipv4 = "100.64.0.1";
  const [gateway] = policyOf(file).gateways.values();

  assert.equal(formatIp(gateway!.ipv4), "100.64.0.1");
  assert.match(formatIp(gateway!.ipv6), /^fd00:2021:1111::/);
});

Deno.test("a single address becomes a network of one, host bits are cleared, ports become ranges", () => {
  const file = minimal();
  file.resources = [
    { name: "a", type: "ip", address: "10.1.2.3", site: "HQ" },
    { name: "b", type: "ip", address: "2001:DB8::1", site: "HQ" },
    { name: "c", type: "cidr", address: "10.1.2.3/16", site: "HQ" },
    {
      name: "d",
      type: "cidr",
      address: "0.0.0.0/0",
      site: "HQ",
      filters: [{ protocol: "udp" }, { protocol: "tcp", ports: ["80", "1-2"] }],
    },
  ];
  const resources = [...policyOf(file).resources.values()];

  assert.deepEqual(resources.map(({ address }) => address), [
    "10.1.2.3/32",
    "2001:db8::1/128",
    "10.1.0.0/16",
    "0.0.0.0/0",
  ]);
  assert.deepEqual(resources[3]?.filters, [
    { protocol: "udp", start: 0, end: 65535 },
    { protocol: "tcp", start: 80, end: 80 },
    { protocol: "tcp", start: 1, end: 2 },
  ]);
});

Deno.test("every problem is reported with its path", () => {
  const cases: [(file: Json) => void, string][] = [
    [(f) => delete f.secret, "$.secret: is missing"],
    [(f) => f.secret = 7, "$.secret: must be non-empty text"],
    [(f) => f.sites = {}, "$.sites: must be a list"],
    [(f) => f.colour = 1, "$.colour: is not a known key"],
    [(f) => f.gateways[0] = 7, "$.gateways[0]: must be an object"],
    [
      (f) => f.gateways[0].site = "X",
      '$.gateways[0].site: no site is called "X"',
    ],
    [(f) => f.gateways[0].tokn = "", "$.gateways[0].tokn: is not a known key"],
    [
      (f) => f.gateways[0].id = "x",
      "$.gateways[0].id: must be a UUID such as 6f1d0f5a-…",
    ],
    [
      (f) => f.gateways[0].ipv4 = "10.0.0.1",
      '$.gateways[0].ipv4: is taken or outside 100.64.0.0/11 and fd00:2021:1111::/107: "10.0.0.1"',
    ],
    [
      (f) => f.gateways[0].ipv4 = "::1",
      '$.gateways[0].ipv4: must be an IPv4 address: "::1"',
    ],
    [
      (f) => f.clients[0].token = "a b",
      "$.clients[0].token: must not contain white space",
    ],
    [
      (f) => f.clients[0].token = ".gateway",
      "$.clients[0].token: is used twice",
    ],
    [
      (f) => f.clients.push(f.clients[0]),
      '$.clients[1].name: is used twice: "laptop"',
    ],
    [(f) => f.relays[0].name = "*", '$.relays[0].name: must not be "*"'],
    [
      (f) => f.clients[0].expires_at = "tomorrow",
      '$.clients[0].expires_at: must be a time such as 2030-01-01T00:00:00Z: "tomorrow"',
    ],
    [
      (f) => f.resources[0].type = "vpn",
      "$.resources[0].type: must be one of cidr, ip, dns, internet",
    ],
    [
      (f) => f.resources[0].address = "10.0.0.0/33",
      '$.resources[0].address: must be a network: "10.0.0.0/33"',
    ],
    [
      (f) => f.resources[0].address = "100.64.1.0/24",
      '$.resources[0].address: lies in a range the tunnel uses: "100.64.1.0/24"',
    ],
    [
      (f) => f.resources[0].filters = [{ protocol: "tcp", ports: ["9-3"] }],
      '$.resources[0].filters[0].ports[0]: must be text such as "443" or "8000-8100"',
    ],
    [
      (f) => f.resources[0].filters = [{ protocol: "icmp", ports: ["1"] }],
      "$.resources[0].filters[0].ports: icmp has no ports",
    ],
    [
      (f) => f.resources[0].filters = [{ protocol: "sctp" }],
      "$.resources[0].filters[0].protocol: must be one of tcp, udp, icmp",
    ],
    [
      (f) => f.policies[0].client = "X",
      '$.policies[0].client: no client is called "X"',
    ],
    [
      (f) => f.policies[0].resource = "X",
      '$.policies[0].resource: no resource is called "X"',
    ],
    [(f) => f.upstream_dns = ["x"], "$.upstream_dns[0]: must be an IP address"],
    [(f) => f.iceless = "yes", "$.iceless: must be true or false"],
    [(f) => f.flow_logs = 5, "$.flow_logs: must be an object"],
    [
      (f) => f.flow_logs = { upload_interval_secs: -1 },
      "$.flow_logs.upload_interval_secs: must be a whole number from 0 on",
    ],
    [(f) => f.flow_logs = { url: "" }, "$.flow_logs.url: is not a known key"],
    [
      (f) => f.control_token = ".gateway",
      "$.control_token: is the token of a device, too",
    ],
    [
      (f) => f.control_token = "let me",
      "$.control_token: must not contain white space",
    ],
  ];

  for (const [edit, problem] of cases) {
    const file = policyFile();
    edit(file);
    const policy = parsePolicy(JSON.stringify(file));

    assert.ok(!policy.ok, problem);
    assert.ok(
      policy.error.includes(problem),
      `${problem} not in ${policy.error.join("\n")}`,
    );
  }
});

Deno.test("several problems are reported at once, and no token is among them", () => {
  const file = policyFile();
  file.gateways[0].site = "X";
  file.clients[0].token = "top secret";
  file.resources[0].address = "nowhere";

  const policy = parsePolicy(JSON.stringify(file));

  assert.ok(!policy.ok);
  assert.equal(policy.error.length, 3);
  assert.ok(!policy.error.join().includes("top secret"));
});

Deno.test("what is no JSON is one problem that quotes nothing", () => {
  assert.deepEqual(parsePolicy('{"token": "secret"'), {
    ok: false,
    error: ["$: is not valid JSON"],
  });
});

Deno.test("of several rules the one that lasts longest counts", () => {
  const file = policyFile();
  file.policies = [
    { client: "laptop", resource: "Net", expires_at: "2030-01-01T00:00:00Z" },
    { client: "*", resource: "*", expires_at: "2031-01-01T00:00:00+01:00" },
  ];
  const policy = policyOf(file);
  const [client] = policy.clients.keys();
  const [resource] = policy.resources.keys();

  const access = accessOf(policy, client!, resource!, 1_787_011_200);

  assert.equal(access.kind, "allowed");
  assert.ok(access.kind === "allowed" && access.expiresAt === 1_924_988_400);
});

Deno.test("no file makes the parser throw, and what it accepts refers to things that exist", () => {
  const name = fc.constantFrom("a", "b", "*", "");
  const value = fc.oneof(
    name,
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom("10.0.0.0/8", "100.64.0.1", "tcp", "dns", "__proto__"),
  );
  const entry = fc.dictionary(
    fc.constantFrom(
      ...["name", "id", "token", "site", "type", "address", "filters"],
      ...["client", "resource", "expires_at", "ipv4", "ipv6", "protocol"],
    ),
    value,
  );
  const file = fc.oneof(
    fc.jsonValue(),
    fc.record({
      secret: value,
      sites: fc.array(entry, { maxLength: 2 }),
      gateways: fc.array(entry, { maxLength: 2 }),
      clients: fc.array(entry, { maxLength: 2 }),
      relays: fc.array(entry, { maxLength: 2 }),
      resources: fc.array(entry, { maxLength: 2 }),
      policies: fc.array(entry, { maxLength: 2 }),
    }, { requiredKeys: [] }),
  );
  fc.assert(fc.property(file, (json) => {
    const policy = parsePolicy(JSON.stringify(json));
    if (!policy.ok) return assert.ok(policy.error.length > 0);
    const { sites, gateways, resources } = policy.value;
    for (const { siteId } of [...gateways.values(), ...resources.values()]) {
      assert.ok(sites.has(siteId));
    }
  }));
});

Deno.test("no text makes the parser throw", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    parsePolicy(text);
  }));
});

function minimal(): Json {
  return {
    secret: "test",
    sites: [{ name: "HQ" }],
    gateways: [{ name: "gw", site: "HQ", token: ".gw" }],
    clients: [{ name: "laptop", token: "n.laptop" }],
  };
}
