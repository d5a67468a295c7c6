import { readFileSync } from "node:fs";
import { fromHex, parseSocketAddress } from "../../lib/base/mod.ts";
import type { StunAttribute } from "../../lib/wire/mod.ts";

/** One attribute as `tests/vectors` describe it. */
export interface AttributeVector {
  readonly type: number;
  readonly name: string;
  readonly value: string;
  readonly text?: string;
  readonly number?: number;
  readonly number_hex?: string;
  readonly address?: string;
  readonly code?: number;
  readonly protocol?: number;
  readonly family?: "ipv4" | "ipv6";
}

/** One STUN message as `tests/vectors` describe it. */
export interface StunVector {
  readonly name?: string;
  readonly kind: "stun" | "channel_data" | "other";
  readonly packet: string;
  readonly cls: "request" | "indication" | "success" | "error";
  readonly method: string;
  readonly transaction_id: string;
  readonly attributes: readonly AttributeVector[];
  readonly integrity_key: string | null;
  readonly credentials?: {
    readonly kind: "short_term" | "long_term";
    readonly username: string;
    readonly realm: string;
    readonly password: string;
    readonly key_md5: string;
  };
}

/** Reads the STUN messages of a file in `tests/vectors`. */
export function stunVectors(file: string): StunVector[] {
  const url = new URL(`../vectors/${file}`, import.meta.url);
  const content = JSON.parse(readFileSync(url, "utf8")) as {
    readonly cases?: readonly StunVector[];
    readonly messages?: readonly StunVector[];
  };
  const all = content.cases ?? content.messages ?? [];
  return all.filter(({ kind }) => kind === "stun");
}

/** Returns the bytes of a hexadecimal text that the test wrote down. */
export function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (!bytes) throw new Error(`Not hexadecimal: ${hex}`);
  return bytes;
}

/** Translates a described attribute, or returns `undefined` if the encoder does not know it. */
export function attributeOf(
  vector: AttributeVector,
): StunAttribute | undefined {
  const { number = 0, text = "" } = vector;
  switch (vector.name) {
    case "USERNAME":
    case "REALM":
    case "NONCE":
    case "SOFTWARE":
      return { kind: vector.name.toLowerCase() as "username", text };
    case "XOR-MAPPED-ADDRESS":
    case "XOR-PEER-ADDRESS":
    case "XOR-RELAYED-ADDRESS": {
      const address = parseSocketAddress(vector.address ?? "");
      if (!address) throw new Error(`Not an address: ${vector.address}`);
      const kind = vector.name.toLowerCase() as "xor-mapped-address";
      return { kind, address };
    }
    case "PRIORITY":
      return { kind: "priority", priority: number };
    case "LIFETIME":
      return { kind: "lifetime", seconds: number };
    case "REQUESTED-TRANSPORT":
      return { kind: "requested-transport", protocol: vector.protocol ?? 0 };
    case "REQUESTED-ADDRESS-FAMILY": {
      const family = vector.family === "ipv4" ? 4 : 6;
      return { kind: "requested-address-family", family };
    }
    case "ERROR-CODE":
      return { kind: "error-code", code: vector.code ?? 0, reason: text };
    case "ICE-CONTROLLED": {
      const tieBreaker = BigInt(`0x${vector.number_hex}`);
      return { kind: "ice-controlled", tieBreaker };
    }
    default:
      return undefined;
  }
}
