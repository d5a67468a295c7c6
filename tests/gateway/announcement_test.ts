import assert from "node:assert/strict";
import { parseIp, toHex, utf8 } from "../../lib/base/mod.ts";
import { encodeAssignedIps, encodeP2pControl } from "../../lib/wire/mod.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  dnsResource,
  GatewayHarness,
  internetResource,
  uuidOf,
  WIKI,
} from "../support/gateway_harness.ts";

const R1 = uuidOf(1);
const R2 = uuidOf(2);

Deno.test("[dp 76] [dp 81] an announcement is answered once, with its resource and name, when the name is resolved", () => {
  const world = worldWithWiki();

  const question = world.announce(ALICE, {
    resource: R1,
    domain: "WIKI.corp.example",
  });
  assert.deepEqual(world.takeStatuses(), []);
  world.resolve(question, ["10.0.0.1"]);
  world.resolve(question, ["10.0.0.2"]);

  assert.deepEqual(world.takeStatuses(), [
    { resourceId: R1, domain: "WIKI.corp.example", isActive: true },
  ]);
  world.advance(60_000);
  assert.deepEqual(world.takeStatuses(), []);
});

Deno.test("[dp 84] the answer is the packet of data-plane spec §21", () => {
  const world = GatewayHarness.initialized();
  const resource = "00000000-0000-0000-0000-000000000065";
  world.grant(ALICE, dnsResource(resource, [], "example.com"));

  const question = world.announce(ALICE, { resource, domain: "example.com" });
  world.resolve(question, ["10.0.0.1"]);

  const [status] = world.node.controls;
  assert.equal(status?.peer, ALICE.id);
  assert.equal(
    toHex(status.packet),
    `600000000064ff00${"0".repeat(64)}0100000000000000` +
      "7b227265736f75726365223a2230303030303030302d303030302d303030302d30" +
      "3030302d303030303030303030303635222c22646f6d61696e223a226578616d70" +
      "6c652e636f6d222c22737461747573223a22416374697665227d",
  );
});

Deno.test("[dp 76] every announcement raises a question of its own, also a repeated one", () => {
  const world = worldWithWiki();

  const first = world.announce(ALICE, { resource: R1 });
  const second = world.announce(ALICE, { resource: R1 });
  world.resolve(second, []);
  world.resolve(first, []);

  assert.notEqual(first, second);
  assert.equal(world.takeStatuses().length, 2);
});

Deno.test("[dp 77] a resource that is not authorized is inactive at once", () => {
  const world = worldWithWiki();
  world.grant(BOB, dnsResource(R2));

  const question = world.announce(ALICE, { resource: R2 });

  assert.equal(question, undefined);
  assert.deepEqual(world.takeStatuses(), [inactive(R2)]);
  assert.equal(world.gateway.snapshot().control["not-authorized"], 1);
});

Deno.test("[dp 78] a resource without names, or with others, is inactive without a look-up", () => {
  const world = worldWithWiki();
  const cidr = uuidOf(3);
  const internet = uuidOf(4);
  world.grant(ALICE, cidrResource(cidr, "10.0.0.0/8"));
  world.grant(ALICE, internetResource(internet));

  for (const resource of [cidr, internet]) {
    assert.equal(world.announce(ALICE, { resource }), undefined);
    assert.deepEqual(world.takeStatuses(), [inactive(resource)]);
  }
  const domain = "other.corp.example";
  assert.equal(world.announce(ALICE, { resource: R1, domain }), undefined);
  assert.deepEqual(world.takeStatuses(), [inactive(R1, domain)]);
});

Deno.test("[dp 78] a resource that is revoked while its name is resolved is inactive", () => {
  const world = worldWithWiki();
  world.grant(ALICE, cidrResource("other", "10.0.0.0/8"));

  const question = world.announce(ALICE, { resource: R1 });
  world.reject(ALICE, R1);
  world.resolve(question, ["10.0.0.1"]);

  assert.deepEqual(world.takeStatuses(), [inactive(R1)]);
  assert.equal(world.gateway.snapshot().translations, 0);
});

Deno.test("[dp 80] a name that takes longer than 10 s is inactive, and a late answer changes nothing", () => {
  const world = worldWithWiki();

  const question = world.announce(ALICE, { resource: R1 });
  world.advance(9_999);
  assert.deepEqual(world.takeStatuses(), []);
  world.advance(1);
  assert.deepEqual(world.takeStatuses(), [inactive(R1)]);
  world.resolve(question, ["10.0.0.1"]);

  assert.deepEqual(world.takeStatuses(), []);
  const { translations, questions } = world.gateway.snapshot();
  assert.deepEqual({ translations, questions }, {
    translations: 0,
    questions: 0,
  });
});

Deno.test("[dp 76] with 1000 names in flight one client's next announcement gets no answer", () => {
  const world = worldWithWiki();
  const questions = Array.from(
    { length: 1_000 },
    () => world.announce(ALICE, { resource: R1 }),
  );

  assert.equal(world.announce(ALICE, { resource: R1 }), undefined);
  assert.equal(world.gateway.snapshot().questions, 1_000);
  world.advance(10_000);

  assert.equal(new Set(questions).size, 1_000);
  assert.equal(world.takeStatuses().length, 1_000);
  assert.equal(typeof world.announce(ALICE, { resource: R1 }), "number");
});

Deno.test("a client that fills all places with questions does not keep others from asking", () => {
  const world = worldWithWiki();
  world.grant(BOB, dnsResource(R2));
  for (let i = 0; i < 1_500; i++) world.announce(ALICE, { resource: R1 });

  for (let i = 0; i < 500; i++) {
    assert.notEqual(world.announce(BOB, { resource: R2 }), undefined);
  }
  assert.equal(world.announce(BOB, { resource: R2 }), undefined);
  assert.equal(world.announce(ALICE, { resource: R1 }), undefined);

  const { questions, control } = world.gateway.snapshot();
  assert.equal(questions, 1_000);
  assert.equal(control.displaced, 500);
  assert.equal(control["too-many-questions"], 502);
  world.advance(10_000);
  const answered = world.takeStatuses().map(({ resourceId }) => resourceId);
  assert.equal(answered.filter((id) => id === R2).length, 500);
  assert.equal(answered.filter((id) => id === R1).length, 500);
});

Deno.test("the shell hears which questions nobody waits for any more", () => {
  const world = worldWithWiki();
  world.grant(BOB, dnsResource(R2));
  const questions = Array.from(
    { length: 1_000 },
    () => world.announce(ALICE, { resource: R1 })!,
  );

  world.fromClient(BOB, announcementOf(R2));
  const displaced = world.takeEvents();
  world.node.announce({ kind: "goodbye", peer: ALICE.id });
  const left = world.takeEvents();

  assert.deepEqual(displaced, [
    { kind: "abandon-domain", queryId: questions[999] },
    { kind: "resolve-domain", queryId: questions[999]! + 1, domain: WIKI },
  ]);
  assert.deepEqual(
    left.flatMap((it) => it.kind === "abandon-domain" ? it.queryId : []),
    questions.slice(0, 999),
  );
});

Deno.test("questions of a client that left, or that is another one by its addresses, are dropped", () => {
  const world = worldWithWiki();
  world.announce(ALICE, { resource: R1 });
  world.node.announce({ kind: "goodbye", peer: ALICE.id });
  world.takeEvents();
  assert.equal(world.gateway.snapshot().questions, 0);

  world.grant(ALICE, dnsResource(R1));
  world.announce(ALICE, { resource: R1 });
  world.grant({ ...ALICE, ipv4: "100.64.0.9" }, dnsResource(R1));
  assert.equal(world.gateway.snapshot().questions, 0);

  world.announce(ALICE, { resource: R1 });
  world.gateway.stop(world.now);
  world.advance(20_000);
  assert.deepEqual(world.takeStatuses(), []);
});

Deno.test("an address outside the proxy range is refused, with all others of its announcement", () => {
  const world = worldWithWiki();
  world.grant(
    ALICE,
    cidrResource("net", "10.0.0.0/8", [
      { protocol: "tcp", start: 443, end: 443 },
    ]),
  );
  const foreign = [
    ...["10.0.0.5", "100.95.255.255", "100.128.0.0", "100.64.0.2", "8.8.8.8"],
    ...["fd00:2021:1111::1", "fd00:2021:1111:8000::20:0", "2001:db8::1", "::"],
  ];

  for (const address of foreign) {
    const proxies = ["100.96.0.1", address];
    assert.equal(world.announce(ALICE, { resource: R1, proxies }), undefined);
    assert.deepEqual(world.takeStatuses(), [inactive(R1)]);
  }

  assert.equal(world.gateway.snapshot().translations, 0);
  assert.equal(world.sendTo("10.0.0.5"), "prohibited-by-filter");
  assert.equal(world.sendTo("8.8.8.8"), "prohibited-destination");
  const count = world.gateway.snapshot().control["not-a-proxy-address"];
  assert.equal(count, foreign.length);
});

Deno.test("[dp 82] unknown events and payloads that cannot be read are counted and not answered", () => {
  const world = worldWithWiki();
  const text = `{"resource":"${R1}","domain":"${WIKI}","proxy_ips":["x"]}`;
  const messages = [
    [encodeP2pControl(1, utf8("{}")), "unknown-event"],
    [encodeP2pControl(255, utf8("")), "unknown-event"],
    [encodeP2pControl(0, Uint8Array.of(0xff)), "payload-not-utf8"],
    [encodeP2pControl(0, utf8("{")), "payload-not-json"],
    [encodeP2pControl(0, utf8("[]")), "payload-not-an-object"],
    [encodeP2pControl(0, utf8("{}")), "payload-invalid-resource"],
    [
      encodeP2pControl(0, utf8(`{"resource":"${R1}"}`)),
      "payload-invalid-domain",
    ],
    [encodeP2pControl(0, utf8(text)), "payload-invalid-proxy-ips"],
  ] as const;

  for (const [message, outcome] of messages) {
    const before = world.gateway.snapshot().control[outcome];

    assert.equal(world.fromClient(ALICE, message), "control");

    assert.equal(world.gateway.snapshot().control[outcome], before + 1);
  }
  assert.deepEqual(world.takeStatuses(), []);
  assert.deepEqual(world.takeQuestions(), []);
});

/** A gateway where Alice may reach the wiki by name. */
function worldWithWiki(): GatewayHarness {
  const world = GatewayHarness.initialized();
  world.grant(ALICE, dnsResource(R1));
  world.takeEvents();
  return world;
}

function announcementOf(resourceId: string): Uint8Array {
  const proxyIps = [parseIp("100.96.0.1")!];
  return encodeAssignedIps({ resourceId, domain: WIKI, proxyIps });
}

function inactive(resourceId: string, domain: string = WIKI) {
  return { resourceId, domain, isActive: false };
}
