import assert from "node:assert/strict";
import fc from "fast-check";
import {
  parseClientMessage,
  parseGatewayMessage,
} from "../../lib/portal/mod.ts";
import { CLIENT_KEY, gatewayUrl, Lab, OTHER_KEY, policyFile } from "./lab.ts";

const GATEWAY_HEADERS = {
  "x-authorization": "Bearer .gateway",
  "user-agent": "Debian/12.0.0 gateway/1.6.0",
};

Deno.test("[portal 86] joins and heartbeats are answered with the same ref, of the same JSON type, and an empty response", () => {
  for (const ref of [0, 7, "7", null, 2 ** 40]) {
    const lab = new Lab();
    const socket = lab.connect(gatewayUrl(), GATEWAY_HEADERS);

    lab.sendRaw(socket, {
      topic: "gateway",
      event: "phx_join",
      payload: null,
      ref,
    });
    lab.sendRaw(socket, {
      topic: "phoenix",
      event: "heartbeat",
      payload: {},
      ref,
    });

    const [join, , heartbeat] = lab.take(socket);
    const payload = { status: "ok", response: {} };
    assert.deepEqual(join, {
      topic: "gateway",
      event: "phx_reply",
      payload,
      ref,
    });
    assert.deepEqual(heartbeat, {
      topic: "phoenix",
      event: "phx_reply",
      payload,
      ref,
    });
  }
});

Deno.test("the join is answered before init is pushed, and init is pushed once", () => {
  const lab = new Lab();

  assert.deepEqual(lab.takeEvents(lab.gateway()), ["phx_reply", "init"]);
  assert.deepEqual(lab.takeEvents(lab.client()), ["phx_reply", "init"]);
  assert.deepEqual(lab.takeEvents(lab.relay()), ["phx_reply", "init"]);
});

Deno.test("heartbeats are answered before the join", () => {
  const lab = new Lab();
  const socket = lab.connect(gatewayUrl(), GATEWAY_HEADERS);

  lab.send(socket, "phoenix", "heartbeat", {});

  assert.deepEqual(lab.takeEvents(socket), ["phx_reply"]);
});

Deno.test("a gateway's init has every field that version 1.6.0 requires", () => {
  const lab = new Lab();
  const init = lab.takePayload(lab.gateway(), "init");

  assert.deepEqual(init, {
    interface: { ipv4: "100.64.0.1", ipv6: "fd00:2021:1111::1" },
    config: { ipv4_masquerade_enabled: true, ipv6_masquerade_enabled: true },
    account_slug: "acme",
    relays: [],
    authorizations: [{
      client_id: "11111111-aaaa-4aaa-8aaa-111111111111",
      resource_id: "66666666-ffff-4fff-8fff-666666666666",
      expires_at: 2_145_916_800,
    }],
    flow_logs: {
      api_url: "https://flow-logs.invalid/",
      upload_interval_secs: 0,
      upload_batch_size: 1000,
    },
  });
  assert.ok(parseGatewayMessage("init", init).ok);
});

Deno.test("flow logs go where the policy file says, and tokens say whether they are wanted", () => {
  const file = policyFile();
  file.flow_logs = {
    api_url: "https://flows.test/",
    upload_interval_secs: 5,
    upload_batch_size: 10,
    uploads_enabled: true,
  };
  const lab = new Lab(file);
  const gateway = lab.gateway();
  const client = lab.client();

  assert.deepEqual(lab.takePayload(gateway, "init").flow_logs, {
    api_url: "https://flows.test/",
    upload_interval_secs: 5,
    upload_batch_size: 10,
  });
  assert.equal(lab.takePayload(client, "init").flow_logs.upload_batch_size, 10);
  lab.send(client, "client", "request_authorization", {
    resource_id: "66666666-ffff-4fff-8fff-666666666666",
    connected_gateway_ids: [],
  });
  const grant = lab.takePayload(gateway, "create_authorization");
  const [, claims = ""] = grant.flow_logs_ingest_token.split(".");
  assert.equal(JSON.parse(atob(claims)).uploads_enabled, true);
});

Deno.test("a client's init lists its resources, with the field names its version knows", () => {
  const file = policyFile();
  file.upstream_dns = ["9.9.9.9", "2620:fe::fe"];
  file.search_domain = "corp.example";
  file.resources[0].filters = [
    { protocol: "tcp", ports: ["443", "8000-8100"] },
    { protocol: "icmp" },
  ];
  const lab = new Lab(file);
  const site = { id: "88888888-0000-4000-8000-888888888888", name: "HQ" };

  const init = lab.takePayload(lab.client(), "init");
  const old = lab.takePayload(
    lab.client({ userAgent: "Debian/12 headless-client/1.5.5" }),
    "init",
  );

  assert.deepEqual(init.interface, {
    ipv4: "100.64.0.2",
    ipv6: "fd00:2021:1111::2",
    upstream_do53: [{ ip: "9.9.9.9" }, { ip: "2620:fe::fe" }],
    upstream_doh: [],
    upstream_dns: [
      { protocol: "ip_port", address: "9.9.9.9:53" },
      { protocol: "ip_port", address: "[2620:fe::fe]:53" },
    ],
    search_domain: "corp.example",
  });
  assert.deepEqual(init.resources, [{
    id: "66666666-ffff-4fff-8fff-666666666666",
    type: "cidr",
    name: "Net",
    address: "10.20.0.0/16",
    address_description: null,
    filters: [
      { protocol: "tcp", port_range_start: 443, port_range_end: 443 },
      { protocol: "tcp", port_range_start: 8000, port_range_end: 8100 },
      { protocol: "icmp" },
    ],
    sites: [site],
  }]);
  assert.deepEqual(old.resources[0].gateway_groups, [site]);
  assert.equal(old.resources[0].sites, undefined);
  assert.ok(parseClientMessage("init", init).ok);
  assert.ok(parseClientMessage("init", old).ok);
});

Deno.test("a topic that is not joined is answered unmatched topic", () => {
  const lab = new Lab();
  const socket = lab.connect(gatewayUrl(), GATEWAY_HEADERS);

  const early = lab.send(socket, "gateway", "no_relays", {});
  lab.send(socket, "nosuch", "phx_join", {});
  lab.send(socket, "client", "phx_join", null);
  lab.send(socket, "gateway", "phx_join", null);
  lab.send(socket, "client", "no_relays", {});

  const replies = lab.take(socket).filter(({ event }) => event === "phx_reply");
  assert.deepEqual(
    replies.map((
      { topic, payload },
    ) => [topic, payload.status, payload.response.reason]),
    [
      ["gateway", "error", "unmatched topic"],
      ["nosuch", "error", "unmatched topic"],
      ["client", "error", "unmatched topic"],
      ["gateway", "ok", undefined],
      ["client", "error", "unmatched topic"],
    ],
  );
  assert.equal(replies[0].ref, early);
});

Deno.test("an unknown event, or a known one without its payload, is answered unknown_message and nothing else happens", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  const client = lab.client();
  const relay = lab.relay();
  for (const socket of [gateway, client, relay]) lab.take(socket);

  lab.send(gateway, "gateway", "nonsense", {});
  lab.send(gateway, "gateway", "no_relays", null);
  lab.send(gateway, "gateway", "broadcast_ice_candidates", { client_ids: [] });
  lab.send(gateway, "gateway", "authorization_created", {});
  lab.send(client, "client", "request_authorization", { resource_id: "x" });
  lab.send(client, "client", "new_gateway_ice_candidates", { candidates: [] });
  lab.send(relay, "relay", "anything", {});

  for (
    const [socket, count] of [[gateway, 4], [client, 2], [relay, 1]] as const
  ) {
    const frames = lab.take(socket);
    assert.equal(frames.length, count);
    for (const { payload } of frames) {
      assert.deepEqual(payload, {
        status: "error",
        response: { reason: "unknown_message" },
      });
    }
    assert.equal(lab.closeCode(socket), undefined);
  }
});

Deno.test("events without a reply get none", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  const client = lab.client();
  lab.take(gateway);
  lab.take(client);

  lab.send(gateway, "gateway", "set_snownet_capabilities", { iceless: true });
  lab.send(client, "client", "set_snownet_capabilities", {});
  lab.send(client, "client", "request_device_access", null);

  assert.deepEqual(lab.take(gateway), []);
  assert.deepEqual(lab.take(client), []);
});

Deno.test("an envelope without topic, event, payload or ref ends the socket with 1011", () => {
  const frames = [
    "{",
    "",
    "[]",
    '"text"',
    '{"event":"x","payload":{},"ref":1}',
    '{"topic":"gateway","payload":{},"ref":1}',
    '{"topic":"gateway","event":"x","ref":1}',
    '{"topic":"gateway","event":"x","payload":{}}',
    '{"topic":1,"event":"x","payload":{},"ref":1}',
  ];

  for (const frame of frames) {
    const lab = new Lab();
    const socket = lab.gateway();
    lab.sendRaw(socket, frame);

    assert.equal(lab.closeCode(socket), 1011, frame);
  }
});

Deno.test("a second join of a topic closes the first channel and starts another", () => {
  const lab = new Lab();
  const socket = lab.gateway();
  lab.take(socket);

  lab.send(socket, "gateway", "phx_join", null);

  const frames = lab.take(socket);
  assert.deepEqual(frames[0], {
    topic: "gateway",
    event: "phx_close",
    payload: {},
    ref: null,
  });
  assert.deepEqual(frames.slice(1).map(({ event }) => event), [
    "phx_reply",
    "init",
  ]);
});

Deno.test("gateways and clients are dropped after 37 s without a byte, relays after 41 s", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  const client = lab.client();
  const relay = lab.relay();

  lab.advance(36_999);
  assert.deepEqual([gateway, client, relay].map((s) => lab.closeCode(s)), [
    undefined,
    undefined,
    undefined,
  ]);
  lab.advance(1);
  assert.deepEqual([lab.closeCode(gateway), lab.closeCode(client)], [
    1002,
    1002,
  ]);
  lab.advance(3_999);
  assert.equal(lab.closeCode(relay), undefined);
  lab.advance(1);
  assert.equal(lab.closeCode(relay), 1002);
});

Deno.test("any frame keeps a socket from being dropped", () => {
  const lab = new Lab();
  const talking = lab.gateway();
  const pinging = lab.client();

  for (let i = 0; i < 10; i++) {
    lab.advance(30_000);
    lab.send(talking, "phoenix", "heartbeat", {});
    lab.control.handleActivity(pinging, lab.now);
  }

  assert.equal(lab.closeCode(talking), undefined);
  assert.equal(lab.closeCode(pinging), undefined);
});

Deno.test("a socket that never joins is dropped as well", () => {
  const lab = new Lab();
  const socket = lab.connect(gatewayUrl(), GATEWAY_HEADERS);

  lab.advance(37_000);

  assert.equal(lab.closeCode(socket), 1002);
});

Deno.test("of two gateways that connect at once and then join, the second is told to go away", () => {
  const lab = new Lab();
  const first = lab.connect(gatewayUrl(), GATEWAY_HEADERS);
  const second = lab.connect(gatewayUrl(), GATEWAY_HEADERS);

  lab.send(first, "gateway", "phx_join", null);
  lab.send(second, "gateway", "phx_join", null);

  assert.deepEqual(lab.takeEvents(first), ["phx_reply", "init"]);
  const frames = lab.take(second);
  assert.deepEqual(frames.map(({ event }) => event), [
    "phx_reply",
    "disconnect",
    "phx_close",
  ]);
  assert.deepEqual(frames[1].payload, { reason: "token_expired" });
  assert.equal(lab.closeCode(second), 1000);
  assert.equal(lab.closeCode(first), undefined);
});

Deno.test("[portal 87] a second connection of a client disconnects the first", () => {
  const lab = new Lab();
  const first = lab.client();
  lab.take(first);

  const second = lab.client({ key: OTHER_KEY });

  const frames = lab.take(first);
  assert.deepEqual(frames.map(({ event }) => event), [
    "disconnect",
    "phx_close",
  ]);
  assert.deepEqual(frames[0].payload, { reason: "token_expired" });
  assert.equal(lab.closeCode(first), 1000);
  assert.deepEqual(lab.takeEvents(second), ["phx_reply", "init"]);
});

Deno.test("a closed socket's messages are ignored", () => {
  const lab = new Lab();
  const socket = lab.gateway();
  lab.control.handleClosed(socket, lab.now);
  lab.take(socket);

  lab.send(socket, "phoenix", "heartbeat", {});

  assert.deepEqual(lab.take(socket), []);
});

Deno.test("stopping closes every socket with 1012", () => {
  const lab = new Lab();
  const sockets = [lab.gateway(), lab.client(), lab.relay()];

  lab.control.stop(lab.now);

  assert.deepEqual(sockets.map((s) => lab.closeCode(s)), [1012, 1012, 1012]);
  assert.deepEqual(lab.control.snapshot(), []);
});

Deno.test("no frame makes the portal throw", () => {
  const names = fc.constantFrom(
    ...["phx_join", "phx_leave", "heartbeat", "set_snownet_capabilities"],
    ...["authorization_created", "broadcast_ice_candidates", "no_relays"],
    ...["request_authorization", "new_gateway_ice_candidates", "nonsense"],
  );
  const keys = fc.constantFrom(
    ...["stamp_secret", "resource_id", "connected_gateway_ids", "ref"],
    ...["gateway_id", "client_ids", "candidates", "iceless", "__proto__"],
  );
  const payload = fc.oneof(fc.jsonValue(), fc.dictionary(keys, fc.jsonValue()));
  const frame = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({
      topic: fc.constantFrom("gateway", "client", "relay", "phoenix"),
      event: names,
      payload,
      ref: fc.jsonValue(),
    }).map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 10 }), (frames) => {
      const lab = new Lab();
      const sockets = [
        lab.gateway(),
        lab.client({ key: CLIENT_KEY }),
        lab.relay(),
      ];
      for (const text of frames) {
        for (const socket of sockets) lab.sendRaw(socket, text);
        lab.advance(5_000);
      }
    }),
    { numRuns: 200 },
  );
});
