/**
 * What does it cost to find out what arrived: an IP packet, a STUN message, a datagram of either kind?
 *
 * The baseline only reads the words of a header.
 *
 *     deno bench --allow-read tests/bench/parse_bench.ts
 */
import assert from "node:assert/strict";
import {
  ChannelDataView,
  encodeStun,
  IpPacketView,
  peerFormat,
  relayFormat,
  STUN_METHOD,
  StunView,
} from "../../lib/wire/mod.ts";
import { readU16, readU32, writeU16 } from "../../lib/base/mod.ts";
import { tcpPacket } from "../support/ip_packet.ts";

const DATA_MESSAGE = 4;

const stun = new StunView();
const channelData = new ChannelDataView();
const ip = new IpPacketView();

for (
  const [name, source, destination] of [
    ["IPv4", "100.64.0.1", "10.0.0.5"],
    ["IPv6", "fd00:2021:1111::1", "2001:db8::5"],
  ] as const
) {
  const packet = tcpPacket({
    ...{ source, destination, sourcePort: 5_401, destinationPort: 443 },
    ...{ payload: new Uint8Array(1_200), flags: 0x10 },
  });
  assert.equal(ip.attach(packet, 0, packet.length), "ok");
  const group = `${name} packet`;
  baseline(group, packet);
  Deno.bench(`attach to an ${name} packet`, { group }, () => {
    ip.attach(packet, 0, packet.length);
  });
}

const check = encodeStun({
  class: "success",
  method: STUN_METHOD.binding,
  transactionId: new Uint8Array(12),
  attributes: [{
    kind: "xor-mapped-address",
    address: { ip: { family: 4, bytes: new Uint8Array(4) }, port: 9 },
  }],
});
const data = new Uint8Array(1_312);
data[0] = DATA_MESSAGE;
const relayed = new Uint8Array(4 + data.length);
writeU16(relayed, 0, 0x4000);
writeU16(relayed, 2, data.length);
relayed.set(data, 4);

assert(stun.attach(check, 0, check.length));
baseline("STUN message", check);
Deno.bench("attach to a STUN message", { group: "STUN message" }, () => {
  stun.attach(check, 0, check.length);
});

assert.equal(formatOfPeer(data), "wireguard");
assert.equal(formatOfRelay(relayed), "channel-data");
assert.equal(formatOfRelay(check), "stun");
baseline("datagram", data);
Deno.bench("data of a peer", { group: "datagram" }, () => {
  formatOfPeer(data);
});
Deno.bench("data through a relay", { group: "datagram" }, () => {
  formatOfRelay(relayed);
});
Deno.bench("an answer of a relay", { group: "datagram" }, () => {
  formatOfRelay(check);
});

function baseline(group: string, bytes: Uint8Array): void {
  const sum = new Uint32Array(1);
  Deno.bench(`read the header's words: ${group}`, {
    group,
    baseline: true,
  }, () => {
    for (let at = 0; at < 20; at += 4) sum[0]! ^= readU32(bytes, at);
    sum[0]! ^= readU16(bytes, 0);
  });
}

function formatOfPeer(bytes: Uint8Array): string {
  return peerFormat(bytes, 0, bytes.length, stun);
}

function formatOfRelay(bytes: Uint8Array): string {
  return relayFormat(bytes, 0, bytes.length, stun, channelData);
}
