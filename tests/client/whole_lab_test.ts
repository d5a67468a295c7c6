import assert from "node:assert/strict";
import { policyFile } from "../control/lab.ts";
import { GOOD_LINK, hasAddress } from "../sim/world.ts";
import { udpPacket } from "../support/ip_packet.ts";
import { pathsOf, type RoleHost, WholeLab } from "./whole_lab.ts";

const CLIENT_IP = "100.64.0.2";
const QUERY = udpPacket({
  source: CLIENT_IP,
  destination: "10.20.0.1",
  sourcePort: 4_000,
  destinationPort: 53,
});
const ANSWER = udpPacket({
  source: "10.20.0.1",
  destination: CLIENT_IP,
  sourcePort: 53,
  destinationPort: 4_000,
});

Deno.test("the first packet to a network brings up a connection, reaches the gateway's side and is answered", () => {
  const { lab, client, gateway } = started();

  client.send(QUERY, lab.world.now);
  const tookMs = lab.world.advanceUntil(
    () => gateway.delivered.length > 0,
    5_000,
  );
  gateway.send(ANSWER, lab.world.now);
  lab.world.advance(100);

  assert.ok(tookMs !== undefined);
  assert.deepEqual(gateway.delivered, [QUERY]);
  assert.deepEqual(client.delivered, [ANSWER]);
});

Deno.test("a packet from before the first relay has answered is not lost", () => {
  const lab = new WholeLab(policyFile());
  const gateway = lab.add("gateway", ".gateway", "203.0.113.2");
  lab.world.advance(1_000);
  const client = lab.add("client", "n.client", "203.0.113.1");
  lab.world.setLink(client, lab.relay, { ...GOOD_LINK, latencyMs: 100 });
  lab.world.advance(25); // Time for the portal's `init`, not for the relay.

  client.send(QUERY, lab.world.now);
  const tookMs = lab.world.advanceUntil(
    () => gateway.delivered.length > 0,
    2_000,
  );

  assert.ok(tookMs !== undefined);
  assert.deepEqual(gateway.delivered, [QUERY]);
});

Deno.test("packets take the relay when the two cannot reach each other directly", () => {
  const { lab, client, gateway } = started();
  lab.world.dropIf = ({ source, destination }) =>
    [source, destination].every(({ ip }) =>
      hasAddress(client, ip) || hasAddress(gateway, ip)
    );

  client.send(QUERY, lab.world.now);
  lab.world.advance(5_000);

  assert.deepEqual(gateway.delivered, [QUERY]);
  assert.deepEqual(pathsOf(client), ["relayed"]);
});

Deno.test("a policy that is withdrawn stops the traffic on both sides, and returns when it is given back", () => {
  const { lab, client, gateway } = started();
  client.send(QUERY, lab.world.now);
  lab.world.advance(3_000);
  const withdrawn = policyFile();
  withdrawn.policies = [];

  lab.reload(withdrawn);
  lab.world.advance(3_000);
  client.send(QUERY, lab.world.now);
  gateway.send(ANSWER, lab.world.now);
  lab.world.advance(3_000);
  assert.equal(gateway.delivered.length, 1);
  const [refusal, ...others] = client.delivered;
  assert.deepEqual([...refusal!.subarray(20, 22)], [3, 13]);
  assert.deepEqual(others, []);

  lab.reload(policyFile());
  lab.world.advance(100);
  client.send(QUERY, lab.world.now);
  lab.world.advance(3_000);
  assert.equal(gateway.delivered.length, 2);
});

Deno.test("a gateway that stops says goodbye, and the client finds another one of the site", () => {
  const file = policyFile();
  file.gateways.push({ name: "gw-2", site: "HQ", token: ".gateway-2" });
  const { lab, client, gateway } = started(file);
  const spare = lab.add("gateway", ".gateway-2", "203.0.113.3");
  lab.world.advance(1_000);
  client.send(QUERY, lab.world.now);
  lab.world.advance(3_000);
  const [first, second] = gateway.delivered.length > 0
    ? [gateway, spare]
    : [spare, gateway];

  stop(lab, first);
  lab.world.advance(1_000);
  client.send(QUERY, lab.world.now);
  lab.world.advance(5_000);

  assert.deepEqual(second.delivered, [QUERY]);
});

function started(file: unknown = policyFile()): {
  lab: WholeLab;
  client: RoleHost;
  gateway: RoleHost;
} {
  const lab = new WholeLab(file);
  const gateway = lab.add("gateway", ".gateway", "203.0.113.2");
  const client = lab.add("client", "n.client", "203.0.113.1");
  lab.world.advance(1_000);
  return { lab, client, gateway };
}

/** Ends a gateway in good order: goodbye to peers, and its socket closed. */
function stop(lab: WholeLab, host: RoleHost): void {
  host.core.stop(lab.world.now);
  lab.disconnect(host);
}
