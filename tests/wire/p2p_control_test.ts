import assert from "node:assert/strict";
import { toHex, utf8 } from "../../lib/base/mod.ts";
import {
  encodeGoodbye,
  encodeP2pControl,
  IpPacketView,
  isP2pControl,
  P2P_ASSIGNED_IPS,
  P2P_DOMAIN_STATUS,
  P2P_GOODBYE,
  p2pControlEvent,
  p2pControlPayloadAt,
} from "../../lib/wire/mod.ts";
import { ipPacket } from "../support/ip_packet.ts";

const GOODBYE = "600000000008ff00" + "0".repeat(64) + "0200000000000000";
const UNSPECIFIED = { source: "::", destination: "::" };

Deno.test("[dp 84] a goodbye is encoded as in data-plane spec §21", () => {
  assert.equal(toHex(encodeGoodbye()), GOODBYE);
});

Deno.test("[dp 84] a domain status is encoded as in data-plane spec §21", () => {
  const json = '{"resource":"00000000-0000-0000-0000-000000000065",' +
    '"domain":"example.com","status":"Active"}';

  const packet = encodeP2pControl(1, utf8(json));

  assert.equal(packet.length, 140);
  assert.equal(
    toHex(packet),
    "600000000064ff00" + "0".repeat(64) + "0100000000000000" +
      toHex(utf8(json)),
  );
});

Deno.test("the event codes are those of data-plane spec §9.1", () => {
  assert.equal(P2P_ASSIGNED_IPS, 0);
  assert.equal(P2P_DOMAIN_STATUS, 1);
  assert.equal(P2P_GOODBYE, 2);
});

Deno.test("what was encoded is recognised, with its event and payload", () => {
  for (const event of [0, 1, 2, 77, 255]) {
    const view = attached(encodeP2pControl(event, utf8("{}")));

    assert.ok(isP2pControl(view));
    assert.equal(p2pControlEvent(view), event);
    assert.equal(p2pControlPayloadAt(view), 48);
    assert.equal(view.end, 50);
  }
});

Deno.test("reserved bytes and extension headers do not hide an event", () => {
  const reserved = ipPacket(
    UNSPECIFIED,
    255,
    Uint8Array.from([2, 1, 2, 3, 4, 5, 6, 7]),
  );
  const extended = ipPacket(
    UNSPECIFIED,
    60,
    Uint8Array.from([255, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]),
  );

  for (const packet of [reserved, extended]) {
    const view = attached(packet);

    assert.ok(isP2pControl(view));
    assert.equal(p2pControlEvent(view), 2);
  }
});

Deno.test("another protocol, another address or a short payload is no event", () => {
  const payload = new Uint8Array(8);
  const others = [
    ipPacket(UNSPECIFIED, 253, Uint8Array.from([59, 0, 0, 0, 0, 0, 0, 0])),
    ipPacket({ ...UNSPECIFIED, source: "::1" }, 255, payload),
    ipPacket({ ...UNSPECIFIED, destination: "8000::" }, 255, payload),
    ipPacket({ source: "0.0.0.0", destination: "0.0.0.0" }, 255, payload),
    ipPacket(UNSPECIFIED, 255, new Uint8Array(7)),
  ];

  for (const packet of others) assert.ok(!isP2pControl(attached(packet)));
});

function attached(packet: Uint8Array): IpPacketView {
  const view = new IpPacketView();
  assert.equal(view.attach(packet, 0, packet.length), "ok");
  return view;
}
