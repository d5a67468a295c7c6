import assert from "node:assert/strict";
import { fromHex } from "../../lib/base/mod.ts";
import { installTable } from "../../lib/io/gateway_table.ts";
import { encodeNetlink } from "../../lib/io/netlink_message.ts";
import {
  markConnection,
  markPacket,
  matchConnectionMark,
  type NftExpression,
} from "../../lib/io/nft_expressions.ts";
import {
  addArrivalChain,
  addOwnPacketsChain,
  appendRule,
} from "../../lib/io/nft_messages.ts";

const CHAIN = { family: "inet", table: "t", chain: "c" } as const;
const MARK = 0x20221234;

// What nft 1.0.6 sends for the same on a little-endian host: seen by strace.
const MARK_CONNECTION = [
  "2c0001800e000100696d6d656469617465000000180002800800010000000001",
  "0c00028008000100341222202000018007000100637400001400028008000200",
  "000000030800040000000001",
];
const MATCH_CONNECTION = [
  "2000018007000100637400001400028008000200000000030800010000000001",
  "2c00018008000100636d70002000028008000100000000010800020000000000",
  "0c0003800800010034122220",
];
const MARK_PACKET = [
  "2c0001800e000100696d6d656469617465000000180002800800010000000001",
  "0c000280080001003412222024000180090001006d6574610000000014000280",
  "08000200000000030800030000000001",
];
/** Type, policy, hook and priority. */
const ARRIVAL = [
  "0b00070066696c74657200000800050000000001",
  "14000480080001000000000008000200ffffff6a",
];
const OWN_PACKETS = [
  "0a000700726f75746500000008000500000000011400048008000100000000030800",
  "0200ffffff6a",
];

Deno.test("connections and packets are marked, and marks matched, as nft does it", () => {
  assert.deepEqual(expressionsOf(markConnection(MARK)), hex(MARK_CONNECTION));
  assert.deepEqual(
    expressionsOf(matchConnectionMark(MARK)),
    hex(MATCH_CONNECTION),
  );
  assert.deepEqual(expressionsOf(markPacket(MARK)), hex(MARK_PACKET));
});

Deno.test("chains that mark are added as nft does it", () => {
  const arrival = encodeNetlink(addArrivalChain(CHAIN), 1);
  const own = encodeNetlink(addOwnPacketsChain(CHAIN), 1);

  assert.deepEqual(arrival.slice(-hex(ARRIVAL).length), hex(ARRIVAL));
  assert.deepEqual(own.slice(-hex(OWN_PACKETS).length), hex(OWN_PACKETS));
});

Deno.test("only a gateway with an interface name of its own marks what it answers", () => {
  const requests = (name: string) =>
    installTable(name, "inet", true, []).length;

  // Two chains and three rules.
  assert.equal(requests("fz1") - requests("tun-firezone"), 5);
});

/** The expressions of a rule, as they stand in its message. */
function expressionsOf(expressions: readonly NftExpression[]): Uint8Array {
  const empty = encodeNetlink(appendRule(CHAIN, { expressions: [] }), 1);
  const whole = encodeNetlink(appendRule(CHAIN, { expressions }), 1);
  return whole.slice(empty.length);
}

function hex(parts: readonly string[]): Uint8Array {
  return fromHex(parts.join("")) ?? assert.fail("Not hexadecimal");
}
