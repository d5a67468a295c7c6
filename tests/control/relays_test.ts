import assert from "node:assert/strict";
import { CLIENT_KEY, GATEWAY_KEY, type Json, Lab, policyFile } from "./lab.ts";

const SECRET = "00112233445566778899aabbccddeeff".repeat(2);
const RELAY_ID = "2a8abfa8-cb99-4629-8437-854193ca6bca";

Deno.test("[portal 88] a gateway's relay has one entry for each family, with credentials that expire at 2145916800", () => {
  const lab = new Lab();
  lab.relay(".relay-1", SECRET);

  const { relays } = lab.takePayload(lab.gateway(), "init");

  const common = {
    id: RELAY_ID,
    type: "turn",
    username: "2145916800:nXAyqBpHWYA/1G2XTllLzU96O4pcBycOWOnhLBT9TPA",
    password: "zucOmDbZYWqXe6hC+WPQHO58kEJZbNkSTtZsX4YeIP0",
    expires_at: 2_145_916_800,
  };
  assert.deepEqual(relays, [
    { ...common, addr: "198.51.100.7:3478" },
    { ...common, addr: "[2001:db8::7]:3478" },
  ]);
});

Deno.test("a gateway's relay credentials are the same after a reconnect", () => {
  const lab = new Lab();
  lab.relay();
  const gateway = lab.gateway();
  const first = lab.takePayload(gateway, "init").relays;
  lab.control.handleClosed(gateway, lab.now);
  lab.advance(20_000);

  assert.deepEqual(lab.takePayload(lab.gateway(), "init").relays, first);
});

Deno.test("a client's relay credentials expire with its session", () => {
  const file = policyFile();
  file.clients[0].expires_at = "2026-08-19T00:00:00Z";
  const lab = new Lab(file);
  lab.relay(".relay-1", SECRET, "ipv4=198.51.100.7");

  const { relays } = lab.takePayload(lab.client({ key: CLIENT_KEY }), "init");

  assert.equal(relays.length, 1);
  assert.equal(relays[0].addr, "198.51.100.7:3478"); // The default port.
  assert.equal(relays[0].expires_at, 1_787_097_600);
  assert.match(relays[0].username, /^1787097600:/);
});

Deno.test("a node is given at most two relays", () => {
  const lab = new Lab();
  for (const i of [1, 2, 3]) lab.relay(`.relay-${i}`, String(i).repeat(64));

  const { relays } = lab.takePayload(lab.gateway({ key: GATEWAY_KEY }), "init");

  assert.equal(idsOf(relays).size, 2);
  assert.equal(relays.length, 4);
});

Deno.test("a relay's join without a stamp secret fails, and it is not online", () => {
  const lab = new Lab();
  const socket = lab.connect("/relay/websocket?ipv4=192.0.2.1", {
    "x-authorization": "Bearer .relay-1",
  });

  lab.send(socket, "relay", "phx_join", {});

  const [reply] = lab.take(socket);
  assert.equal(reply.payload.status, "error");
  assert.deepEqual(lab.takePayload(lab.gateway(), "init").relays, []);
});

Deno.test("a new relay is announced one second later to whoever has fewer than two", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  const client = lab.client();
  lab.take(gateway);
  lab.take(client);

  lab.relay(".relay-1", SECRET);
  lab.advance(999);
  assert.deepEqual(lab.take(gateway), []);
  lab.advance(1);

  for (const socket of [gateway, client]) {
    const presence = lab.takePayload(socket, "relays_presence");
    assert.deepEqual(presence.disconnected_ids, []);
    assert.deepEqual([...idsOf(presence.connected)], [RELAY_ID]);
  }
});

Deno.test("each further change restarts the second, and the result is announced once", () => {
  const lab = new Lab();
  const gateway = lab.gateway();
  lab.take(gateway);

  lab.relay(".relay-1", "1".repeat(64));
  lab.advance(900);
  lab.relay(".relay-2", "2".repeat(64));
  lab.advance(900);
  assert.deepEqual(lab.take(gateway), []);
  lab.advance(100);

  const { connected } = lab.takePayload(gateway, "relays_presence");
  assert.equal(idsOf(connected).size, 2);
});

Deno.test("a relay that goes is announced as disconnected together with its replacement", () => {
  const lab = new Lab();
  const sockets = [1, 2].map((i) =>
    lab.relay(`.relay-${i}`, String(i).repeat(64))
  );
  const gateway = lab.gateway();
  const given = idsOf(lab.takePayload(gateway, "init").relays);
  lab.relay(".relay-3", "3".repeat(64));
  lab.advance(1_000);
  assert.deepEqual(lab.take(gateway), []); // It has two; a third is none of its business.

  lab.control.handleClosed(sockets[0]!, lab.now);
  lab.advance(1_000);

  const presence = lab.takePayload(gateway, "relays_presence");
  const [gone] = presence.disconnected_ids;
  assert.ok(given.has(gone));
  assert.equal(presence.disconnected_ids.length, 1);
  const connected = idsOf(presence.connected);
  assert.equal(connected.size, 2);
  assert.ok(!connected.has(gone));
  assert.equal([...given].filter((id) => connected.has(id)).length, 1);
});

Deno.test("a relay that returns with the same secret within the second causes no message", () => {
  const lab = new Lab();
  const relay = lab.relay(".relay-1", SECRET);
  const gateway = lab.gateway();
  lab.advance(2_000);
  lab.take(gateway);

  lab.control.handleClosed(relay, lab.now);
  lab.advance(900);
  lab.relay(".relay-1", SECRET);
  lab.advance(5_000);

  assert.deepEqual(lab.take(gateway), []);
});

Deno.test("a relay that returns with another address is announced", () => {
  const lab = new Lab();
  const relay = lab.relay(".relay-1", SECRET, "ipv4=198.51.100.7");
  const gateway = lab.gateway();
  lab.advance(2_000);
  lab.take(gateway);

  lab.control.handleClosed(relay, lab.now);
  lab.relay(".relay-1", SECRET, "ipv4=198.51.100.8");
  lab.advance(1_000);

  const { connected } = lab.takePayload(gateway, "relays_presence");
  assert.equal(connected[0].addr, "198.51.100.8:3478");
});

Deno.test("no_relays is answered with the relays online and nothing disconnected", () => {
  const lab = new Lab();
  lab.relay(".relay-1", SECRET);
  const gateway = lab.gateway();
  const client = lab.client();
  lab.take(gateway);
  lab.take(client);

  lab.send(gateway, "gateway", "no_relays", {});
  lab.send(client, "client", "no_relays", {});

  for (const socket of [gateway, client]) {
    const presence = lab.takePayload(socket, "relays_presence");
    assert.deepEqual(presence.disconnected_ids, []);
    assert.equal(presence.connected.length, 2);
  }
});

Deno.test("a second socket of a relay with the same secret replaces the first", () => {
  const lab = new Lab();
  const first = lab.relay(".relay-1", SECRET);
  const second = lab.relay(".relay-1", SECRET);

  assert.equal(lab.closeCode(first), 1000);
  assert.equal(lab.closeCode(second), undefined);
  lab.control.handleClosed(first, lab.now);
  assert.equal(lab.takePayload(lab.gateway(), "init").relays.length, 2);
});

function idsOf(relays: Json[]): Set<string> {
  return new Set(relays.map(({ id }) => id));
}
