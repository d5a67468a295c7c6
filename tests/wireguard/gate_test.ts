import assert from "node:assert/strict";
import fc from "fast-check";
import { after, type Instant } from "../../lib/base/mod.ts";
import { x25519PublicKey } from "../../lib/crypto/mod.ts";
import { type GateVerdict, HandshakeGate } from "../../lib/wireguard/mod.ts";
import { HandshakeMacs } from "../../lib/wireguard/cookie.ts";
import vectors from "../vectors/wg_ratelimiter.json" with { type: "json" };
import { SeededRandom } from "../support/random.ts";
import { ip, key, START } from "./support.ts";

const NODE = x25519PublicKey(key(0x22));
const HOME = ip("192.0.2.7");

Deno.test("the gate passes initiations and responses with a right mac1", () => {
  const lab = new GateLab();

  assert.equal(lab.offer(handshake(1, 148)), "ok");
  assert.equal(lab.offer(handshake(2, 92)), "ok");
});

Deno.test("the gate refuses and counts a wrong mac1", () => {
  const lab = new GateLab();
  const message = handshake(1, 148);
  message[50]! ^= 1;

  assert.equal(lab.offer(message), "wrong-mac1");
  assert.equal(lab.gate.counters.get("wrong-mac1"), 1);
});

Deno.test("the gate refuses and counts what is no handshake message", () => {
  const lab = new GateLab();
  const data = new Uint8Array(148);
  data[0] = 4;

  assert.equal(lab.offer(data), "not-a-handshake");
  assert.equal(lab.offer(new Uint8Array(0)), "not-a-handshake");
  assert.equal(lab.gate.counters.get("not-a-handshake"), 2);
});

Deno.test("the gate never throws on random bytes", () => {
  const lab = new GateLab();
  const start = fc.constantFrom([1, 0, 0, 0], [2, 0, 0, 0], [4, 0, 0, 0]);
  const length = fc.constantFrom(0, 91, 92, 147, 148, 149);
  fc.assert(fc.property(start, length, (head, size) => {
    const bytes = new Uint8Array(Math.max(size, 4));
    bytes.set(head);

    assert.notEqual(lab.offer(bytes), "ok");
  }));
});

Deno.test("[p2p 125] the 101st handshake message within a second needs a cookie", () => {
  const lab = new GateLab();
  for (let i = 0; i < 100; i++) assert.equal(lab.offer(), "ok");

  assert.equal(lab.offer(), "cookie-required");
  assert.equal(lab.gate.counters.get("cookie-required"), 1);
});

Deno.test("[p2p 125] a new window opens with the first message a second after the last one opened", () => {
  const lab = new GateLab();
  lab.flood();

  lab.pass(999);
  assert.equal(lab.offer(), "cookie-required");
  lab.pass(1);
  for (let i = 0; i < 100; i++) assert.equal(lab.offer(), "ok");
  assert.equal(lab.offer(), "cookie-required");
});

Deno.test("[p2p 125] messages with a wrong mac1 do not count", () => {
  const lab = new GateLab();
  for (let i = 0; i < 500; i++) lab.offer(new Uint8Array(148).fill(1, 0, 1));

  assert.equal(lab.offer(), "ok");
});

/**
 * The file describes a bucket per source with a burst of 5. p2p spec §5.8 has one
 * count for the whole node instead, so its addresses and waits are our traffic
 * and the expected answers are those of the specification: 14 sources, eleven
 * times within 150 ms, share one hundred.
 */
Deno.test("[p2p 125] all sources of the rate limiter vector share one budget of a hundred", () => {
  const lab = new GateLab();
  const verdicts: GateVerdict[] = [];

  for (const { wait_ms } of vectors.steps) {
    lab.pass(wait_ms);
    for (const address of vectors.addresses) {
      verdicts.push(lab.offer(handshake(1, 148), address));
    }
  }

  assert.equal(verdicts.length, 154);
  assert.ok(verdicts.slice(0, 100).every((verdict) => verdict === "ok"));
  assert.ok(
    verdicts.slice(100).every((verdict) => verdict === "cookie-required"),
  );
});

Deno.test("[p2p 125] a sender that returns its cookie passes under load, for both kinds of message", () => {
  for (const [type, length] of [[1, 148], [2, 92]] as const) {
    const lab = new GateLab();
    const sender = new HandshakeMacs(NODE);
    lab.flood();

    assert.equal(lab.offer(handshake(type, length, sender)), "cookie-required");
    const reply = lab.gate.takeCookieReply()!;
    assert.equal(reply.length, 64);
    assert.equal(sender.handleReply(reply, 0, 64, lab.now), "accepted");

    assert.equal(lab.offer(handshake(type, length, sender)), "ok");
  }
});

Deno.test("[p2p 125] a cookie is bound to the address", () => {
  for (
    const [home, other] of [
      ["192.0.2.7", "192.0.2.8"],
      ["2001:db8::1", "2001:db8::2"],
      ["192.0.2.7", "c000:207::"],
    ] as const
  ) {
    const lab = new GateLab();
    const sender = lab.withCookie(home);

    const fromOther = lab.offer(handshake(1, 148, sender), other);

    // 192.0.2.7, left-aligned and zero-filled, is c000:207::, p2p spec §5.8.
    const isSame = other === "c000:207::";
    assert.equal(fromOther, isSame ? "ok" : "cookie-required");
  }
});

Deno.test("[p2p 125] a cookie ends with the 128 seconds of uptime that it was made in", () => {
  const lab = new GateLab();
  lab.pass(100_000);
  const sender = lab.withCookie("192.0.2.7");

  lab.pass(27_999);
  lab.flood();
  assert.equal(lab.offer(handshake(1, 148, sender)), "ok");
  lab.pass(1);
  lab.flood();
  assert.equal(lab.offer(handshake(1, 148, sender)), "cookie-required");
});

Deno.test("the cookie reply is given once and only for the message that was just refused", () => {
  const lab = new GateLab();
  lab.flood();
  lab.offer();

  assert.ok(lab.gate.takeCookieReply());
  assert.equal(lab.gate.takeCookieReply(), undefined);
  lab.offer();
  lab.offer(new Uint8Array(148));
  assert.equal(lab.gate.takeCookieReply(), undefined);
});

Deno.test("[p2p 125] a sender leaves mac2 out once its cookie is 120 seconds old", () => {
  const lab = new GateLab();
  const sender = lab.withCookie("192.0.2.7");

  const young = handshake(1, 148, sender, after(lab.now, 119_999));
  const old = handshake(1, 148, sender, after(lab.now, 120_000));

  assert.notDeepEqual(young.slice(132), new Uint8Array(16));
  assert.deepEqual(old.slice(132), new Uint8Array(16));
});

Deno.test("a sender refuses a cookie for another message, a forged one and a second type", () => {
  const lab = new GateLab();
  const sender = new HandshakeMacs(NODE);
  lab.flood();
  lab.offer(handshake(1, 148, sender));
  const reply = lab.gate.takeCookieReply()!;
  const forged = reply.slice();
  forged[40]! ^= 1;

  assert.equal(sender.handleReply(forged, 0, 64, START), "forged-cookie");
  assert.equal(sender.handleReply(reply, 0, 63, START), "unexpected-cookie");
  handshake(1, 148, sender, START, 77);
  assert.equal(sender.handleReply(reply, 0, 64, START), "unexpected-cookie");
  assert.equal(
    new HandshakeMacs(NODE).handleReply(reply, 0, 64, START),
    "unexpected-cookie",
  );
});

Deno.test("[p2p 125] a node under load tells 2000 cookies a second, and whoever has one passes all the same", () => {
  const lab = new GateLab();
  const sender = lab.withCookie("192.0.2.7");

  for (let i = 1; i < 2_000; i++) {
    assert.equal(lab.offer(), "cookie-required", `message ${i}`);
  }
  assert.equal(lab.offer(), "too-many-cookies");
  assert.equal(lab.gate.takeCookieReply(), undefined);
  assert.equal(lab.gate.counters.get("too-many-cookies"), 1);
  assert.equal(lab.offer(handshake(1, 148, sender)), "ok");
  lab.pass(1);
  assert.equal(lab.offer(), "cookie-required");
});

Deno.test("under load an address that forged ten messages in a second waits for the next one, and no other does", () => {
  const lab = new GateLab();
  const forger = lab.withCookie("192.0.2.66");
  const honest = lab.withCookie("192.0.2.7");
  for (let i = 0; i < 10; i++) {
    assert.equal(lab.offer(handshake(1, 148, forger), "192.0.2.66"), "ok");
    lab.gate.noteForgery(ip("192.0.2.66"), lab.now);
  }

  const refused = lab.offer(handshake(1, 148, forger), "192.0.2.66");
  assert.equal(refused, "forging-source");
  assert.equal(lab.gate.counters.get("forging-source"), 1);
  assert.equal(lab.offer(handshake(1, 148, honest)), "ok");
  lab.pass(1_000);
  lab.flood();
  assert.equal(lab.offer(handshake(1, 148, forger), "192.0.2.66"), "ok");
});

Deno.test("while a node is not under load nobody waits because of forgeries", () => {
  const lab = new GateLab();
  for (let i = 0; i < 50; i++) lab.gate.noteForgery(HOME, lab.now);

  assert.equal(lab.offer(), "ok");
});

/** Builds a handshake message whose content does not matter, with macs by `sender`. */
function handshake(
  type: number,
  length: number,
  sender = new HandshakeMacs(NODE),
  now: Instant = START,
  senderIndex = 5,
): Uint8Array {
  const message = new Uint8Array(length);
  message[0] = type;
  message[4] = senderIndex;
  sender.seal(message, now);
  return message;
}

class GateLab {
  now = START;
  readonly gate = new HandshakeGate({
    staticPublicKey: NODE,
    now: START,
    random: new SeededRandom(3),
  });

  offer(message = handshake(1, 148), source = ""): GateVerdict {
    const sender = { source: { ip: source === "" ? HOME : ip(source) } };
    return this.gate.check(message, 0, message.length, sender, this.now);
  }

  pass(ms: number): void {
    this.now = after(this.now, ms);
  }

  /** Uses up the window. */
  flood(): void {
    for (let i = 0; i < 100; i++) this.offer();
  }

  /** Returns a sender that has a cookie for `source`, with the node under load. */
  withCookie(source: string): HandshakeMacs {
    const sender = new HandshakeMacs(NODE);
    this.flood();
    this.offer(handshake(1, 148, sender), source);
    const reply = this.gate.takeCookieReply()!;
    assert.equal(sender.handleReply(reply, 0, 64, this.now), "accepted");
    return sender;
  }
}
