import assert from "node:assert/strict";
import { formatCidr, formatIp, parseIp } from "../../lib/base/mod.ts";
import type { ClientResource } from "../../lib/portal/mod.ts";
import { udpPacket } from "../support/ip_packet.ts";
import { ask, dns } from "./dns.ts";
import { cidr, Harness, OWN_V4, OWN_V6, SITE } from "./harness.ts";

const INTERNET: ClientResource = { kind: "internet", id: "all", sites: [SITE] };
const PORTAL = [parseIp("203.0.113.10")!, parseIp("2001:db8::10")!];

Deno.test("an Internet resource that nobody activated is known, but has no route", () => {
  const h = new Harness({ usesInternet: false });

  h.init(INTERNET);

  assert.deepEqual([...h.client.resources], [INTERNET]);
  assert.ok(!routes(h).includes("0.0.0.0/0"));
  assert.equal(h.send(to("8.8.8.8")), "no-resource");
});

Deno.test("an Internet resource takes every address that nothing else covers, of both families", () => {
  const h = new Harness();

  h.init(INTERNET, cidr("net", "10.20.0.0/16"));

  assert.deepEqual(routes(h).slice(4), ["0.0.0.0/0", "::/0", "10.20.0.0/16"]);
  h.node.upsertOutcome = "reused";
  h.grant("all");
  assert.equal(h.send(to("8.8.8.8")), "sent");
  assert.equal(h.send(to("2001:db8::8")), "sent");
  assert.equal(h.send(to("10.20.0.1")), "waiting");
  assert.equal(h.receive(from("8.8.8.8")), "forward");
  assert.equal(h.receive(from("2001:db8::8")), "forward");
});

Deno.test("names have their own way beside the Internet resource, whose gateway may not speak for them", () => {
  const h = new Harness();
  h.init(INTERNET, dns("wiki", "wiki.example"));
  ask(h, "wiki.example");
  h.grant("all");

  assert.equal(h.send(to("100.96.0.1")), "waiting");
  assert.equal(h.send(to("100.96.0.9")), "no-resource");
  for (const source of ["100.96.0.1", "100.96.0.9", "100.64.0.77"]) {
    assert.equal(h.receive(from(source)), "foreign-source");
  }
});

Deno.test("with an Internet resource the portal is reached past it, and resolvers through it", () => {
  const h = new Harness();
  h.client.handleMessage(
    { kind: "portal-addresses", addresses: PORTAL },
    h.now,
  );
  h.client.handleMessage({
    kind: "system-resolvers",
    addresses: [parseIp("192.0.2.53")!],
  }, h.now);
  h.init();
  assert.deepEqual(bypass(h), []);
  assert.equal(ask(h, "elsewhere.test"), "udp outside 192.0.2.53#53");

  h.message({ kind: "resource-created-or-updated", resource: INTERNET });

  assert.deepEqual(bypass(h), ["203.0.113.10", "2001:db8::10"]);
  assert.equal(ask(h, "elsewhere.test"), "udp tunnel 192.0.2.53#53");

  const addresses = [parseIp("203.0.113.11")!];
  h.client.handleMessage({ kind: "portal-addresses", addresses }, h.now);
  assert.deepEqual(bypass(h), ["203.0.113.11"]);
});

Deno.test("the interface has the addresses of our DNS service", () => {
  const h = new Harness();

  h.init();

  assert.deepEqual(configuration(h)?.services.map(formatIp), [
    "100.100.111.1",
    "fd00:2021:1111:8000:100:100:111:1",
  ]);
});

function configuration(h: Harness) {
  return h.events().filter((it) => it.kind === "configure-interface").at(-1);
}

function routes(h: Harness): string[] {
  return configuration(h)?.routes.map(formatCidr) ?? [];
}

function bypass(h: Harness): string[] {
  return configuration(h)?.bypass.map(formatIp) ?? [];
}

function to(destination: string): Uint8Array {
  const source = destination.includes(":") ? OWN_V6 : OWN_V4;
  return udpPacket({
    source,
    destination,
    sourcePort: 1_000,
    destinationPort: 53,
  });
}

function from(source: string): Uint8Array {
  const destination = source.includes(":") ? OWN_V6 : OWN_V4;
  return udpPacket({
    source,
    destination,
    sourcePort: 53,
    destinationPort: 1_000,
  });
}
