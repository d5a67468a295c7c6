import assert from "node:assert/strict";
import {
  parseClientMessage,
  parseGatewayMessage,
} from "../../lib/portal/mod.ts";
import { CLIENT_ID, type Json, Lab, NETWORK_ID, policyFile } from "./lab.ts";

const PAIR = { client_id: CLIENT_ID, resource_id: NETWORK_ID };

Deno.test("an unchanged policy tells nobody anything", () => {
  const { lab, gateway, client } = granted();

  lab.reload(policyFile());

  assert.deepEqual(lab.take(gateway), []);
  assert.deepEqual(lab.take(client), []);
});

Deno.test("[portal 91] a resource that is taken away is deleted by a bare string, and its access is rejected", () => {
  const { lab, gateway, client } = granted();
  const file = policyFile();
  file.policies = [];

  lab.reload(file);

  const deleted = lab.takePayload(client, "resource_deleted");
  assert.equal(deleted, NETWORK_ID);
  assert.ok(parseClientMessage("resource_deleted", deleted).ok);
  assert.deepEqual(lab.takePayload(gateway, "reject_access"), PAIR);
});

Deno.test("a resource that is added is shown to those who may use it", () => {
  const { lab, gateway, client } = granted();
  const file = policyFile();
  file.resources.push({
    name: "B",
    type: "dns",
    address: "b.example",
    site: "HQ",
  });
  file.policies.push({ client: "*", resource: "B" });

  lab.reload(file);

  const shown = lab.takePayload(client, "resource_created_or_updated");
  assert.equal(shown.address, "b.example");
  assert.equal(shown.ip_stack, "dual");
  assert.ok(parseClientMessage("resource_created_or_updated", shown).ok);
  assert.deepEqual(lab.take(gateway), []);
});

Deno.test("a change of filters reaches every gateway and the client, and rejects nothing", () => {
  const file = policyFile();
  file.gateways.push({ name: "gw-2", site: "HQ", token: ".gateway-2" });
  const { lab, gateway, client } = granted(file);
  const other = lab.gateway({ token: ".gateway-2" });
  lab.take(other);
  const edited = structuredClone(file);
  edited.resources[0].filters = [{ protocol: "tcp", ports: ["443"] }];

  lab.reload(edited);

  for (const socket of [gateway, other]) {
    const [frame, ...more] = lab.take(socket);
    assert.deepEqual(more, []);
    assert.equal(frame.event, "resource_updated");
    assert.deepEqual(frame.payload.filters, [
      { protocol: "tcp", port_range_start: 443, port_range_end: 443 },
    ]);
    assert.ok(parseGatewayMessage("resource_updated", frame.payload).ok);
  }
  assert.deepEqual(lab.takeEvents(client), ["resource_created_or_updated"]);
});

Deno.test("a change of address, type or site rejects the access and shows the resource afresh", () => {
  const edits: ((resource: Json, file: Json) => void)[] = [
    (resource) => resource.address = "10.20.0.0/17",
    (resource) =>
      Object.assign(resource, { type: "dns", address: "x.example" }),
    (resource, file) => {
      file.sites.push({ name: "Branch" });
      resource.site = "Branch";
    },
  ];

  for (const edit of edits) {
    const { lab, gateway, client } = granted();
    const file = policyFile();
    edit(file.resources[0], file);

    lab.reload(file);

    assert.deepEqual(lab.takePayload(gateway, "reject_access"), PAIR);
    assert.deepEqual(lab.takeEvents(client), ["resource_created_or_updated"]);
  }
});

Deno.test("access that is rejected is not listed in a later init", () => {
  const { lab, gateway } = granted();
  const file = policyFile();
  file.policies = [];
  lab.reload(file);
  lab.control.handleClosed(gateway, lab.now);

  const init = lab.takePayload(lab.gateway(), "init");

  assert.deepEqual(init.authorizations, []);
});

Deno.test("access is rejected when its rule is cut short, and kept when it is prolonged", () => {
  const file = policyFile();
  file.policies[0].expires_at = "2026-08-20T00:00:00Z";
  const { lab, gateway } = granted(file);

  const longer = structuredClone(file);
  longer.policies[0].expires_at = "2026-08-21T00:00:00Z";
  lab.reload(longer);
  assert.deepEqual(lab.take(gateway), []);

  const shorter = structuredClone(file);
  shorter.policies[0].expires_at = "2026-08-19T00:00:00Z";
  lab.reload(shorter);
  assert.deepEqual(lab.takePayload(gateway, "reject_access"), PAIR);
});

Deno.test("when a rule ends by itself the client loses the resource, and the gateway hears nothing", () => {
  const file = policyFile();
  file.policies[0].expires_at = "2026-08-18T00:00:30Z";
  const { lab, gateway, client } = granted(file);

  lab.advance(29_999);
  assert.deepEqual(lab.take(client), []);
  lab.advance(1);

  assert.equal(lab.takePayload(client, "resource_deleted"), NETWORK_ID);
  assert.deepEqual(lab.take(gateway), []);
});

Deno.test("a client is signed out when its session ends", () => {
  const file = policyFile();
  file.clients[0].expires_at = "2026-08-18T00:00:30Z";
  const { lab, client } = granted(file);

  lab.advance(30_000);

  const frames = lab.take(client);
  assert.deepEqual(frames.map(({ event }) => event), [
    "disconnect",
    "phx_close",
  ]);
  assert.deepEqual(frames[0].payload, { reason: "token_expired" });
  assert.equal(lab.closeCode(client), 1000);
});

Deno.test("deleting a token signs gateways and clients out and closes relays with 1001", () => {
  const { lab, gateway, client } = granted();
  const relay = lab.relay();
  lab.take(relay);
  const file = policyFile();
  file.gateways[0].token = ".rotated";
  file.clients = [];
  file.policies = [];
  file.relays = [];

  lab.reload(file);

  for (const socket of [gateway, client]) {
    const frames = lab.take(socket);
    assert.deepEqual(frames.map(({ event }) => event).slice(-2), [
      "disconnect",
      "phx_close",
    ]);
    assert.deepEqual(frames.at(-2).payload, { reason: "token_expired" });
    assert.equal(lab.closeCode(socket), 1000);
  }
  assert.deepEqual(lab.take(relay), []);
  assert.equal(lab.closeCode(relay), 1001);
});

Deno.test("other tunnel addresses or another account bring the gateway a fresh init, and the client its interface", () => {
  const { lab, gateway, client } = granted();
  const file = policyFile();
  file.gateways[0].ipv4 = "100.64.0.9";
  file.clients[0].ipv4 = "100.64.0.8";

  lab.reload(file);
  const init = lab.takePayload(gateway, "init");
  const config = lab.takePayload(client, "config_changed");

  assert.equal(init.interface.ipv4, "100.64.0.9");
  assert.equal(init.authorizations.length, 1);
  assert.equal(config.interface.ipv4, "100.64.0.8");
  assert.ok(parseGatewayMessage("init", init).ok);
  assert.ok(parseClientMessage("config_changed", config).ok);
});

/** A portal where the client has access to the network through the gateway. */
function granted(
  file: Json = policyFile(),
): { lab: Lab; gateway: number; client: number } {
  const lab = new Lab(file);
  const gateway = lab.gateway();
  const client = lab.client();
  lab.send(client, "client", "request_authorization", {
    resource_id: NETWORK_ID,
    connected_gateway_ids: [],
  });
  const { ref } = lab.takePayload(gateway, "create_authorization");
  lab.send(gateway, "gateway", "authorization_created", { ref });
  lab.take(gateway);
  lab.take(client);
  return { lab, gateway, client };
}
