import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatCidr,
  formatIp,
  instant,
  parseSocketAddress,
} from "../../lib/base/mod.ts";
import type { ClientMessage, ClientResource } from "../../lib/portal/mod.ts";
import { icmpPacket, udpPacket } from "../support/ip_packet.ts";
import { cidr, Harness, interfaceOf, OWN_V4, OWN_V6 } from "./harness.ts";

const NET = cidr("net", "10.20.0.0/16");
const OTHER = cidr("other", "10.30.0.0/16");

Deno.test("init asks for the interface: our addresses, the ranges of peers and names, and the networks", () => {
  const h = new Harness();

  h.init(NET, cidr("v6", "2001:db8::/32"));

  assert.deepEqual(interfaces(h), [{
    ipv4: OWN_V4,
    ipv6: OWN_V6,
    routes: [
      "100.64.0.0/11",
      "fd00:2021:1111::/107",
      "100.96.0.0/11",
      "fd00:2021:1111:8000::/107",
      "10.20.0.0/16",
      "2001:db8::/32",
    ],
  }]);
});

Deno.test("the interface is asked for again only when it changes", () => {
  const h = new Harness();
  h.init(NET);
  h.events();

  h.init(NET);
  assert.deepEqual(interfaces(h), []);

  h.message({ kind: "resource-created-or-updated", resource: OTHER });
  assert.deepEqual(interfaces(h)[0]?.routes.slice(4), [
    "10.20.0.0/16",
    "10.30.0.0/16",
  ]);

  h.message({ kind: "resource-deleted", resourceId: "net" });
  assert.deepEqual(interfaces(h)[0]?.routes.slice(4), ["10.30.0.0/16"]);

  const changed = interfaceOf("100.64.0.9", OWN_V6);
  h.message({ kind: "config-changed", interface: changed });
  assert.equal(interfaces(h)[0]?.ipv4, "100.64.0.9");
});

Deno.test("a packet to a network asks the portal once, however many follow", () => {
  const h = started();

  assert.equal(h.send(to("10.20.0.1")), "waiting");
  assert.equal(h.send(to("10.20.0.2")), "waiting");

  assert.deepEqual(h.requests(), [request("net")]);
});

Deno.test("requests of different resources do not wait for each other", () => {
  const h = started();

  h.send(to("10.20.0.1"));
  h.send(to("10.30.0.1"));

  assert.deepEqual(h.requests(), [request("net"), request("other")]);
});

Deno.test("[p2p 20] packets wait for the portal and go out, in order, with the connection", () => {
  const h = started();
  const packets = [to("10.20.0.1"), to("10.20.0.2", 5), to("10.20.0.3", 9)];
  for (const packet of packets) h.send(packet);

  h.grant("net");

  assert.deepEqual(h.node.calls.filter((call) => call.startsWith("upsert")), [
    "upsert gw-1",
  ]);
  assert.deepEqual(h.node.sent.map(({ packet }) => packet), packets);
  assert.ok(h.node.sent.every(({ peer }) => peer === "gw-1"));
});

Deno.test("[p2p 20] of the packets that wait, repetitions are kept once and the latest 128 in all", () => {
  const h = started();
  const packets = Array.from({ length: 130 }, (_, i) => to("10.20.0.1", 1 + i));
  for (const packet of packets) {
    h.send(packet);
    h.send(packet);
  }

  h.grant("net");

  assert.deepEqual(
    h.node.sent.map(({ packet }) => packet),
    packets.slice(-128),
  );
});

Deno.test("what waited for a connection that is reused is polled as control datagrams", () => {
  const h = started();
  const destination = parseSocketAddress("192.0.2.7:52625")!;
  h.send(to("10.20.0.1"));
  h.node.sendPacket = (_id, start, end, _now, out) => {
    const at = out.reserve();
    out.bytes.copyWithin(at, start, end);
    out.commit(end - start, null, 0, destination, 0);
    return "sent";
  };
  h.node.upsertOutcome = "reused";

  h.grant("net");

  assert.deepEqual(h.client.pollTransmit(), {
    source: null,
    localPort: 0,
    destination,
    payload: to("10.20.0.1"),
  });
  assert.equal(h.client.pollTransmit(), undefined);
});

Deno.test("the connection is made with our credentials first and the gateway's second", () => {
  const h = started();
  h.send(to("10.20.0.1"));

  h.grant("net");

  assert.deepEqual(h.node.peers, [{
    id: "gw-1",
    publicKey: new Uint8Array(32).fill(1),
    presharedKey: new Uint8Array(32).fill(7),
    localCredentials: { username: "cu", password: "cp" },
    remoteCredentials: { username: "gu", password: "gp" },
    useIceless: false,
  }]);
});

Deno.test("with access, packets go to the gateway with their congestion bits", () => {
  const h = granted();

  const packet = udpPacket({
    source: OWN_V4,
    destination: "10.20.3.4",
    sourcePort: 1,
    destinationPort: 2,
    trafficClass: 2,
  });
  assert.equal(h.send(packet), "sent");

  assert.deepEqual(h.node.sent, [{ peer: "gw-1", packet, ecn: 2 }]);
});

Deno.test("a request names the gateways that are connected already", () => {
  const h = granted();

  h.send(to("10.30.0.1"));

  assert.deepEqual(h.requests(), [request("other", ["gw-1"])]);
});

Deno.test("resources behind different gateways go to their own", () => {
  const h = granted();
  h.send(to("10.30.0.1"));
  h.grant("other", "gw-2");
  h.node.sent.length = 0;

  h.send(to("10.20.0.1"));
  h.send(to("10.30.0.1"));
  h.send(to("100.64.1.2"));

  assert.deepEqual(h.node.sent.map(({ peer }) => peer), [
    "gw-1",
    "gw-2",
    "gw-2",
  ]);
});

Deno.test("a request without an answer is given up after 15 s, with what waited for it, and made again", () => {
  const h = started();
  h.send(to("10.20.0.1"));
  h.requests();
  assert.equal(h.client.pollTimeout(), instant(16_000));

  h.advance(14_999);
  h.send(to("10.20.0.1"));
  assert.deepEqual(h.requests(), []);

  h.advance(1);
  assert.deepEqual(h.requests(), [request("net")]);
  h.send(to("10.20.0.9"));
  assert.deepEqual(h.requests(), []);
  h.grant("net");
  assert.equal(h.node.sent.length, 1); // What waited before is gone.
});

Deno.test("after a refusal packets are dropped for 2 s, and the next one asks again", () => {
  const h = started();
  h.send(to("10.20.0.1"));
  h.requests();

  h.message({
    kind: "authorization-creation-failed",
    resourceId: "net",
    reason: "offline",
  });

  assert.deepEqual(h.events(), [
    { kind: "access-refused", resourceId: "net", reason: "offline" },
  ]);
  h.advance(1_999);
  assert.equal(h.send(to("10.20.0.1")), "held-off");
  h.advance(1);
  assert.equal(h.send(to("10.20.0.1")), "waiting");
  assert.deepEqual(h.requests(), [request("net")]);
});

Deno.test("the portal is not asked for a resource before a relay can be used, and at once then", () => {
  const h = started();
  h.node.relayReadiness = "unanswered";
  const packets = [to("10.20.0.1"), to("10.20.0.1", 7)];

  for (const packet of packets) assert.equal(h.send(packet), "waiting");
  h.receiveUncounted();
  assert.deepEqual(h.requests(), []);

  h.node.relayReadiness = "usable";
  h.receiveUncounted();
  assert.deepEqual(h.requests(), [request("net")]);
  h.receiveUncounted();
  assert.deepEqual(h.requests(), []);

  h.grant("net");
  assert.deepEqual(h.node.sent.map(({ packet }) => packet), packets);
});

Deno.test("without any relay the first packet asks the portal for relays, the others wait", () => {
  const h = started();
  h.node.relayReadiness = "none";

  h.send(to("10.20.0.1"));
  assert.deepEqual(h.requests(), [{ kind: "no-relays" }]);
  h.send(to("10.20.0.1", 7));
  assert.deepEqual(h.requests(), []);
});

Deno.test("packets for several resources wait for the relay together", () => {
  const h = started();
  h.node.relayReadiness = "unanswered";
  h.send(to("10.20.0.1"));
  h.send(to("10.30.0.1"));

  h.node.relayReadiness = "usable";
  h.receiveUncounted();

  assert.deepEqual(h.requests(), [request("net"), request("other")]);
});

Deno.test("packets wait 15 s for a relay, and a route in use goes on waiting without them", () => {
  const h = started();
  h.node.relayReadiness = "unanswered";
  h.send(to("10.20.0.1"));
  assert.equal(h.client.pollTimeout(), instant(16_000));

  h.advance(15_000);
  h.node.relayReadiness = "usable";
  h.receiveUncounted();
  assert.deepEqual(h.requests(), [request("net")]);

  h.send(to("10.20.0.9"));
  h.grant("net");
  assert.equal(h.node.sent.length, 1); // What waited before is gone.
});

Deno.test("an authorization that comes when the relays are lost is asked for again with the next relay, and no packet is lost", () => {
  const h = started();
  const packets = [to("10.20.0.1"), to("10.20.0.1", 7)];
  h.send(packets[0]!);
  h.requests();
  h.node.upsertOutcome = "no-relays";
  h.node.relayReadiness = "none";

  h.grant("net");

  assert.deepEqual(h.requests(), [{ kind: "no-relays" }]);
  assert.equal(h.send(packets[1]!), "waiting");
  h.node.upsertOutcome = "created";
  h.node.relayReadiness = "usable";
  h.receiveUncounted();
  assert.deepEqual(h.requests(), [request("net")]);
  h.grant("net");
  assert.deepEqual(h.node.sent.map(({ packet }) => packet), packets);
});

Deno.test("an authorization that cannot be used leaves the access that is there", () => {
  const h = granted();
  h.node.upsertOutcome = "no-relays";

  h.grant("net");

  assert.deepEqual(h.requests(), [{ kind: "no-relays" }]);
  assert.equal(h.send(to("10.20.0.1")), "sent");
});

Deno.test("an authorization for a resource that is gone connects to nothing", () => {
  const h = started();
  h.send(to("10.20.0.1"));
  h.message({ kind: "resource-deleted", resourceId: "net" });

  h.grant("net");

  assert.deepEqual(h.node.peers, []);
});

Deno.test("candidates are signalled, additions before withdrawals, and those of gateways are taken", () => {
  const h = granted();
  h.node.announce({
    kind: "candidates",
    peer: "gw-1",
    added: ["candidate:1", "candidate:2"],
    removed: ["candidate:3"],
  });

  h.message({
    kind: "ice-candidates",
    gatewayId: "gw-1",
    candidates: ["candidate:8", "candidate:9"],
  });
  h.message({
    kind: "invalidate-ice-candidates",
    gatewayId: "gw-1",
    candidates: ["candidate:8"],
  });

  assert.deepEqual(h.requests(), [
    {
      kind: "new-ice-candidates",
      gatewayId: "gw-1",
      candidates: ["candidate:1", "candidate:2"],
    },
    {
      kind: "invalidate-ice-candidates",
      gatewayId: "gw-1",
      candidates: ["candidate:3"],
    },
  ]);
  assert.deepEqual(h.node.calls.slice(-3), [
    "add gw-1 candidate:8",
    "add gw-1 candidate:9",
    "remove gw-1 candidate:8",
  ]);
});

Deno.test("relays of init are added, those of relays_presence replace what it names", () => {
  const h = new Harness();
  const relay = { id: "r1", username: "u", password: "p" };

  h.message({
    kind: "init",
    interface: interfaceOf(OWN_V4, OWN_V6),
    resources: [],
    relays: [relay],
    flowLogs: { apiUrl: "", uploadIntervalSecs: 0, uploadBatchSize: 0 },
  });
  h.message({
    kind: "relays-presence",
    disconnectedIds: ["r1"],
    connected: [{ ...relay, id: "r2" }],
  });

  assert.deepEqual(h.node.calls, ["relays - +r1", "relays -r1 +r2"]);
});

Deno.test("the node's lack of relays is passed on once while it waits", () => {
  const h = started();
  h.node.announce({ kind: "no-relays" });
  h.node.announce({ kind: "no-relays" });

  assert.deepEqual(h.requests(), [{ kind: "no-relays" }]);
});

Deno.test("a failed connection is forgotten, and the next packet asks the portal again", () => {
  const h = granted();
  h.node.announce({
    kind: "failed",
    peer: "gw-1",
    reason: "ice-disconnected",
  });

  assert.deepEqual(h.events(), [{
    kind: "connection-failed",
    gatewayId: "gw-1",
    reason: "ice-disconnected",
  }]);
  assert.equal(h.send(to("100.64.1.1")), "unknown-tunnel-address");
  assert.equal(h.send(to("10.20.0.1")), "waiting");
  assert.deepEqual(h.requests(), [request("net")]);
});

Deno.test("a goodbye ends the access to everything behind that gateway", () => {
  const h = granted();
  h.grant("other", "gw-2");
  h.node.announce({ kind: "goodbye", peer: "gw-1" });

  assert.deepEqual(h.events(), [
    { kind: "connection-closed", gatewayId: "gw-1", reason: "goodbye" },
  ]);
  assert.equal(h.send(to("10.20.0.1")), "waiting");
  assert.equal(h.send(to("10.30.0.1")), "sent");
});

Deno.test("a goodbye from before an authorization does not take the access away again", () => {
  const h = granted();
  h.node.announce({ kind: "goodbye", peer: "gw-1" });

  h.grant("net");
  h.events();

  assert.equal(h.send(to("10.20.0.1")), "sent");
});

Deno.test("a gateway whose connection was replaced has to be asked for its other resources again", () => {
  const h = granted();
  h.node.upsertOutcome = "reused";
  h.grant("other");
  assert.equal(h.send(to("10.20.0.1")), "sent");

  h.node.upsertOutcome = "created";
  h.grant("other");

  assert.equal(h.send(to("10.30.0.1")), "sent");
  assert.equal(h.send(to("10.20.0.1")), "waiting");
});

Deno.test("a resource that moves to another gateway leaves the first, which is closed when nothing else needs it", () => {
  const h = granted();

  h.grant("net", "gw-2");

  assert.deepEqual(h.node.calls.slice(-2), [
    "upsert gw-2",
    "close gw-1 goodbye",
  ]);
  h.send(to("10.20.0.1"));
  assert.equal(h.node.sent.at(-1)?.peer, "gw-2");
});

Deno.test("deleting the last resource behind a gateway closes the connection with a goodbye", () => {
  const h = granted();
  h.node.upsertOutcome = "reused";
  h.grant("other");
  h.events();

  h.message({ kind: "resource-deleted", resourceId: "net" });
  assert.ok(!h.node.calls.includes("close gw-1 goodbye"));

  h.message({ kind: "resource-deleted", resourceId: "other" });
  assert.ok(h.node.calls.includes("close gw-1 goodbye"));
  assert.deepEqual(
    h.events().filter(({ kind }) => kind === "connection-closed"),
    [{ kind: "connection-closed", gatewayId: "gw-1", reason: "no-resources" }],
  );
  assert.equal(h.send(to("10.20.0.1")), "no-resource");
});

Deno.test("a change of filters keeps the access, a change of address or site ends it", () => {
  const changes: [ClientResource, string][] = [
    [
      cidr("net", "10.20.0.0/16", [{ protocol: "udp", start: 1, end: 9 }]),
      "sent",
    ],
    [cidr("net", "10.20.0.0/17"), "waiting"],
    [{ ...NET, sites: [{ id: "site-2", name: "Branch" }] }, "waiting"],
  ];

  for (const [resource, outcome] of changes) {
    const h = granted();
    h.message({ kind: "resource-created-or-updated", resource });

    assert.equal(h.send(to("10.20.0.1", 1, 9)), outcome);
  }
});

Deno.test("init is a snapshot: what it lacks is gone, what it repeats keeps its access", () => {
  const h = granted();
  h.send(to("10.30.0.1"));
  h.grant("other", "gw-2");

  h.init(NET);

  assert.equal(h.send(to("10.20.0.1")), "sent");
  assert.equal(h.send(to("10.30.0.1")), "no-resource");
  assert.ok(h.node.calls.includes("close gw-2 goodbye"));
  assert.ok(!h.node.calls.includes("close gw-1 goodbye"));
});

Deno.test("requests in flight are repeated after init, with what waits", () => {
  const h = started();
  h.send(to("10.20.0.1"));
  h.requests();

  h.init(NET, OTHER);

  assert.deepEqual(h.requests(), [request("net")]);
  h.grant("net");
  assert.equal(h.node.sent.length, 1);
});

Deno.test("stopping says goodbye through the node and forgets all access", () => {
  const h = granted();

  h.client.stop(h.now);

  assert.equal(h.node.calls.at(-1), "stop");
  assert.equal(h.client.snapshot().gateways, 0);
  assert.equal(h.client.snapshot().granted, 0);
});

Deno.test("established and moved connections are reported", () => {
  const h = granted();
  h.node.announce({
    kind: "established",
    peer: "gw-1",
    path: "relayed",
    tookMs: 80,
  });
  h.node.announce({
    kind: "path-changed",
    peer: "gw-1",
    path: "direct",
    tookMs: 90,
  });

  assert.deepEqual(h.events(), [
    {
      kind: "connection-established",
      gatewayId: "gw-1",
      path: "relayed",
      tookMs: 80,
    },
    { kind: "connection-path-changed", gatewayId: "gw-1", path: "direct" },
  ]);
});

Deno.test("an ICMP prohibited from the gateway ends that access for now, and a later packet asks again", () => {
  const h = granted();
  const refused = to("10.20.0.1");

  const outcome = h.receive(icmpPacket({
    source: "10.20.0.1",
    destination: OWN_V4,
    type: 3,
    code: 13,
    body: refused.subarray(0, 28),
  }));

  assert.equal(outcome, "forward"); // The application hears of it too.
  assert.equal(h.delivered.length, 1);
  assert.equal(h.send(refused), "held-off");
  h.advance(2_000);
  h.send(refused);
  assert.deepEqual(h.requests(), [request("net")]);
});

Deno.test("an ICMP unreachable, or a prohibited about another resource, ends nothing", () => {
  const h = granted();
  const about = (destination: string, type: number, code: number) =>
    h.receive(icmpPacket({
      source: "10.20.0.1",
      destination: OWN_V4,
      type,
      code,
      body: to(destination).subarray(0, 28),
    }));

  about("10.20.0.1", 3, 0);
  about("10.30.0.1", 3, 13);
  about("192.0.2.1", 3, 13);

  assert.equal(h.send(to("10.20.0.1")), "sent");
});

Deno.test("a gateway cannot end access that goes through another one", () => {
  const h = granted();
  h.grant("other", "gw-2");

  const outcome = h.receive(
    icmpPacket({
      source: "10.30.0.1",
      destination: OWN_V4,
      type: 3,
      code: 13,
      body: to("10.20.0.1").subarray(0, 28),
    }),
    "gw-2",
  );

  assert.equal(outcome, "forward");
  assert.equal(h.send(to("10.20.0.1")), "sent");
});

Deno.test("no order of messages, packets and events makes the client throw or lose count of its gateways", () => {
  const id = fc.constantFrom("net", "other");
  const gateway = fc.constantFrom("gw-1", "gw-2");
  const step = fc.oneof(
    fc.tuple(
      fc.constant("send"),
      fc.constantFrom("10.20.0.1", "10.30.0.1", "100.64.1.1"),
    ),
    fc.tuple(fc.constant("grant"), id, gateway),
    fc.tuple(fc.constant("refuse"), id),
    fc.tuple(fc.constant("delete"), id),
    fc.tuple(fc.constant("create"), id),
    fc.tuple(fc.constantFrom("fail", "goodbye"), gateway),
    fc.tuple(
      fc.constant("outcome"),
      fc.constantFrom("created", "reused", "no-relays"),
    ),
    fc.tuple(
      fc.constant("relays"),
      fc.constantFrom("none", "unanswered", "usable"),
    ),
    fc.tuple(fc.constant("init")),
    fc.tuple(fc.constant("advance")),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const h = started();
      for (const [kind, a = "", b = ""] of steps as string[][]) {
        apply(h, kind ?? "", a, b);
      }
      const { granted, gateways } = h.client.snapshot();
      assert.ok(gateways <= granted);
    }),
    { numRuns: 1_000 },
  );
});

function apply(h: Harness, kind: string, a: string, b: string): void {
  const messages: Record<string, ClientMessage> = {
    refuse: {
      kind: "authorization-creation-failed",
      resourceId: a,
      reason: "offline",
    },
    delete: { kind: "resource-deleted", resourceId: a },
    create: {
      kind: "resource-created-or-updated",
      resource: a === "net" ? NET : OTHER,
    },
  };
  const message = messages[kind];
  if (message) h.message(message);
  else if (kind === "send") h.send(to(a));
  else if (kind === "grant") h.grant(a, b);
  else if (kind === "init") h.init(NET, OTHER);
  else if (kind === "advance") h.advance(1_500);
  else if (kind === "relays") {
    h.node.relayReadiness = a as typeof h.node.relayReadiness;
    h.receiveUncounted();
  } else if (kind === "fail") {
    h.node.announce({ kind: "failed", peer: a, reason: "no-candidates" });
    h.events();
  } else if (kind === "goodbye") {
    h.node.announce({ kind: "goodbye", peer: a });
    h.events();
  } else h.node.upsertOutcome = a as typeof h.node.upsertOutcome;
}

/** A client with two networks. */
function started(): Harness {
  const h = new Harness();
  h.init(NET, OTHER);
  h.events();
  return h;
}

/** A client with access to `net` through `gw-1`. */
function granted(): Harness {
  const h = started();
  h.send(to("10.20.0.1"));
  h.grant("net");
  h.events();
  h.node.sent.length = 0;
  return h;
}

function to(
  destination: string,
  sourcePort = 1_234,
  destinationPort = 53,
): Uint8Array {
  return udpPacket({
    source: OWN_V4,
    destination,
    sourcePort,
    destinationPort,
  });
}

function request(resourceId: string, connectedGatewayIds: string[] = []) {
  return { kind: "request-authorization", resourceId, connectedGatewayIds };
}

function interfaces(h: Harness) {
  return h.events().flatMap((event) =>
    event.kind === "configure-interface"
      ? [{
        ipv4: formatIp(event.ipv4),
        ipv6: formatIp(event.ipv6),
        routes: event.routes.map(formatCidr),
      }]
      : []
  );
}
