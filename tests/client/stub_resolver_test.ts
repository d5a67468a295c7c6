import assert from "node:assert/strict";
import { parseIp } from "../../lib/base/mod.ts";
import type { ClientInterface } from "../../lib/portal/mod.ts";
import { A, AAAA, ask, dns, dnsEvents, HTTPS, PTR, SRV, TXT } from "./dns.ts";
import { cidr, Harness, interfaceOf, OWN_V4, OWN_V6 } from "./harness.ts";

const FIRST_V4 = "100.96.0.1 100.96.0.2 100.96.0.3 100.96.0.4";
const FIRST_V6 =
  "fd00:2021:1111:8000:: fd00:2021:1111:8000::1 fd00:2021:1111:8000::2 fd00:2021:1111:8000::3";
const WIKI = dns("wiki", "wiki.example");

Deno.test("a name of a DNS resource has four addresses of each family, in sequence", () => {
  const h = started();

  assert.equal(ask(h, "wiki.example"), FIRST_V4);
  assert.equal(ask(h, "wiki.example", AAAA), FIRST_V6);
  assert.equal(
    ask(h, "a.wild.example"),
    "100.96.0.5 100.96.0.6 100.96.0.7 100.96.0.8",
  );
});

Deno.test("a name keeps its addresses, whatever its case, across init, revocation and other names", () => {
  const h = started();
  ask(h, "wiki.example");
  ask(h, "a.wild.example");

  h.init(WIKI);
  assert.equal(ask(h, "WIKI.Example"), FIRST_V4);

  h.init();
  configure(h, {});
  assert.equal(ask(h, "wiki.example"), "udp outside 9.9.9.9#53");
  h.init(WIKI);
  assert.equal(ask(h, "wiki.example"), FIRST_V4);
});

Deno.test("an answer may be remembered for a second only", () => {
  const h = started();
  h.client.handleMessage({
    kind: "dns-query",
    id: 1,
    query: Uint8Array.from([
      ...[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
      ...[1, 0x78, 4, 0x77, 0x69, 0x6c, 0x64, 7],
      ...new TextEncoder().encode("example"),
      ...[0, 0, 1, 0, 1],
    ]),
    transport: "udp",
  }, h.now);

  const [event] = h.events().filter(({ kind }) => kind === "dns-answer");
  assert.ok(event?.kind === "dns-answer" && event.answer);
  assert.deepEqual([...event.answer.slice(0, 8)], [
    ...[0x12, 0x34, 0x81, 0x80, 0, 1, 0, 4],
  ]);
  const record = event.answer.slice(32, 48);
  assert.deepEqual([...record], [
    ...[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 100, 96, 0, 1],
  ]);
});

Deno.test("a resource of one family has no addresses of the other", () => {
  const h = new Harness();
  h.init(
    dns("four", "four.example", { ipStack: "ipv4_only" }),
    dns("six", "six.example", { ipStack: "ipv6_only" }),
  );

  assert.match(ask(h, "four.example", A), /^100\.96/);
  assert.equal(ask(h, "four.example", AAAA), "NOERROR");
  assert.equal(ask(h, "six.example", A), "NOERROR");
  assert.match(ask(h, "six.example", AAAA), /^fd00:2021:1111:8000::/);
});

Deno.test("HTTPS and other types of a resource's name have no data", () => {
  const h = started();

  for (const type of [HTTPS, 64, 2, 6, 15, 255]) {
    assert.equal(ask(h, "wiki.example", type), "NOERROR");
  }
});

Deno.test("an address of a name leads back to the name, and others of the range to none", () => {
  const h = started();
  ask(h, "wiki.example");

  assert.equal(ask(h, "2.0.96.100.in-addr.arpa", PTR), "wiki\u0007example");
  const zeros = "0.".repeat(15);
  assert.equal(
    ask(h, `3.${zeros}0.0.0.8.1.1.1.1.1.2.0.2.0.0.d.f.ip6.arpa`, PTR),
    "wiki\u0007example",
  );
  assert.equal(ask(h, "9.0.96.100.in-addr.arpa", PTR), "NXDOMAIN");
  assert.equal(
    ask(h, "1.2.0.192.in-addr.arpa", PTR),
    "udp outside 9.9.9.9#53",
  );
  h.message({ kind: "resource-deleted", resourceId: "wiki" });
  assert.equal(ask(h, "2.0.96.100.in-addr.arpa", PTR), "NXDOMAIN");
});

Deno.test("other names go to the portal's resolvers, else to the host's, else nowhere", () => {
  const h = started();
  assert.equal(ask(h, "elsewhere.test"), "udp outside 9.9.9.9#53");

  configure(h, { upstreamDns: [] });
  assert.equal(ask(h, "elsewhere.test"), "SERVFAIL");

  h.client.handleMessage({
    kind: "system-resolvers",
    addresses: [parseIp("192.0.2.53")!, parseIp("2001:db8::53")!],
  }, h.now);
  assert.equal(
    ask(h, "elsewhere.test"),
    "udp outside 192.0.2.53#53 2001:db8::53#53",
  );
});

Deno.test("a resolver that is itself a resource is asked through the tunnel", () => {
  const h = new Harness();
  h.init(cidr("net", "10.20.0.0/16"));

  configure(h, { upstreamDns: ["10.20.0.53", "9.9.9.9"] });

  assert.equal(ask(h, "elsewhere.test"), "udp tunnel 10.20.0.53#53");
});

Deno.test("SRV and TXT are asked for at the gateway, once there is access", () => {
  const h = started();

  assert.equal(ask(h, "wiki.example", SRV), "");
  h.grant("wiki");
  const gateway = "udp tunnel 100.64.1.1#53535 fd00:2021:1111::1:1#53535";
  assert.deepEqual(dnsEvents(h), [gateway]);
  assert.equal(ask(h, "wiki.example", TXT), gateway);
});

Deno.test("SRV and TXT ask the portal for access by themselves", () => {
  const h = started();
  h.client.handleMessage({
    kind: "dns-query",
    id: 1,
    query: Uint8Array.from([
      ...[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4],
      ...new TextEncoder().encode("wiki"),
      7,
      ...new TextEncoder().encode("example"),
      ...[0, 0, 33, 0, 1],
    ]),
    transport: "tcp",
  }, h.now);

  assert.deepEqual(h.requests(), [{
    kind: "request-authorization",
    resourceId: "wiki",
    connectedGatewayIds: [],
  }]);
});

Deno.test("when access is refused, SRV fails at once and addresses are still told", () => {
  const h = started();
  ask(h, "wiki.example", SRV);

  h.message({
    kind: "authorization-creation-failed",
    resourceId: "wiki",
    reason: "forbidden",
  });
  assert.deepEqual(dnsEvents(h), ["SERVFAIL"]);
  assert.equal(ask(h, "wiki.example", SRV), "SERVFAIL");
  assert.equal(ask(h, "wiki.example", A), FIRST_V4);

  h.advance(2_000);
  assert.equal(ask(h, "wiki.example", SRV), "");
});

Deno.test("a query waits ten seconds for access and no longer", () => {
  const h = started();
  ask(h, "wiki.example", SRV);

  h.advance(9_999);
  assert.deepEqual(dnsEvents(h), []);
  assert.equal(h.client.pollTimeout(), h.now + 1);
  h.advance(1);
  assert.deepEqual(dnsEvents(h), ["SERVFAIL"]);
});

Deno.test("a query whose resource is deleted meanwhile fails", () => {
  const h = started();
  ask(h, "wiki.example", SRV);

  h.message({ kind: "resource-deleted", resourceId: "wiki" });

  assert.deepEqual(dnsEvents(h), ["SERVFAIL"]);
});

Deno.test("at most 256 queries wait for access", () => {
  const h = started();
  for (let i = 0; i < 256; i++) assert.equal(ask(h, "wiki.example", SRV), "");

  assert.equal(ask(h, "wiki.example", SRV), "SERVFAIL");

  h.grant("wiki");
  assert.equal(dnsEvents(h).length, 256);
});

Deno.test("a short name is looked for in the search domain", () => {
  const h = started();
  configure(h, { searchDomain: "wild.example." });

  assert.equal(ask(h, "printer"), FIRST_V4);
  assert.equal(ask(h, "printer.wild.example"), FIRST_V4);
  assert.equal(ask(h, "printer", SRV), "udp outside 9.9.9.9#53");
  configure(h, { searchDomain: null });
  assert.equal(ask(h, "printer"), "udp outside 9.9.9.9#53");
});

Deno.test("the search domain is told when it changes", () => {
  const h = started();
  h.events();

  configure(h, { searchDomain: "wild.example" });
  configure(h, { searchDomain: "wild.example" });
  configure(h, { searchDomain: null });

  assert.deepEqual(h.events(), [
    { kind: "search-domain-changed", searchDomain: "wild.example" },
    { kind: "search-domain-changed", searchDomain: undefined },
  ]);
});

Deno.test("what is no query gets no answer", () => {
  const h = started();

  h.client.handleMessage({
    kind: "dns-query",
    id: 1,
    query: new Uint8Array(5),
    transport: "udp",
  }, h.now);

  assert.deepEqual(dnsEvents(h), ["nothing"]);
});

Deno.test("a name that cannot be looked up is no resource's, whatever its pattern", () => {
  const h = new Harness();
  h.init(dns("all", "**.example"));
  configure(h, {});

  for (const label of ["a b", "a\\b", "\u0001", "\u00e4"]) {
    assert.equal(ask(h, `${label}.example`), "udp outside 9.9.9.9#53");
  }
  assert.equal(ask(h, ""), "udp outside 9.9.9.9#53");
});

Deno.test("names beyond the 16 384th fail; those before go on", () => {
  const h = started();
  for (let i = 0; i < 16_384; i++) ask(h, `n${i}.wild.example`);

  assert.equal(ask(h, "wiki.example"), "SERVFAIL");
  assert.equal(ask(h, "n0.wild.example"), FIRST_V4);
});

/** A client with a name, a pattern of names, and one resolver of the portal's. */
function started(): Harness {
  const h = new Harness();
  h.init(WIKI, dns("wild", "*.wild.example"));
  configure(h, {});
  return h;
}

function configure(h: Harness, edits: Partial<ClientInterface>): void {
  h.message({
    kind: "config-changed",
    interface: {
      ...interfaceOf(OWN_V4, OWN_V6),
      upstreamDns: ["9.9.9.9"],
      ...edits,
    },
  });
}
