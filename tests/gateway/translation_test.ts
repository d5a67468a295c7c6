import assert from "node:assert/strict";
import {
  ALICE,
  BOB,
  cidrResource,
  dnsResource,
  GATEWAY,
  GatewayHarness,
  internetResource,
  uuidOf,
  WIKI,
  WIKI_PROXIES,
} from "../support/gateway_harness.ts";
import { udpPacket } from "../support/ip_packet.ts";
import { destinationOf } from "../support/packet_fields.ts";

const R1 = uuidOf(1);
const R2 = uuidOf(2);
const R3 = uuidOf(3);
const HTTPS = [{ protocol: "tcp", start: 443, end: 443 }] as const;
const DNS = [{ protocol: "udp", start: 53, end: 53 }] as const;

Deno.test("[dp 85] proxies are mapped to addresses in ascending order, cyclically, family by family", () => {
  const world = worldWithWiki(["10.0.0.2", "10.0.0.1", "2001:db8::5"]);

  const reached = WIKI_PROXIES.map((proxy) => reach(world, proxy));

  assert.deepEqual(reached, [
    ...["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2"],
    ...Array<string>(4).fill("2001:db8::5"),
  ]);
});

Deno.test("[dp 85] with more addresses than proxies the lowest are used, and duplicates collapse", () => {
  const many = worldWithWiki([
    ...["10.0.0.6", "10.0.0.5", "9.255.0.0", "10.0.0.10", "10.0.0.9"],
    "10.0.0.5",
  ]);
  const shuffled = GatewayHarness.initialized();
  shuffled.grant(ALICE, dnsResource(R1));
  const proxies = ["100.96.0.3", "100.96.0.1", "100.96.0.3", "100.96.0.2"];
  shuffled.translate(ALICE, { resource: R1, proxies }, [
    "10.0.0.2",
    "10.0.0.1",
    "10.0.0.2",
  ]);

  assert.deepEqual(
    WIKI_PROXIES.slice(0, 4).map((proxy) => reach(many, proxy)),
    ["9.255.0.0", "10.0.0.5", "10.0.0.6", "10.0.0.9"],
  );
  assert.deepEqual(
    ["100.96.0.1", "100.96.0.2", "100.96.0.3"].map((it) => reach(shuffled, it)),
    ["10.0.0.1", "10.0.0.2", "10.0.0.1"],
  );
});

Deno.test("[dp 86] [dp 87] every proxy gets an entry, also of a family without addresses", () => {
  const onlyV4 = worldWithWiki(["10.0.0.1"]);
  const onlyV6 = worldWithWiki(["2001:db8::5"]);

  assert.equal(onlyV4.gateway.snapshot().translations, 8);
  assert.equal(send(onlyV4, "100.96.0.4"), "forward");
  assert.equal(
    send(onlyV4, "fd00:2021:1111:8000::3"),
    "unreachable-no-address",
  );
  assert.equal(send(onlyV6, "fd00:2021:1111:8000::3"), "forward");
  assert.equal(send(onlyV6, "100.96.0.1"), "unreachable-no-address");
});

Deno.test("[dp 79] a name without addresses is active, and packets to it are unreachable", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, dnsResource(R1));

  const statuses = world.translate(ALICE, { resource: R1 }, []);

  assert.deepEqual(statuses.map(({ isActive }) => isActive), [true]);
  for (const proxy of WIKI_PROXIES) {
    assert.equal(send(world, proxy), "unreachable-no-address");
  }
  assert.deepEqual(world.takeWritten(), []);
});

Deno.test("a name that leads into the tunnel or to a group has no such addresses", () => {
  const inside = worldWithWiki([
    ...[BOB.ipv4, GATEWAY.ipv4, "224.0.0.251"],
    ...[BOB.ipv6, GATEWAY.ipv6, "ff02::fb"],
  ]);
  const mixed = worldWithWiki([BOB.ipv4, "10.0.0.1", "127.0.0.1"]);

  for (const proxy of WIKI_PROXIES) {
    assert.equal(send(inside, proxy), "unreachable-no-address");
  }
  assert.deepEqual(inside.takeWritten(), []);
  assert.deepEqual(
    WIKI_PROXIES.slice(0, 3).map((proxy) => reach(mixed, proxy)),
    ["10.0.0.1", "127.0.0.1", "10.0.0.1"],
  );
});

Deno.test("[dp 88] a proxy that is announced for another name resets translations and flows", () => {
  const world = worldWithWiki(["10.0.0.1"]);
  world.grant(ALICE, dnsResource(R2, [], "git.corp.example"));
  world.grant(ALICE, dnsResource(R3, [], "mail.corp.example"));
  const mail = { resource: R3, domain: "mail.corp.example" };
  world.translate(ALICE, { ...mail, proxies: ["100.96.0.9"] }, ["10.0.0.3"]);
  world.sendTo("100.96.0.1");
  world.sendTo("100.96.0.9");

  const git = { resource: R2, domain: "git.corp.example" };
  world.translate(ALICE, { ...git, proxies: ["100.96.0.2"] }, ["10.0.0.2"]);

  const { translations, natSessions } = world.gateway.snapshot();
  assert.deepEqual({ translations, natSessions }, {
    translations: 1,
    natSessions: 0,
  });
  assert.equal(world.sendTo("100.96.0.1"), "prohibited-destination");
  assert.equal(world.sendTo("100.96.0.9"), "prohibited-destination");
  assert.equal(reach(world, "100.96.0.2"), "10.0.0.2");
  assert.equal(world.replyTo("10.0.0.1"), "not-allowed");
});

Deno.test("[dp 88] the reset stays in effect when the announcement is refused, and touches no other client", () => {
  const world = worldWithWiki(["10.0.0.1"]);
  world.grant(BOB, dnsResource(R1));
  world.translate(BOB, { resource: R1 }, ["10.0.0.1"]);

  world.announce(ALICE, { resource: R1, domain: "git.corp.example" });

  assert.deepEqual(world.takeStatuses().map((it) => it.isActive), [false]);
  assert.equal(world.gateway.snapshot().translations, 8);
  assert.equal(world.sendTo("100.96.0.1"), "prohibited-destination");
});

Deno.test("a name that is announced in other letters is the same name", () => {
  const world = worldWithWiki(["10.0.0.1"]);
  world.sendTo("100.96.0.1");

  const again = { resource: R1, domain: WIKI.toUpperCase() };
  world.translate(ALICE, again, ["10.0.0.1"]);

  assert.equal(world.gateway.snapshot().natSessions, 1);
});

Deno.test("[dp 89] flows keep their address when a name is resolved anew, and fresh ones go to the fresh one", () => {
  const world = worldWithWiki(["10.0.0.1"]);
  const [first, second] = [1_111, 2_222].map((sourcePort) =>
    udpPacket({
      source: ALICE.ipv4,
      destination: "100.96.0.1",
      sourcePort,
      destinationPort: 53,
    })
  ) as [Uint8Array, Uint8Array];
  world.fromClient(ALICE, first);

  world.translate(ALICE, { resource: R1 }, ["10.0.0.9"]);
  world.takeWritten();
  world.fromClient(ALICE, first);
  world.fromClient(ALICE, second);

  assert.deepEqual(world.takeWritten().map(destinationOf), [
    "10.0.0.1",
    "10.0.0.9",
  ]);
});

Deno.test("[dp 90] resources with the same name share its proxies, and a packet passes if one of them permits it", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, dnsResource(R1, [...HTTPS]));
  world.grant(ALICE, dnsResource(R2, [...DNS], "*.corp.example"));
  world.translate(ALICE, { resource: R1 }, ["10.0.0.1"]);
  assert.equal(world.sendTo("100.96.0.1"), "prohibited-by-filter");

  world.translate(ALICE, { resource: R2 }, ["10.0.0.1"]);

  assert.equal(world.sendTo("100.96.0.1"), "forward");
  assert.equal(world.replyTo("10.0.0.1"), "sent");
  world.reject(ALICE, R2);
  assert.equal(world.sendTo("100.96.0.1"), "prohibited-by-filter");
});

Deno.test("[dp 91] names are matched as patterns, whatever their case", () => {
  const matches = [
    ["example.com", "EXAMPLE.com", true],
    ["example.com", "a.example.com", false],
    ["*.example.com", "example.com", true],
    ["*.Example.com", "a.eXample.com", true],
    ["*.example.com", "a.b.example.com", false],
    ["**.example.com", "a.b.example.com", true],
    ["?.example.com", "a.example.com", true],
    ["?.example.com", "example.com", false],
  ] as const;

  for (const [pattern, domain, isCovered] of matches) {
    const world = GatewayHarness.initialized();
    world.grant(ALICE, dnsResource(R1, [], pattern));

    const question = world.announce(ALICE, { resource: R1, domain });

    assert.equal(question !== undefined, isCovered, `${pattern} ${domain}`);
  }
});

Deno.test("[dp 61] names keep their filters beside an Internet resource", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, dnsResource(R1, [...HTTPS]));
  world.grant(ALICE, internetResource("internet"));
  world.translate(ALICE, { resource: R1 }, ["10.0.0.1"]);

  assert.equal(world.sendTo("100.96.0.1"), "prohibited-by-filter");
  world.tell({
    kind: "resource-updated",
    resource: dnsResource(R1, [...DNS]),
  });
  assert.equal(world.sendTo("100.96.0.1"), "forward");
  assert.equal(world.sendTo("100.96.0.9"), "prohibited-destination");
});

Deno.test("a CIDR resource around the proxy range has no say about a name", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, dnsResource(R1, [...HTTPS]));
  world.grant(ALICE, cidrResource("wide", "100.0.0.0/8"));
  world.translate(ALICE, { resource: R1 }, ["10.0.0.1"]);

  assert.equal(world.sendTo("100.96.0.1"), "prohibited-by-filter");
  assert.equal(world.sendTo("100.96.0.77"), "unreachable-no-translation");
});

Deno.test("[dp 105] translations and flows survive revocation and a fresh authorization", () => {
  const world = worldWithWiki(["10.0.0.1"]);
  world.grant(ALICE, cidrResource("other", "192.0.2.0/24"));
  world.sendTo("100.96.0.1");

  world.reject(ALICE, R1);
  assert.equal(world.sendTo("100.96.0.1"), "prohibited-destination");
  assert.equal(world.replyTo("10.0.0.1"), "not-allowed");
  world.grant(ALICE, dnsResource(R1));

  assert.equal(world.sendTo("100.96.0.1"), "forward");
  assert.equal(world.replyTo("10.0.0.1"), "sent");
  assert.equal(world.gateway.snapshot().natSessions, 1);
});

Deno.test("[dp 43] a failed connection takes neither translations nor flows away", () => {
  const world = worldWithWiki(["10.0.0.1"]);
  world.sendTo("100.96.0.1");

  world.node.announce({
    kind: "failed",
    peer: ALICE.id,
    reason: "ice-disconnected",
  });
  world.takeEvents();
  world.grant(ALICE, dnsResource(R1));

  assert.equal(world.sendTo("100.96.0.1"), "forward");
  assert.equal(world.replyTo("10.0.0.1"), "sent");
});

Deno.test("[dp 44] [dp 34] translations and flows go with the record of a client", () => {
  const left = worldWithWiki(["10.0.0.1"]);
  left.sendTo("100.96.0.1");
  left.node.announce({ kind: "goodbye", peer: ALICE.id });
  left.takeEvents();
  left.grant(ALICE, dnsResource(R1));
  assert.equal(left.sendTo("100.96.0.1"), "prohibited-destination");

  const moved = worldWithWiki(["10.0.0.1"]);
  moved.grant({ ...ALICE, ipv6: "fd00:2021:1111::99" }, dnsResource(R1));
  assert.equal(moved.sendTo("100.96.0.1"), "prohibited-destination");
});

Deno.test("the translations of a client are bounded: the names announced least recently are forgotten", () => {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, dnsResource(R1, [], "**.example"));
  const limit = 65_536;
  const perName = 64;
  const announceName = (n: number) => {
    const proxies = Array.from({ length: perName }, (_, i) => {
      const address = n * perName + i;
      return `100.${96 + (address >> 16)}.${(address >> 8) & 255}.${
        address & 255
      }`;
    });
    const domain = `n${n}.example`;
    world.translate(ALICE, { resource: R1, domain, proxies }, ["10.0.0.1"]);
    return proxies[0]!;
  };
  const first = announceName(0);
  const second = announceName(1);
  for (let n = 2; n < limit / perName; n++) announceName(n);
  assert.equal(world.gateway.snapshot().translations, limit);
  announceName(0);

  const last = announceName(limit / perName);

  assert.equal(world.gateway.snapshot().translations, limit);
  assert.equal(world.sendTo(first), "forward");
  assert.equal(world.sendTo(last), "forward");
  assert.equal(world.sendTo(second), "prohibited-destination");
});

/** A gateway where Alice has announced the wiki, which has these addresses. */
function worldWithWiki(addresses: readonly string[]): GatewayHarness {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, dnsResource(R1));
  world.translate(ALICE, { resource: R1 }, addresses);
  return world;
}

/** Alice sends to a proxy. Returns where the packet went. */
function reach(world: GatewayHarness, proxy: string): string | undefined {
  assert.equal(send(world, proxy), "forward");
  return world.takeWritten().map(destinationOf).at(-1);
}

function send(world: GatewayHarness, proxy: string): string {
  return world.sendTo(proxy, proxy.includes(":") ? ALICE.ipv6 : ALICE.ipv4);
}
