import assert from "node:assert/strict";
import fc from "fast-check";
import {
  COOKIE_REPLY,
  DATA_MESSAGE,
  HANDSHAKE_INITIATION,
  HANDSHAKE_RESPONSE,
  wireguardMessageType,
  wireguardReceiver,
} from "../../lib/wire/mod.ts";

/** Type and exact length of the messages with a fixed size, p2p spec §5.2. */
const FIXED = [[1, 148], [2, 92], [3, 64]] as const;

Deno.test("wireguardMessageType knows each handshake message by type and exact length", () => {
  for (const [type, length] of FIXED) {
    assert.equal(typeOf(message(type, length)), type);
    assert.equal(typeOf(message(type, length - 1)), 0);
    assert.equal(typeOf(message(type, length + 1)), 0);
  }
});

Deno.test("wireguardMessageType takes data messages of 32 bytes and more", () => {
  assert.equal(typeOf(message(4, 31)), 0);
  assert.equal(typeOf(message(4, 32)), 4);
  assert.equal(typeOf(message(4, 1_312)), 4);
});

Deno.test("wireguardMessageType refuses a message whose reserved bytes are not zero", () => {
  for (const at of [1, 2, 3]) {
    const bytes = message(4, 32);
    bytes[at] = 1;

    assert.equal(typeOf(bytes), 0);
  }
});

Deno.test("wireguardMessageType refuses the types 0 and 5", () => {
  assert.equal(typeOf(message(0, 148)), 0);
  assert.equal(typeOf(message(5, 148)), 0);
});

Deno.test("wireguardMessageType looks only at its part of a larger buffer", () => {
  const buffer = new Uint8Array(300).fill(0xff);
  buffer.set(message(2, 92), 100);

  assert.equal(wireguardMessageType(buffer, 100, 192), 2);
  assert.equal(wireguardMessageType(buffer, 100, 193), 0);
});

Deno.test("wireguardMessageType names a type of any random bytes only with the right start and length", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    const type = typeOf(bytes);

    if (type === 0) return;
    assert.deepEqual([...bytes.subarray(0, 4)], [type, 0, 0, 0]);
    const fixed = FIXED.find(([fixedType]) => fixedType === type)?.[1];
    assert.ok(
      fixed === undefined ? bytes.length >= 32 : bytes.length === fixed,
    );
  }));
});

Deno.test("wireguardReceiver reads the receiver index of responses, cookie replies and data", () => {
  const response = message(2, 92);
  response.set([0x78, 0x56, 0x34, 0xf2], 8);
  const cookieReply = message(3, 64);
  cookieReply.set([0x01, 0xcd, 0xab, 0x00], 4);
  const data = message(4, 32);
  data.set([0xff, 0xff, 0xff, 0xff], 4);

  assert.equal(wireguardReceiver(response, 0), 0xf2345678);
  assert.equal(wireguardReceiver(cookieReply, 0), 0x00abcd01);
  assert.equal(wireguardReceiver(data, 0), 0xffffffff);
});

Deno.test("the message layouts are those of the specification", () => {
  assert.deepEqual(HANDSHAKE_INITIATION, {
    TYPE: 1,
    SENDER: 4,
    EPHEMERAL: 8,
    STATIC: 40,
    TIMESTAMP: 88,
    MAC1: 116,
    MAC2: 132,
    LENGTH: 148,
  });
  assert.deepEqual(HANDSHAKE_RESPONSE, {
    TYPE: 2,
    SENDER: 4,
    RECEIVER: 8,
    EPHEMERAL: 12,
    EMPTY: 44,
    MAC1: 60,
    MAC2: 76,
    LENGTH: 92,
  });
  assert.deepEqual(COOKIE_REPLY, {
    TYPE: 3,
    RECEIVER: 4,
    NONCE: 8,
    COOKIE: 32,
    LENGTH: 64,
  });
  assert.deepEqual(DATA_MESSAGE, {
    TYPE: 4,
    RECEIVER: 4,
    COUNTER: 8,
    PAYLOAD: 16,
    LENGTH_OF_EMPTY: 32,
  });
});

function message(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes[0] = type;
  return bytes;
}

function typeOf(bytes: Uint8Array): number {
  return wireguardMessageType(bytes, 0, bytes.length);
}
