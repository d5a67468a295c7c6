import assert from "node:assert/strict";
import { encodeP2pControl } from "../../lib/wire/mod.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { icmpPacket, udpPacket } from "../support/ip_packet.ts";
import { AAAA, ask, dns, domainStatus, takeSent } from "./dns.ts";
import { cidr, Harness, OWN_V4, OWN_V6 } from "./harness.ts";

const WIKI = "66666666-ffff-4fff-8fff-666666666666";
const NET = "77777777-ffff-4fff-8fff-777777777777";
const PROXIES_V4 = '"100.96.0.1","100.96.0.2","100.96.0.3","100.96.0.4"';
const PROXIES_V6 =
  '"fd00:2021:1111:8000::","fd00:2021:1111:8000::1","fd00:2021:1111:8000::2","fd00:2021:1111:8000::3"';
const ANNOUNCED = announcement(`${PROXIES_V4},${PROXIES_V6}`);

Deno.test("names are announced as soon as there is access, and packets wait for the gateway's word", () => {
  const h = asked();
  assert.equal(h.send(to("100.96.0.1")), "waiting");
  assert.deepEqual(h.requests(), [{
    kind: "request-authorization",
    resourceId: WIKI,
    connectedGatewayIds: [],
  }]);

  h.grant(WIKI);

  assert.deepEqual(takeSent(h), { announced: [ANNOUNCED], others: 0 });
  assert.equal(h.send(to("100.96.0.2")), "awaiting-translation");

  assert.equal(h.receive(status("Active")), "control");

  assert.deepEqual(takeSent(h), { announced: [], others: 2 });
  assert.equal(h.send(to("100.96.0.3")), "sent");
});

Deno.test("an announcement is byte for byte that of the specification", () => {
  const h = new Harness();
  const id = "00000000-0000-0000-0000-000000000065";
  h.init(dns(id, "example.com"));
  ask(h, "example.com");
  h.node.upsertOutcome = "reused";

  h.grant(id);

  const [sent] = h.node.sent;
  assert.ok(sent);
  assert.deepEqual([...sent.packet.slice(0, 48)], [
    ...[0x60, 0, 0, 0, 0, 0xf7, 0xff, 0],
    ...new Uint8Array(40),
  ]);
  assert.equal(
    new TextDecoder().decode(sent.packet.subarray(48)),
    `{"resource":"${id}","domain":"example.com","proxy_ips":[${PROXIES_V4},${PROXIES_V6}]}`,
  );
});

Deno.test("a resource of one family announces the addresses of that family only", () => {
  const h = new Harness();
  h.init(dns(WIKI, "wiki.example", { ipStack: "ipv6_only" }));
  ask(h, "wiki.example", AAAA);

  h.grant(WIKI);

  assert.deepEqual(takeSent(h).announced, [announcement(PROXIES_V6)]);
});

Deno.test("a name that nobody answers for is announced again every 2 s, when there is traffic or a query", () => {
  const h = asked();
  h.grant(WIKI);
  takeSent(h);

  h.advance(1_999);
  h.send(to("100.96.0.1"));
  ask(h, "wiki.example");
  assert.deepEqual(takeSent(h).announced, []);

  h.advance(1);
  h.send(to("100.96.0.1"));
  assert.deepEqual(takeSent(h).announced, [ANNOUNCED]);

  h.advance(2_000);
  ask(h, "wiki.example");
  ask(h, "wiki.example", AAAA);
  assert.deepEqual(takeSent(h).announced, [ANNOUNCED]);

  h.advance(60_000);
  assert.deepEqual(takeSent(h).announced, []);
});

Deno.test("at most 32 packets wait for the gateway's word, the latest ones", () => {
  const h = asked();
  h.grant(WIKI);
  takeSent(h);
  const packets = Array.from({ length: 40 }, (_, i) => to("100.96.0.1", i));
  for (const packet of packets) h.send(packet);

  h.receive(status("Active"));

  assert.deepEqual(h.node.sent.map(({ packet }) => packet), packets.slice(8));
});

Deno.test("a name that the gateway does not translate is sent to all the same, for the ICMP error", () => {
  const h = asked();
  h.grant(WIKI);
  h.send(to("100.96.0.1"));
  takeSent(h);

  h.receive(status("Inactive"));

  assert.equal(takeSent(h).others, 1);
  assert.equal(h.send(to("100.96.0.1")), "sent");
  h.receive(status("Active"));
  assert.equal(h.send(to("100.96.0.1")), "sent");
});

Deno.test("whatever is not Active counts as inactive, and letters' case of the domain does not matter", () => {
  const h = asked();
  h.grant(WIKI);

  h.receive(domainStatus(WIKI, "WIKI.example", "Resolving"));

  assert.equal(h.client.snapshot().domainStatuses.failed, 1);
});

Deno.test("after each query the gateway is told again, while traffic goes on", () => {
  const h = translated();

  ask(h, "wiki.example");

  assert.deepEqual(takeSent(h).announced, [ANNOUNCED]);
  assert.equal(h.send(to("100.96.0.1")), "sent");
  ask(h, "wiki.example", AAAA);
  assert.deepEqual(takeSent(h), { announced: [], others: 1 });

  h.receive(status("Active"));
  ask(h, "wiki.example");
  assert.deepEqual(takeSent(h).announced, [ANNOUNCED]);
  h.advance(2_000);
  assert.equal(h.send(to("100.96.0.1")), "sent");
  assert.deepEqual(takeSent(h), { announced: [ANNOUNCED], others: 1 });
});

Deno.test("after a query for a name that was not translated packets wait once more", () => {
  const h = asked();
  h.grant(WIKI);
  h.receive(status("Inactive"));
  takeSent(h);

  ask(h, "wiki.example");

  assert.deepEqual(takeSent(h).announced, [ANNOUNCED]);
  assert.equal(h.send(to("100.96.0.1")), "awaiting-translation");
});

Deno.test("a repeated authorization announces again, without holding traffic up", () => {
  const h = translated();
  h.node.upsertOutcome = "reused";

  h.grant(WIKI);

  assert.deepEqual(takeSent(h).announced, [ANNOUNCED]);
  assert.equal(h.send(to("100.96.0.1")), "sent");
});

for (const end of ["goodbye", "failed", "replaced"] as const) {
  Deno.test(`nothing counts that a gateway said before its connection was ${end}`, () => {
    const h = translated();

    if (end === "goodbye") h.node.announce({ kind: "goodbye", peer: "gw-1" });
    if (end === "failed") {
      h.node.announce({
        kind: "failed",
        peer: "gw-1",
        reason: "no-candidates",
      });
    }
    h.node.upsertOutcome = "created";
    h.events();
    h.send(to("100.96.0.1"));
    h.grant(WIKI);

    assert.deepEqual(takeSent(h).announced, [ANNOUNCED]);
    assert.equal(h.send(to("100.96.0.1")), "awaiting-translation");
  });
}

Deno.test("another gateway is told the same addresses", () => {
  const h = translated();

  h.grant(WIKI, "gw-2");

  assert.deepEqual(takeSent(h).announced, [{ ...ANNOUNCED, peer: "gw-2" }]);
});

Deno.test("only the gateway that was told can answer", () => {
  const h = asked();
  h.grant(WIKI);
  h.grant(NET, "gw-2");

  h.receive(status("Active"), "gw-2");
  h.receive(domainStatus(NET, "wiki.example", "Active"));
  h.receive(domainStatus(WIKI, "other.example", "Active"));
  h.receive(encodeP2pControl(1, new TextEncoder().encode('{"status":1}')));
  h.receive(encodeP2pControl(1, new TextEncoder().encode("null")));
  h.receive(encodeP2pControl(1, Uint8Array.of(0xff)));
  h.receive(encodeP2pControl(9, new Uint8Array(0)));

  assert.equal(h.send(to("100.96.0.1")), "awaiting-translation");
  assert.deepEqual(h.client.snapshot().domainStatuses, {
    confirmed: 0,
    failed: 0,
    "unknown-setup": 3,
    ...NO_REFUSALS,
    "payload-not-utf8": 1,
    "payload-not-an-object": 1,
    "payload-invalid-resource": 1,
  });
});

Deno.test("when access is granted, the 32 names asked for last are announced; the others by their next packet", () => {
  const h = new Harness();
  h.init(dns("wild", "*.example"));
  for (let i = 0; i < 40; i++) {
    ask(h, `n${i}.example`);
    h.advance(1);
  }

  h.grant("wild");

  const domains = takeSent(h).announced.map(({ text }) =>
    JSON.parse(text).domain
  );
  assert.equal(domains.length, 32);
  assert.equal(domains[0], "n39.example");
  assert.equal(h.send(to("100.96.0.1")), "awaiting-translation");
  const [last] = takeSent(h).announced;
  assert.equal(JSON.parse(last?.text ?? "").domain, "n0.example");
});

Deno.test("addresses that stand for no name, or for one that is gone, lead nowhere", () => {
  const h = translated();

  assert.equal(h.send(to("100.96.0.5")), "no-resource");
  assert.equal(h.send(to("100.100.111.7")), "no-resource");
  h.message({ kind: "resource-deleted", resourceId: WIKI });
  assert.equal(h.send(to("100.96.0.1")), "no-resource");
});

Deno.test("filters of a DNS resource are applied here already, and changed in place", () => {
  const h = new Harness();
  const web = [{ protocol: "tcp", start: 80, end: 80 }] as const;
  h.init(dns(WIKI, "wiki.example", { filters: web }));
  ask(h, "wiki.example");

  assert.equal(h.send(to("100.96.0.1")), "filtered");
  h.message({
    kind: "resource-created-or-updated",
    resource: dns(WIKI, "wiki.example"),
  });
  assert.equal(h.send(to("100.96.0.1")), "waiting");
});

Deno.test("resources with the same name share its addresses and are OR-ed, the more specific one first", () => {
  const h = new Harness();
  const web = [{ protocol: "tcp", start: 80, end: 80 }] as const;
  h.init(
    dns("wide", "**.example"),
    dns("exact", "wiki.example", { filters: web }),
    dns("narrow", "*.example"),
  );
  ask(h, "wiki.example");

  h.send(to("100.96.0.1"));

  assert.deepEqual(
    h.requests().map((it) => "resourceId" in it && it.resourceId),
    ["narrow"],
  );
});

Deno.test("a gateway may speak for the names that it serves, and for no others", () => {
  const h = translated();
  h.init(dns(WIKI, "wiki.example"), dns("far", "far.example"));
  ask(h, "far.example");
  h.grant("far", "gw-2");

  assert.equal(h.receive(from("100.96.0.2")), "forward");
  assert.equal(h.receive(from("fd00:2021:1111:8000::3")), "forward");
  assert.equal(h.receive(from("100.96.0.5")), "foreign-source");
  assert.equal(h.receive(from("100.96.0.5"), "gw-2"), "forward");
  assert.equal(h.receive(from("100.96.0.9")), "foreign-source");
});

Deno.test("an ICMP prohibited from a name's address asks for access again, and an unreachable does not", () => {
  const h = translated();
  const quoted = to("100.96.0.1");

  for (const code of [0, 1, 3]) {
    h.receive(icmpError(code, quoted));
    assert.equal(h.send(to("100.96.0.1")), "sent");
  }

  assert.equal(h.receive(icmpError(13, quoted)), "forward");
  assert.equal(h.send(to("100.96.0.1")), "held-off");
  h.advance(2_000);
  assert.equal(h.send(to("100.96.0.1")), "waiting");
});

Deno.test("a packet to a translated name costs no heap, nor does one that comes back", () => {
  const h = translated();
  const packet = to("100.96.0.1");
  h.node.sendPacket = () => "sent";
  h.packets.commit = () => {};
  h.node.deliver("gw-1", from("100.96.0.1"));

  assert.ok(heapBytesPerCall(() => h.sendUncounted(packet)) < 1);
  assert.ok(heapBytesPerCall(() => h.receiveUncounted()) < 1);
});

const NO_REFUSALS = {
  "payload-not-utf8": 0,
  "payload-not-json": 0,
  "payload-not-an-object": 0,
  "payload-invalid-resource": 0,
  "payload-invalid-domain": 0,
  "payload-invalid-proxy-ips": 0,
  "payload-invalid-status": 0,
};

/** A client that was asked for the name of a DNS resource. */
function asked(): Harness {
  const h = new Harness();
  h.init(dns(WIKI, "wiki.example"), cidr(NET, "10.20.0.0/16"));
  ask(h, "wiki.example");
  h.node.upsertOutcome = "reused";
  return h;
}

/** One whose gateway translates for the name. */
function translated(): Harness {
  const h = asked();
  h.grant(WIKI);
  h.receive(status("Active"));
  takeSent(h);
  h.events();
  return h;
}

function announcement(proxies: string): { peer: string; text: string } {
  return {
    peer: "gw-1",
    text:
      `{"resource":"${WIKI}","domain":"wiki.example","proxy_ips":[${proxies}]}`,
  };
}

function status(word: string): Uint8Array {
  return domainStatus(WIKI, "wiki.example", word);
}

function to(destination: string, sourcePort = 1_000): Uint8Array {
  const source = destination.includes(":") ? OWN_V6 : OWN_V4;
  return udpPacket({ source, destination, sourcePort, destinationPort: 53 });
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

function icmpError(code: number, quoted: Uint8Array): Uint8Array {
  return icmpPacket({
    source: "100.96.0.1",
    destination: OWN_V4,
    type: 3,
    code,
    body: quoted.slice(0, 28),
  });
}
