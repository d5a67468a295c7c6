/**
 * What does a handshake cost the side that answers it, accepted or refused, and what are its parts?
 *
 * The baseline is the key agreements alone: one for the sender's static key,
 * two for the answer, and the answer's ephemeral public key. What is refused
 * at the gate must cost a small part of that.
 *
 *     deno bench --allow-read --allow-env tests/bench/handshake_bench.ts
 */
import assert from "node:assert/strict";
import { after, instant, parseIp, toHex } from "../../lib/base/mod.ts";
import {
  blake2s,
  kdf2,
  x25519,
  x25519PublicKey,
} from "../../lib/crypto/mod.ts";
import { HandshakeMacs } from "../../lib/wireguard/cookie.ts";
import {
  createInitiation,
  createResponse,
  openInitiation,
  proveInitiation,
  readResponse,
} from "../../lib/wireguard/handshake.ts";
import { HandshakeGate } from "../../lib/wireguard/mod.ts";
import { SeededRandom } from "../support/random.ts";

const NOW = instant(0);
const LENGTH = 148;
const MAC1_AT = 116;
/** So that the 2000 cookies of a second are never used up. */
const COOKIE_INTERVAL_MS = 0.55;
const SENDER = { source: { ip: parseIp("192.0.2.9")! } };
const TIMESTAMP = new Uint8Array(12).fill(7);

const random = new SeededRandom(1);
const ours = identity();
const theirs = identity();
const presharedKey = bytes(32);
const shared = x25519(ours.privateKey, theirs.publicKey)!;
const initiation = createInitiation(
  {
    own: theirs,
    peerPublicKey: ours.publicKey,
    staticShared: shared,
    presharedKey,
  },
  0x0101,
  TIMESTAMP,
  bytes(32),
)!;
const { message } = initiation;
new HandshakeMacs(ours.publicKey).seal(message, NOW);
const wrongMac = message.slice();
wrongMac[MAC1_AT]! ^= 1;
const ephemeral = bytes(32);

const gate = gateUnderLoad(0);
const loadedGate = gateUnderLoad(101);
const spentGate = gateUnderLoad(6_000);
assert.equal(check(gate, message), "ok");
assert.equal(check(gate, wrongMac), "wrong-mac1");
assert.equal(check(loadedGate, message), "cookie-required");
assert.equal(check(spentGate, message), "too-many-cookies");
const answer = respond();
const completed = readResponse(
  {
    own: theirs,
    peerPublicKey: ours.publicKey,
    staticShared: shared,
    presharedKey,
  },
  initiation,
  answer.message,
  0,
);
assert.equal(toHex(completed!.keys.sendKey), toHex(answer.keys.receiveKey));

Deno.bench(
  "key agreements alone",
  { group: "accepted", baseline: true },
  () => {
    x25519(ours.privateKey, theirs.publicKey);
    x25519(ephemeral, theirs.publicKey);
    x25519(ephemeral, theirs.publicKey);
    x25519PublicKey(ephemeral);
  },
);

Deno.bench("whole answer", { group: "accepted" }, () => {
  check(gateUnderLoad(0), message);
  respond();
});

Deno.bench("its first half: whose it is", { group: "accepted" }, () => {
  openInitiation(ours.privateKey, ours.publicKey, message, 0, LENGTH);
});

Deno.bench("forged behind mac1", { group: "refused" }, () => {
  openInitiation(ours.privateKey, ours.publicKey, wrongMac, 0, LENGTH);
});

Deno.bench("wrong mac1", { group: "refused", baseline: true }, () => {
  check(gate, wrongMac);
});

let now = NOW;
Deno.bench("cookie asked for", { group: "refused" }, () => {
  now = after(now, COOKIE_INTERVAL_MS);
  check(loadedGate, message, now);
  loadedGate.takeCookieReply();
});

Deno.bench("too many cookies asked for", { group: "refused" }, () => {
  check(spentGate, message);
});

Deno.bench("BLAKE2s of 64 bytes", { group: "parts", baseline: true }, () => {
  blake2s(theirs.publicKey, ours.publicKey);
});

Deno.bench("two keys derived", { group: "parts" }, () => {
  kdf2(theirs.publicKey, ours.publicKey);
});

Deno.bench("x25519", { group: "parts" }, () => {
  x25519(ephemeral, theirs.publicKey);
});

Deno.bench("x25519PublicKey", { group: "parts" }, () => {
  x25519PublicKey(ephemeral);
});

function respond() {
  const { privateKey, publicKey } = ours;
  const opened = openInitiation(privateKey, publicKey, message, 0, LENGTH)!;
  const proved = proveInitiation(opened, shared)!;
  return createResponse(
    {
      own: ours,
      peerPublicKey: theirs.publicKey,
      staticShared: shared,
      presharedKey,
    },
    opened,
    proved,
    0x0202,
    ephemeral,
  )!;
}

/** Returns a gate that has let so many messages pass in this second. */
function gateUnderLoad(messages: number): HandshakeGate {
  const gate = new HandshakeGate({
    staticPublicKey: ours.publicKey,
    now: NOW,
    random,
  });
  for (let i = 0; i < messages; i++) check(gate, message);
  return gate;
}

function check(gate: HandshakeGate, datagram: Uint8Array, now = NOW) {
  return gate.check(datagram, 0, LENGTH, SENDER, now);
}

function identity() {
  const privateKey = bytes(32);
  return { privateKey, publicKey: x25519PublicKey(privateKey) };
}

function bytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return bytes;
}
