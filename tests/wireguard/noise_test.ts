import assert from "node:assert/strict";
import { toHex } from "../../lib/base/mod.ts";
import {
  aeadOpen,
  aeadSeal,
  x25519,
  x25519PublicKey,
} from "../../lib/crypto/mod.ts";
import {
  openFirstMessage,
  openFirstPayload,
  readSecondMessage,
  writeFirstMessage,
  writeSecondMessage,
} from "../../lib/wireguard/noise.ts";
import vectors from "../vectors/noise_ikpsk2.json" with { type: "json" };
import { hex, key } from "./support.ts";

/** The pattern without a preshared key has another protocol name; WireGuard never uses it. */
const CASES = vectors.cases.filter((vector) =>
  vector.protocol === "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
);

Deno.test("Noise IKpsk2 agrees with the published handshakes in both roles", () => {
  assert.equal(CASES.length, 3);
  for (const vector of CASES) checkHandshake(vector);
});

Deno.test("a first message to another key, or changed anywhere, does not open", () => {
  const initiator = identity(key(1));
  const responder = identity(key(2));
  const shared = x25519(initiator.privateKey, responder.publicKey)!;
  const payload = new Uint8Array(12).fill(7);
  const first = writeFirstMessage(
    key(0),
    initiator,
    responder.publicKey,
    shared,
    key(3),
    payload,
  )!;

  assert.equal(
    openFirstMessage(key(0), identity(key(4)), first.message),
    undefined,
  );
  for (let at = 0; at < first.message.length; at++) {
    // The highest bit of a public key is not part of it, but of the hash.
    const changed = first.message.slice();
    changed[at]! ^= 0x80;
    const opened = openFirstMessage(key(0), responder, changed);
    assert.equal(opened && openFirstPayload(opened, shared), undefined);
  }
});

Deno.test("a point of small order ends the handshake on each side", () => {
  const own = identity(key(1));
  const zero = key(0);
  const first = writeFirstMessage(
    zero,
    own,
    own.publicKey,
    key(9),
    key(3),
    zero,
  )!;

  assert.equal(
    writeFirstMessage(zero, own, zero, key(9), key(3), zero),
    undefined,
  );
  assert.equal(openFirstMessage(zero, own, new Uint8Array(108)), undefined);
  assert.equal(
    writeSecondMessage(first.state, zero, own.publicKey, zero, key(4), zero),
    undefined,
  );
  assert.equal(
    readSecondMessage(first.state, key(3), key(1), zero, new Uint8Array(48)),
    undefined,
  );
});

type Vector = typeof CASES[number];

function checkHandshake(vector: Vector): void {
  const prologue = hex(vector.prologue);
  const psk = hex(vector.psk ?? "");
  const initiator = identity(hex(vector.init_static));
  const responder = identity(hex(vector.resp_static));
  const [one, two, ...transport] = vector.messages;
  assert.equal(toHex(responder.publicKey), vector.resp_static_public);

  const first = writeFirstMessage(
    prologue,
    initiator,
    responder.publicKey,
    x25519(initiator.privateKey, responder.publicKey)!,
    hex(vector.init_ephemeral),
    hex(one!.payload),
  )!;
  assert.equal(toHex(first.message), one!.ciphertext);

  const opened = openFirstMessage(prologue, responder, first.message)!;
  assert.deepEqual(opened.remoteStatic, initiator.publicKey);
  const proved = openFirstPayload(
    opened,
    x25519(responder.privateKey, initiator.publicKey)!,
  )!;
  assert.equal(toHex(proved.payload), one!.payload);

  const second = writeSecondMessage(
    proved.state,
    opened.ephemeral,
    initiator.publicKey,
    psk,
    hex(vector.resp_ephemeral),
    hex(two!.payload),
  )!;
  assert.equal(toHex(second.message), two!.ciphertext);

  const read = readSecondMessage(
    first.state,
    hex(vector.init_ephemeral),
    initiator.privateKey,
    psk,
    second.message,
  )!;
  assert.equal(toHex(read.payload), two!.payload);
  assert.deepEqual(read.state.split(), second.state.split());
  if (vector.handshake_hash !== null) {
    assert.equal(toHex(read.state.hash), vector.handshake_hash);
  }
  checkTransport(read.state.split(), transport);
}

/** Transport messages alternate, the initiator begins, each direction counts from 0. */
function checkTransport(
  keys: readonly [Uint8Array, Uint8Array],
  messages: Vector["messages"],
): void {
  const none = new Uint8Array(0);
  for (const [i, { payload, ciphertext }] of messages.entries()) {
    const sendKey = keys[i % 2]!;
    const counter = Math.floor(i / 2);

    assert.equal(
      toHex(aeadSeal(sendKey, counter, hex(payload), none)),
      ciphertext,
    );
    assert.deepEqual(
      aeadOpen(sendKey, counter, hex(ciphertext), none),
      hex(payload),
    );
  }
}

function identity(privateKey: Uint8Array) {
  return { privateKey, publicKey: x25519PublicKey(privateKey) };
}
