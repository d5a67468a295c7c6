import assert from "node:assert/strict";
import fc from "fast-check";
import {
  concatBytes,
  equalBytes,
  parseSocketAddress,
  type SocketAddress,
  toHex,
  utf8,
  writeU16,
} from "../../lib/base/mod.ts";
import {
  encodeStun,
  type StunAttribute,
  type StunMessage,
  StunView,
} from "../../lib/wire/mod.ts";
import { addressOf } from "../support/datagram.ts";
import { attributeOf, bytesOf, stunVectors } from "../support/stun_vectors.ts";

const COOKIE = "2112a442";
const ID = "a0a1a2a3a4a5a6a7a8a9aaab";

const METHODS: Readonly<Record<string, number>> = {
  binding: 0x001,
  allocate: 0x003,
  refresh: 0x004,
  send: 0x006,
  data: 0x007,
  create_permission: 0x008,
};

for (const file of ["rfc5769_stun.json", "turn_coturn_send.json"]) {
  Deno.test(`StunView reads every message of ${file}`, () => {
    for (const vector of stunVectors(file)) {
      const view = viewOf(bytesOf(vector.packet));

      assert.equal(view.class, vector.cls);
      assert.equal(view.method, METHODS[vector.method]);
      assert.equal(toHex(view.transactionId()), vector.transaction_id);
      assert.equal(view.hasIntegrity, vector.integrity_key !== null);
      for (const described of vector.attributes) {
        const attribute = attributeOf(described);
        if (attribute) {
          assert.deepEqual(
            read(view, attribute.kind),
            withoutReason(attribute),
          );
        }
      }
    }
  });

  Deno.test(`encodeStun writes the signed part of every message of ${file}`, () => {
    for (const vector of stunVectors(file)) {
      const attributes = vector.attributes.map(attributeOf);
      const known = attributes.filter((attribute) => attribute !== undefined);
      const cut = vector.attributes.findIndex((a) =>
        attributeOf(a) === undefined
      );
      const signedCount = cut < 0 ? attributes.length : cut;

      const encoded = encodeStun({
        class: vector.cls,
        method: METHODS[vector.method] ?? 0,
        transactionId: bytesOf(vector.transaction_id),
        attributes: known.slice(0, signedCount),
      });

      // The length field differs, and RFC 5769 pads with spaces.
      const expected = bytesOf(vector.packet).slice(0, encoded.length);
      assert.deepEqual(
        zeroPadding(encoded).slice(4),
        zeroPadding(expected, encoded).slice(4),
      );
    }
  });
}

Deno.test("StunView reads an ICE check with both role attributes", () => {
  const gateway = viewOf(bytesOf(
    `00010044${COOKIE}${ID}00060009726573633a6a626934000000802900080102030405060708` +
      "002400046efffeff000800142393d6b630ee8b95c5a6527a646eb4a3d4536f35802800040c5a6ed7",
  ));
  assert.equal(gateway.username(), "resc:jbi4");
  assert.equal(gateway.iceControlled(), 0x0102030405060708n);
  assert.equal(gateway.iceControlling(), undefined);
  assert.equal(gateway.priority(), 1862270719);
  assert.equal(gateway.useCandidate, false);

  const client = viewOf(bytesOf(
    `00010048${COOKIE}${ID}000600096a6269343a72657363000000802a00081112131415161718` +
      "002400046efffeff00250000000800141b6ebcaedc96a8e6ed3c0c8bb8c77ba06389290b802800045ecd40fe",
  ));
  assert.equal(client.iceControlling(), 0x1112131415161718n);
  assert.equal(client.useCandidate, true);
});

Deno.test("StunView returns both relayed addresses in order", () => {
  const relayed = ["198.51.100.9:51234", "[2001:db8:9::9]:51234"].map(
    addressOf,
  );

  const view = viewOf(encoded([
    { kind: "xor-relayed-address", address: relayed[0]! },
    { kind: "lifetime", seconds: 600 },
    { kind: "xor-relayed-address", address: relayed[1]! },
  ]));

  assert.deepEqual(view.xorRelayed(), relayed);
});

Deno.test("[p2p 47] attributes behind MESSAGE-INTEGRITY are ignored", () => {
  const integrity = bytesOf(`00080014${"11".repeat(20)}`);
  const useCandidate = bytesOf("00250000");
  const priority = bytesOf("0024000400000001");

  const view = viewOf(messageOf(0x0001, priority, integrity, useCandidate));

  assert.equal(view.hasIntegrity, true);
  assert.equal(view.priority(), 1);
  assert.equal(view.useCandidate, false);
});

Deno.test("[p2p 131] a message is STUN only by cookie, first bits and exact length", () => {
  const view = new StunView();
  const refusalOf = (bytes: Uint8Array): unknown =>
    view.attach(bytes, 0, bytes.length) || view.refusal;
  const good = messageOf(0x0001, bytesOf("0024000400000001"));
  const patched = (at: number, byte: number): Uint8Array => {
    const copy = good.slice();
    copy[at] = byte;
    return copy;
  };

  assert.equal(refusalOf(good), true);
  assert.equal(refusalOf(good.slice(0, 19)), "too-short");
  assert.equal(refusalOf(new Uint8Array(0)), "too-short");
  assert.equal(refusalOf(patched(0, 0x40)), "not-stun");
  assert.equal(refusalOf(patched(0, 0x80)), "not-stun");
  assert.equal(refusalOf(patched(4, 0x20)), "not-stun");
  assert.equal(refusalOf(patched(3, 9)), "wrong-length");
  assert.equal(refusalOf(patched(3, 4)), "wrong-length");
  assert.equal(refusalOf(concatBytes(good, new Uint8Array(4))), "wrong-length");
  assert.equal(refusalOf(patched(23, 5)), "attribute-out-of-bounds");
});

Deno.test("StunView gives undefined for attributes of a wrong length or value", () => {
  const cases: readonly [string, (view: StunView) => unknown][] = [
    ["000d00020001ffff", (v) => v.lifetime()],
    ["0024000800000000" + "00000000", (v) => v.priority()],
    ["000c00043fff0000", (v) => v.channelNumber()],
    ["000c000480000000", (v) => v.channelNumber()],
    ["0012000800030000" + "00000000", (v) => v.xorPeer()],
    ["0012000800020000" + "00000000", (v) => v.xorPeer()],
    ["00120000", (v) => v.xorPeer()],
    ["0017000403000000", (v) => v.requestedFamily()],
    ["8000000102000000", (v) => v.additionalFamily()],
    ["0009000400000700", (v) => v.errorCode()],
    ["0009000400000464", (v) => v.errorCode()],
    ["0009000100000000", (v) => v.errorCode()],
    ["802a000400000000", (v) => v.iceControlling()],
    ["8029000c00000000" + "0000000000000000", (v) => v.iceControlled()],
    ["0019000111000000", (v) => v.requestedTransport()],
  ];
  for (const [attribute, getter] of cases) {
    const view = viewOf(messageOf(0x0001, bytesOf(attribute)));
    assert.equal(getter(view), undefined, attribute);
  }
});

Deno.test("StunView reads a message in the middle of other bytes", () => {
  const message = encoded([
    { kind: "username", text: "a:b" },
    { kind: "xor-mapped-address", address: addressOf("[2001:db8::1]:4000") },
  ]);
  const padded = concatBytes(
    new Uint8Array(7).fill(9),
    message,
    new Uint8Array(5),
  );
  const view = new StunView();

  assert.equal(view.attach(padded, 7, 7 + message.length), true);
  assert.equal(view.username(), "a:b");
  assert.deepEqual(view.xorMapped(), parseSocketAddress("[2001:db8::1]:4000"));
});

Deno.test("a user name is read and compared byte by byte, also beyond ASCII", () => {
  const texts = fc.oneof(fc.string(), fc.string().map((text) => `${text}é`));
  fc.assert(
    fc.property(texts, fc.nat(), (text, bit) => {
      const name = utf8(text);
      const view = viewOf(encodeStun({
        class: "request",
        method: 1,
        transactionId: new Uint8Array(12),
        attributes: [{ kind: "username", text }],
      }));

      assert.equal(view.username(), text);
      assert.equal(view.usernameIs(name), true);
      assert.equal(view.usernameIs(concatBytes(name, utf8("x"))), false);
      if (name.length === 0) return;
      assert.equal(view.usernameIs(name.subarray(1)), false);
      name[Math.floor(bit / 8) % name.length]! ^= 1 << (bit % 8);
      assert.equal(view.usernameIs(name), false);
    }),
  );
});

Deno.test("what encodeStun writes, StunView reads back", () => {
  fc.assert(fc.property(messages(), (message) => {
    const view = viewOf(encodeStun(message));

    assert.equal(view.class, message.class);
    assert.equal(view.method, message.method);
    assert.ok(equalBytes(view.transactionId(), message.transactionId));
    for (const attribute of message.attributes) {
      assert.deepEqual(read(view, attribute.kind), withoutReason(attribute));
    }
  }));
});

function viewOf(bytes: Uint8Array): StunView {
  const view = new StunView();
  assert.ok(view.attach(bytes, 0, bytes.length), `${view.refusal}`);
  return view;
}

function encoded(attributes: readonly StunAttribute[]): Uint8Array {
  const transactionId = bytesOf(ID);
  return encodeStun({ class: "request", method: 1, transactionId, attributes });
}

/** Builds a message from raw attributes. */
function messageOf(
  type: number,
  ...attributes: readonly Uint8Array[]
): Uint8Array {
  const body = concatBytes(...attributes);
  const message = concatBytes(bytesOf(`00000000${COOKIE}${ID}`), body);
  writeU16(message, 0, type);
  writeU16(message, 2, body.length);
  return message;
}

/** Reads one attribute back as the value that the encoder took. */
function read(view: StunView, kind: StunAttribute["kind"]): unknown {
  const text = (value: string | undefined) => ({ kind, text: value });
  const address = (value: SocketAddress | undefined) => ({
    kind,
    address: value,
  });
  switch (kind) {
    case "username":
      return text(view.username());
    case "realm":
      return text(view.realm());
    case "nonce":
      return text(view.nonce());
    case "software":
      return text(view.software());
    case "xor-mapped-address":
      return address(view.xorMapped());
    case "xor-peer-address":
      return address(view.xorPeer());
    case "xor-relayed-address":
      return address(view.xorRelayed()[0]);
    case "requested-address-family":
      return { kind, family: view.requestedFamily() };
    case "additional-address-family":
      return { kind, family: view.additionalFamily() };
    case "error-code":
      return { kind, code: view.errorCode() };
    case "channel-number":
      return { kind, channel: view.channelNumber() };
    case "lifetime":
      return { kind, seconds: view.lifetime() };
    case "priority":
      return { kind, priority: view.priority() };
    case "requested-transport":
      return { kind, protocol: view.requestedTransport() };
    case "ice-controlled":
      return { kind, tieBreaker: view.iceControlled() };
    case "ice-controlling":
      return { kind, tieBreaker: view.iceControlling() };
    case "use-candidate":
      return view.useCandidate ? { kind } : undefined;
  }
}

function withoutReason(attribute: StunAttribute): unknown {
  if (attribute.kind !== "error-code") return attribute;
  return { kind: attribute.kind, code: attribute.code };
}

/** Returns `bytes` with zeros where a message of the layout of `like` has padding. */
function zeroPadding(bytes: Uint8Array, like = bytes): Uint8Array {
  const copy = bytes.slice();
  let at = 20;
  while (at < like.length) {
    const length = like[at + 2]! * 256 + like[at + 3]!;
    const end = at + 4 + length;
    at = end + (4 - length % 4) % 4;
    copy.fill(0, end, at);
  }
  return copy;
}

function messages(): fc.Arbitrary<StunMessage> {
  return plain({
    class: fc.constantFrom("request", "indication", "success", "error"),
    method: fc.integer({ min: 0, max: 0xfff }),
    transactionId: fc.uint8Array({ minLength: 12, maxLength: 12 }),
    attributes: fc.uniqueArray(attributes(), { selector: ({ kind }) => kind }),
  });
}

function attributes(): fc.Arbitrary<StunAttribute> {
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  const tieBreaker = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
  const text = fc.string({ unit: "grapheme", maxLength: 40 });
  const family = fc.constantFrom<4 | 6>(4, 6);
  const kindOf = <T extends string>(...kinds: T[]) => fc.constantFrom(...kinds);
  return fc.oneof(
    plain({ kind: kindOf("username", "realm", "nonce", "software"), text }),
    plain({
      kind: kindOf(
        "xor-mapped-address",
        "xor-peer-address",
        "xor-relayed-address",
      ),
      address: addresses(),
    }),
    plain({
      kind: kindOf("requested-address-family", "additional-address-family"),
      family,
    }),
    plain({
      kind: kindOf("ice-controlled", "ice-controlling"),
      tieBreaker,
    }),
    plain({
      kind: kindOf("error-code"),
      code: fc.integer({ min: 300, max: 699 }),
      reason: text,
    }),
    plain({
      kind: kindOf("channel-number"),
      channel: fc.integer({ min: 0x4000, max: 0x7fff }),
    }),
    plain({ kind: kindOf("lifetime"), seconds: u32 }),
    plain({ kind: kindOf("priority"), priority: u32 }),
    plain({
      kind: kindOf("requested-transport"),
      protocol: fc.integer({ min: 0, max: 255 }),
    }),
    plain({ kind: kindOf("use-candidate") }),
  );
}

function addresses(): fc.Arbitrary<SocketAddress> {
  const port = fc.integer({ min: 0, max: 0xffff });
  const ip = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => ({
      family: 4 as const,
      bytes,
    })),
    fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => ({
      family: 6 as const,
      bytes,
    })),
  );
  return plain({ ip, port });
}

/** `fc.record` with the prototype that object literals have. */
function plain<T>(
  model: { [K in keyof T]: fc.Arbitrary<T[K]> },
): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}
