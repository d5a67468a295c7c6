import type { StunAttribute } from "../../lib/wire/mod.ts";
import { addressOf } from "../support/datagram.ts";
import type { Choices } from "./choices.ts";

/** One attribute of each kind, as they are in genuine messages. */
export const ATTRIBUTES: readonly StunAttribute[] = [
  { kind: "username", text: "abcd:efgh" },
  { kind: "realm", text: "firezone" },
  { kind: "nonce", text: "00000000-0000-4000-8000-000000000001" },
  { kind: "error-code", code: 438, reason: "Stale Nonce" },
  { kind: "xor-mapped-address", address: addressOf("203.0.113.7:40001") },
  { kind: "xor-peer-address", address: addressOf("[2001:db8::7]:1") },
  { kind: "xor-relayed-address", address: addressOf("198.51.100.9:51234") },
  { kind: "xor-relayed-address", address: addressOf("[2001:db8::9]:51234") },
  { kind: "lifetime", seconds: 600 },
  { kind: "priority", priority: 0x7eff_ffff },
  { kind: "channel-number", channel: 0x4001 },
  { kind: "requested-transport", protocol: 17 },
  { kind: "requested-address-family", family: 6 },
  { kind: "additional-address-family", family: 6 },
  { kind: "use-candidate" },
  { kind: "ice-controlling", tieBreaker: 0x0102_0304_0506_0708n },
  { kind: "ice-controlled", tieBreaker: 0xffff_ffff_ffff_ffffn },
  { kind: "software", text: "fuzz" },
];

const STRANGE: readonly StunAttribute[] = [
  { kind: "lifetime", seconds: 0 },
  { kind: "lifetime", seconds: 0xffff_ffff },
  { kind: "xor-mapped-address", address: addressOf("0.0.0.0:0") },
  { kind: "xor-relayed-address", address: addressOf("127.0.0.1:3478") },
  { kind: "xor-peer-address", address: addressOf("[::1]:65535") },
  { kind: "channel-number", channel: 0x4fff },
  { kind: "channel-number", channel: 0x5000 },
  { kind: "requested-transport", protocol: 6 },
  { kind: "nonce", text: "" },
  { kind: "nonce", text: "n".repeat(700) },
  { kind: "realm", text: "\ufeff" },
];

/** Up to eight attributes in any order, some twice. */
export function anyAttributes(choices: Choices): StunAttribute[] {
  const all = [...ATTRIBUTES, ...STRANGE];
  return Array.from({ length: choices.below(9) }, () => choices.pick(all));
}
