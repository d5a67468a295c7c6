import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, toHex, utf8, writeU16 } from "../../lib/base/mod.ts";
import {
  addFingerprint,
  longTermKey,
  sealStun,
  shortTermKey,
  verifyIntegrity,
} from "../../lib/stun/mod.ts";
import { encodeStun, StunView } from "../../lib/wire/mod.ts";
import {
  bytesOf,
  type StunVector,
  stunVectors,
} from "../support/stun_vectors.ts";

Deno.test("the messages of RFC 5769 verify, though they are padded with spaces", () => {
  for (const vector of stunVectors("rfc5769_stun.json")) {
    const view = viewOf(bytesOf(vector.packet));

    assert.equal(verifyIntegrity(view, keyOf(vector)), true, `${vector.name}`);
    assert.equal(verifyIntegrity(view, utf8("another key")), false);
  }
});

Deno.test("sealing the signed part of an RFC 5769 message gives the message", () => {
  for (const vector of stunVectors("rfc5769_stun.json")) {
    const bytes = bytesOf(vector.packet);
    const { integrityAt } = viewOf(bytes);
    const unsigned = bytes.slice(0, integrityAt);
    writeU16(unsigned, 2, integrityAt - 20);
    const hasFingerprint = bytes.length > integrityAt + 24;

    const sealed = sealStun(unsigned, keyOf(vector));

    const message = hasFingerprint ? addFingerprint(sealed) : sealed;
    assert.equal(toHex(message), vector.packet, `${vector.name}`);
  }
});

Deno.test("the messages of coturn verify with the long-term key", () => {
  const key = longTermKey("alice", "firezone", "correct-horse");
  assert.equal(toHex(key), "2272d39d81a1fc417d9313af9d0ba4ea");

  for (const vector of stunVectors("turn_coturn_send.json")) {
    const view = viewOf(bytesOf(vector.packet));
    const isSigned = vector.integrity_key !== null;

    assert.equal(verifyIntegrity(view, key), isSigned, vector.packet);
  }
});

Deno.test("[p2p 40] checks between ICE peers are keyed with the raw password", () => {
  const request = viewOf(bytesOf(
    "000100442112a442a0a1a2a3a4a5a6a7a8a9aaab00060009726573633a6a626934000000802900080102030405060708" +
      "002400046efffeff000800142393d6b630ee8b95c5a6527a646eb4a3d4536f35802800040c5a6ed7",
  ));
  const reply = viewOf(bytesOf(
    "0101002c2112a442a0a1a2a3a4a5a6a7a8a9aaab002000080001a147e112a643" +
      "0008001475" + "1219cc19ff1532bb24edffa27f621d83c06775802800043089bc2e",
  ));

  assert.equal(
    verifyIntegrity(request, shortTermKey("rqi3ibvfikfaxj3wgp7muh")),
    true,
  );
  assert.equal(
    verifyIntegrity(reply, shortTermKey("a6oeevhlutevykcifd5r2a")),
    true,
  );
  assert.equal(
    verifyIntegrity(reply, shortTermKey("rqi3ibvfikfaxj3wgp7muh")),
    false,
  );
});

Deno.test("[p2p 45] a wrong FINGERPRINT does not matter to integrity", () => {
  const key = utf8("key");
  const message = addFingerprint(sealStun(binding(), key));
  message[message.length - 1]! ^= 1;

  assert.equal(verifyIntegrity(viewOf(message), key), true);
});

Deno.test("a message without integrity, or with one of a wrong length, does not verify", () => {
  const key = utf8("key");
  const short = concatBytes(binding(), bytesOf("0008000400000000"));
  writeU16(short, 2, short.length - 20);

  assert.equal(verifyIntegrity(viewOf(binding()), key), false);
  assert.equal(verifyIntegrity(viewOf(short), key), false);
});

Deno.test("no single changed byte of the signed part goes unnoticed", () => {
  const key = utf8("key");
  const sealed = sealStun(binding(), key);
  const changes = fc.tuple(
    fc.integer({ min: 0, max: sealed.length - 1 }),
    fc.integer({ min: 1, max: 255 }),
  );
  fc.assert(fc.property(changes, ([at, change]) => {
    const changed = sealed.slice();
    changed[at]! ^= change;
    const view = new StunView();

    const isAccepted = view.attach(changed, 0, changed.length) &&
      verifyIntegrity(view, key);

    assert.equal(isAccepted, false);
  }));
});

function binding(): Uint8Array {
  return encodeStun({
    class: "request",
    method: 0x001,
    transactionId: bytesOf("a0a1a2a3a4a5a6a7a8a9aaab"),
    attributes: [{ kind: "username", text: "name" }],
  });
}

function keyOf({ credentials }: StunVector): Uint8Array {
  assert.ok(credentials);
  if (credentials.kind === "short_term") {
    return shortTermKey(credentials.password);
  }
  const { username, realm, password } = credentials;
  const key = longTermKey(username, realm, password);
  assert.equal(toHex(key), credentials.key_md5);
  return key;
}

function viewOf(bytes: Uint8Array): StunView {
  const view = new StunView();
  assert.ok(view.attach(bytes, 0, bytes.length), `${view.refusal}`);
  return view;
}
