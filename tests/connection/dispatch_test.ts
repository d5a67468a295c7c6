import assert from "node:assert/strict";
import fc from "fast-check";
import { type Instant, readU32LE } from "../../lib/base/mod.ts";
import { Site } from "../sim/site.ts";
import { CUT_LINK, hasAddress, type SimDatagram } from "../sim/world.ts";
import { addressOf } from "../support/datagram.ts";
import {
  canExchange,
  connectedSite,
  milestones,
  packetNumber,
} from "./support.ts";

const INITIATION = 1;
const RESPONSE = 2;
const COOKIE_REPLY = 3;
const DATA = 4;

Deno.test("[p2p 119] a data message is its connection's whatever address it comes from", () => {
  const site = connectedSite();
  const [message] = capture(site, DATA, () => {
    site.client.send("gateway", packetNumber(1), site.world.now);
  });
  assert.ok(message);

  const source = addressOf("198.51.100.200:999");
  site.gateway.handleDatagram({ ...message, source }, site.world.now);

  assert.deepEqual(site.gateway.inbox.map(({ peer }) => peer), ["client"]);
});

Deno.test("[p2p 119] two clients behind one address are told apart", () => {
  const site = connectedSite();
  const second = site.addNode("second", "controlling", 3);
  site.portal.announceRelays(second, site.relays);
  site.world.advance(1_000);
  site.portal.authorize(second, site.gateway);
  site.world.advance(3_000);
  const messages = capture(site, DATA, () => {
    site.client.send("gateway", packetNumber(1), site.world.now);
    second.send("gateway", packetNumber(2), site.world.now);
  });

  const source = addressOf("198.51.100.200:999");
  for (const message of messages) {
    site.gateway.handleDatagram({ ...message, source }, site.world.now);
  }

  assert.deepEqual(
    site.gateway.inbox.map(({ peer, packet }) => [peer, packet]),
    [["client", packetNumber(1)], ["second", packetNumber(2)]],
  );
});

Deno.test("[p2p 118] an index is the connection and a session number that each handshake message raises", () => {
  const site = connectedSite();
  site.world.advance(130_000);
  site.client.send("gateway", packetNumber(1), site.world.now);
  site.world.advance(10_000);

  for (const [type, node] of [[INITIATION, "client"], [RESPONSE, "gateway"]]) {
    const indices = site.world.sent.filter(({ payload }) =>
      payload[0] === type && payload.length === (type === 1 ? 148 : 92)
    ).map(({ payload }) => readU32LE(payload, 4));
    const connections = new Set(indices.map((index) => index >>> 8));

    assert.ok(indices.length >= 2, `${node}`);
    assert.equal(connections.size, 1);
    assert.deepEqual(
      indices.map((index) => index & 0xff),
      indices.map((_, i) => i + 1),
    );
  }
});

Deno.test("[p2p 127] the answer to a handshake that comes before the nomination waits for it", () => {
  const site = new Site();
  const { world } = site;
  site.announceRelays();
  let mayNominate = false;
  world.dropIf = ({ source, payload }) =>
    !mayNominate && hasAddress(site.client, source.ip) &&
    hasUseCandidate(payload);
  site.portal.authorize(site.client, site.gateway);
  world.advance(1_000);
  const before = countOf(site, RESPONSE);

  mayNominate = true;
  world.advance(3_000);

  assert.equal(before, 0);
  assert.equal(countOf(site, RESPONSE), 1);
  assert.equal(countOf(site, INITIATION), 1);
  assert.deepEqual(milestones(site.gateway), ["established"]);
  assert.ok(canExchange(site));
});

Deno.test("[p2p 130] a peer whose port is 3478 is no relay", () => {
  const site = new Site();
  const client = site.addNode("at-3478", "controlling", 9, { port: 3478 });
  site.portal.announceRelays(client, site.relays);
  site.portal.announceRelays(site.gateway, site.relays);
  site.world.advance(1_000);

  site.portal.authorize(client, site.gateway);
  site.world.advance(2_000);
  client.send("gateway", packetNumber(1), site.world.now);
  site.world.advance(100);

  assert.equal(site.gateway.node.snapshot().routes.PeerToPeer, 1);
  assert.equal(site.gateway.inbox.length, 1);
});

Deno.test("[p2p 130] ChannelData from an address that is no relay is dropped", () => {
  const site = connectedSite();

  site.gateway.handleDatagram(
    datagram("198.51.100.7:3478", Uint8Array.of(0x40, 0, 0, 2, 4, 0)),
    site.world.now,
  );

  assert.equal(site.gateway.refusals.at(-1), "unknown-format");
});

Deno.test("[p2p 100] ChannelData on a channel that is not bound is dropped", () => {
  const site = connectedSite();

  site.gateway.handleDatagram(
    datagram("203.0.113.100:3478", Uint8Array.of(0x4f, 0, 0, 2, 4, 0)),
    site.world.now,
  );

  assert.equal(site.gateway.refusals.at(-1), "unknown-channel");
});

Deno.test("[p2p 108] late packets of a former relay are swallowed", () => {
  const site = connectedSite();
  const { gateway, world } = site;
  gateway.node.updateRelays(
    { removed: ["relay-1"], upserted: [] },
    world.now,
  );

  gateway.handleDatagram(
    datagram("203.0.113.100:3478", Uint8Array.of(0x40, 0, 0, 2, 4, 0)),
    world.now,
  );

  assert.equal(gateway.refusals.at(-1), "former-relay");
});

Deno.test("[p2p 125] above 100 handshakes a second the gateway answers with cookies, on the path they came", () => {
  for (const isRelayed of [false, true]) {
    const site = new Site({ seed: 3 });
    if (isRelayed) site.world.setLink(site.client, site.gateway, CUT_LINK);
    site.announceRelays();
    site.portal.authorize(site.client, site.gateway);
    const received: SimDatagram[] = [];
    const { gateway } = site;
    const handle = gateway.handleDatagram.bind(gateway);
    gateway.handleDatagram = (datagram, now: Instant) => {
      const isHandshake = isInitiation(datagram.payload);
      if (!isHandshake) return handle(datagram, now);
      received.push(datagram);
      for (let i = 0; i < 101; i++) handle(datagram, now);
    };

    site.world.advance(1_000);

    assert.ok(received.length > 0);
    assert.ok(gateway.refusals.includes("cookie-required"));
    const cookies = site.world.sent.filter(({ source, payload }) =>
      hasAddress(gateway, source.ip) && isCookieReply(payload)
    );
    assert.equal(cookies.length, 1, `relayed: ${isRelayed}`);
    assert.deepEqual(cookies[0]?.destination, received[0]?.source);
    assert.ok(!site.client.refusals.includes("refused-handshake"));
  }
});

Deno.test("a message for an unknown connection is refused by what it names", () => {
  const site = connectedSite();
  const { gateway, world } = site;
  const refusal = (payload: Uint8Array): string | undefined => {
    gateway.handleDatagram(datagram("198.51.100.7:9", payload), world.now);
    return gateway.refusals.at(-1);
  };
  const message = (type: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    bytes[0] = type;
    return bytes;
  };

  assert.equal(refusal(message(DATA, 32)), "unknown-index");
  assert.equal(refusal(message(COOKIE_REPLY, 64)), "unknown-index");
  assert.equal(refusal(message(INITIATION, 148)), "wrong-mac1");
  assert.equal(refusal(message(RESPONSE, 92)), "wrong-mac1");
  assert.equal(refusal(message(9, 9)), "unknown-format");
  assert.equal(refusal(new Uint8Array(0)), "empty");
});

Deno.test("an initiation of a stranger is refused by its key", () => {
  const site = connectedSite();
  const stranger = site.addNode("stranger", "controlling", 8);
  site.portal.announceRelays(stranger, site.relays);
  site.world.advance(1_000);
  site.portal.authorize(stranger, site.gateway);
  const [initiation] = capture(site, INITIATION, () => site.world.advance(500));
  assert.ok(initiation);
  site.gateway.node.closeConnection(
    "stranger",
    { goodbye: false },
    site.world.now,
  );

  site.gateway.handleDatagram(initiation, site.world.now);

  assert.equal(site.gateway.refusals.at(-1), "unknown-public-key");
});

Deno.test("[p2p 17] [p2p 24] unusable candidate lines are counted and the others used", () => {
  const site = new Site();
  site.announceRelays();
  site.portal.authorize(site.client, site.gateway);
  const { node } = site.gateway;
  const lines = [
    "nonsense",
    "candidate:x 1 udp 1 203.0.113.77 9 typ host ufrag nope",
    "candidate:x 1 udp 1 203.0.113.77 9 typ host",
  ];

  for (const line of lines) {
    node.addRemoteCandidate("client", line, site.world.now);
  }
  node.addRemoteCandidate("nobody", lines[2] ?? "", site.world.now);
  node.removeRemoteCandidate("nobody", lines[2] ?? "", site.world.now);
  site.world.advance(10);

  assert.deepEqual(node.snapshot().inputs, {
    "malformed-candidate": 1,
    "foreign-ufrag": 1,
    "unknown-peer": 2,
    "too-many-channels": 0,
  });
  assert.ok(
    site.world.sent.some(({ destination }) =>
      destination.ip.bytes.join(".") === "203.0.113.77"
    ),
  );
});

Deno.test("[p2p 21] candidates and handshakes are taken in any order", () => {
  const site = new Site();
  site.announceRelays();
  site.portal.isDown = true;
  site.portal.authorize(site.client, site.gateway);
  site.world.advance(100);
  const lines = site.gateway.events.flatMap((event) =>
    event.kind === "candidates" ? event.added : []
  );
  for (const line of lines.toReversed()) {
    site.client.node.addRemoteCandidate("gateway", line, site.world.now);
  }
  site.world.advance(3_000);

  assert.ok(canExchange(site));
});

Deno.test("[p2p 18] candidate batches are sorted by priority descending", () => {
  const site = connectedSite({ relays: 2 });

  const priorities = site.gateway.events.flatMap((event) =>
    event.kind === "candidates"
      ? [event.added.map((line) => Number(line.split(" ")[3]))]
      : []
  );

  assert.ok((priorities[0]?.length ?? 0) >= 4);
  for (const batch of priorities) {
    assert.deepEqual(batch, batch.toSorted((a, b) => b - a));
  }
});

Deno.test("no datagram makes a node throw", () => {
  const site = connectedSite();
  const { gateway, world } = site;
  const ports = fc.constantFrom("203.0.113.100:3478", "203.0.113.1:52625");
  const heads = fc.constantFrom(
    [],
    [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42],
    [1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42],
    [0x40, 0, 0, 8],
    [1, 0, 0, 0],
    [2, 0, 0, 0],
    [4, 0, 0, 0],
  );
  const lengths = fc.constantFrom(0, 1, 20, 32, 64, 92, 148, 1316);

  fc.assert(fc.property(ports, heads, lengths, fc.infiniteStream(fc.nat(255)), (
    source,
    head,
    length,
    stream,
  ) => {
    const payload = Uint8Array.from(
      { length },
      (_, i) => head[i] ?? (stream.next().value as number),
    );

    gateway.handleDatagram(datagram(source, payload), world.now);
  }));

  assert.ok(canExchange(site));
});

function datagram(source: string, payload: Uint8Array): SimDatagram {
  return {
    source: addressOf(source),
    destination: addressOf("203.0.113.2:52625"),
    payload,
    ecn: 0,
    isPinned: false,
  };
}

/** Runs `action` and holds back what is sent of one message type, which is returned instead. */
function capture(
  { world }: Site,
  type: number,
  action: () => void,
): SimDatagram[] {
  const captured: SimDatagram[] = [];
  world.dropIf = (datagram) => {
    const isWanted = datagram.payload[0] === type && datagram.payload[1] === 0;
    if (isWanted) captured.push(datagram);
    return isWanted;
  };
  action();
  world.advance(1);
  world.dropIf = () => false;
  return captured;
}

function countOf({ world }: Site, type: number): number {
  const length = type === INITIATION ? 148 : 92;
  return world.sent.filter(({ payload }) =>
    payload[0] === type && payload[1] === 0 && payload.length === length
  ).length;
}

function isInitiation(payload: Uint8Array): boolean {
  const at = payload[0] === 0x40 ? 4 : 0;
  return payload[at] === INITIATION && payload.length - at === 148;
}

function isCookieReply(payload: Uint8Array): boolean {
  const at = payload[0] === 0x40 ? 4 : 0;
  return payload[at] === COOKIE_REPLY && payload.length - at === 64;
}

/** Looks for the empty attribute 0x0025 in a check, relayed or not. */
function hasUseCandidate(payload: Uint8Array): boolean {
  const at = payload[0] === 0x40 ? 4 : 0;
  if (payload[at] !== 0 || payload[at + 1] !== 1) return false;
  for (let i = at + 20; i + 4 <= payload.length; i += 4) {
    if (
      payload[i] === 0 && payload[i + 1] === 0x25 && payload[i + 2] === 0 &&
      payload[i + 3] === 0
    ) return true;
  }
  return false;
}
