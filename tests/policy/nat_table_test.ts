import assert from "node:assert/strict";
import {
  fromHex,
  instant,
  type IpAddress,
  parseIp,
  toHex,
} from "../../lib/base/mod.ts";
import { NatTable } from "../../lib/policy/mod.ts";
import { IcmpErrorView, IpPacketView } from "../../lib/wire/mod.ts";

const SYN_FROM_CLIENT = "45000028000000004006b22e64400001" +
  "64600001c3500050000000010000000050020080231f0000";
const SYN_TO_TUN = "450000280000000040060c8f64400001" +
  "0a000001c35100500000000100000000500200807d7e0000";
const ERROR_FROM_TUN = "45000038000000001401" + "8083" + "c000020164400001" +
  "0301395c00000000450000280000000040060c8f644000010a000001c351005000000001";
const ERROR_TO_CLIENT = "45000038000000001401de236460000164400001" +
  "0301defc00000000450000280000000040060c8f6440000164600001c350005000000001";

Deno.test("[dp 92] the vectors of data-plane spec §21 come out byte for byte", () => {
  const table = new NatTable(1);
  const other = bytesOf(SYN_FROM_CLIENT);
  other[19] = 2;
  assert.equal(send(table, other), "translated");

  const syn = bytesOf(SYN_FROM_CLIENT);
  assert.equal(send(table, syn), "translated");
  assert.equal(toHex(syn), SYN_TO_TUN);

  const packet = attached(bytesOf(ERROR_FROM_TUN));
  const quoted = new IcmpErrorView();
  assert.equal(quoted.attach(packet), "error");
  const target = new Uint8Array(1_300);
  assert.equal(
    table.translateIcmpError(packet, quoted, target, 7, instant(0)),
    "translated",
  );
  assert.equal(
    toHex(target.slice(7, 7 + table.errorLength)),
    ERROR_TO_CLIENT,
  );
});

function send(table: NatTable, packet: Uint8Array): string {
  return table.translateOutbound(
    attached(packet),
    address("10.0.0.1"),
    instant(0),
  );
}

function attached(bytes: Uint8Array): IpPacketView {
  const view = new IpPacketView();
  assert.equal(view.attach(bytes, 0, bytes.length), "ok");
  return view;
}

function address(text: string): IpAddress {
  const ip = parseIp(text);
  assert.ok(ip);
  return ip;
}

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  assert.ok(bytes);
  return bytes;
}
