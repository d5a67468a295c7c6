import assert from "node:assert/strict";
import {
  ChannelDataView,
  encodeStun,
  peerFormat,
  relayFormat,
  STUN_METHOD,
  type StunAttribute,
  type StunClass,
  StunView,
} from "../../lib/wire/mod.ts";

const USERNAME: StunAttribute = { kind: "username", text: "jbi4:resc" };
const PRIORITY: StunAttribute = { kind: "priority", priority: 7 };
const MAPPED: StunAttribute = {
  kind: "xor-mapped-address",
  address: { ip: { family: 4, bytes: new Uint8Array(4) }, port: 9 },
};

Deno.test("a complete check and its answer are recognised", () => {
  assert.equal(formatOf(check([USERNAME, PRIORITY])), "check-request");
  assert.equal(formatOf(check([MAPPED], "success")), "check-response");
});

Deno.test("a check that lacks what it must carry is no STUN message", () => {
  const noColon: StunAttribute = { kind: "username", text: "jbi4" };
  const noRight: StunAttribute = { kind: "username", text: "jbi4:" };

  assert.equal(formatOf(check([PRIORITY])), "unknown");
  assert.equal(formatOf(check([USERNAME])), "unknown");
  assert.equal(formatOf(check([noColon, PRIORITY])), "unknown");
  assert.equal(formatOf(check([noRight, PRIORITY])), "unknown");
  assert.equal(formatOf(stun([USERNAME, PRIORITY])), "unknown");
  assert.equal(formatOf(check([], "success")), "unknown");
});

Deno.test("[p2p 46] indications and errors are STUN, but nothing more", () => {
  assert.equal(formatOf(stun([], "indication")), "ignored-stun");
  assert.equal(formatOf(stun([], "error")), "ignored-stun");
});

Deno.test("[p2p 131] a message of WireGuard is known by type, reserved bytes and exact length", () => {
  const message = (type: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    bytes[0] = type;
    return bytes;
  };

  assert.equal(formatOf(message(1, 148)), "wireguard");
  assert.equal(formatOf(message(2, 92)), "wireguard");
  assert.equal(formatOf(message(3, 64)), "wireguard");
  assert.equal(formatOf(message(4, 32)), "wireguard");
  assert.equal(formatOf(message(1, 147)), "unknown");
  assert.equal(formatOf(message(2, 93)), "unknown");
  assert.equal(formatOf(message(4, 31)), "unknown");
  const reserved = message(1, 148);
  reserved[1] = 1;
  assert.equal(formatOf(reserved), "unknown");
});

Deno.test("[p2p 131] an initiation of WireGuard whose bytes resemble a STUN header is still one", () => {
  const initiation = new Uint8Array(148);
  initiation[0] = 1;
  initiation.set([0x21, 0x12, 0xa4, 0x42], 4);
  initiation[3] = 0;
  initiation[2] = 0;

  assert.equal(formatOf(initiation), "wireguard");
});

Deno.test("[p2p 131] a STUN message with another method is not the agent's", () => {
  const allocate = encodeStun({
    class: "request",
    method: STUN_METHOD.allocate,
    transactionId: new Uint8Array(12),
    attributes: [],
  });

  assert.equal(formatOf(allocate), "unknown");
  assert.equal(relayFormatOf(allocate), "stun");
});

Deno.test("ChannelData from a relay must fill the datagram exactly", () => {
  assert.equal(
    relayFormatOf(Uint8Array.of(0x40, 0, 0, 2, 1, 2)),
    "channel-data",
  );
  assert.equal(relayFormatOf(Uint8Array.of(0x40, 0, 0, 2, 1, 2, 0)), "none");
  assert.equal(relayFormatOf(Uint8Array.of(0x40, 0, 0, 2, 1)), "none");
  assert.equal(relayFormatOf(Uint8Array.of(0x50, 0, 0, 1, 1)), "none");
});

Deno.test("nothing is recognised in an empty datagram", () => {
  assert.equal(formatOf(new Uint8Array(0)), "unknown");
  assert.equal(relayFormatOf(new Uint8Array(0)), "none");
});

function formatOf(bytes: Uint8Array): string {
  return peerFormat(bytes, 0, bytes.length, new StunView());
}

function relayFormatOf(bytes: Uint8Array): string {
  const channelData = new ChannelDataView();
  return relayFormat(bytes, 0, bytes.length, new StunView(), channelData);
}

function stun(
  attributes: StunAttribute[],
  kind: StunClass = "request",
): Uint8Array {
  return encodeStun({
    class: kind,
    method: STUN_METHOD.binding,
    transactionId: new Uint8Array(12),
    attributes,
  });
}

/** A message with room for MESSAGE-INTEGRITY, whose value is not looked at here. */
function check(
  attributes: StunAttribute[],
  kind: StunClass = "request",
): Uint8Array {
  const message = stun(attributes, kind);
  const integrity = [0x00, 0x08, 0x00, 20, ...new Uint8Array(20)];
  const sealed = Uint8Array.of(...message, ...integrity);
  sealed[3] = sealed.length - 20;
  return sealed;
}
