import { type Cidr, utf8 } from "../base/mod.ts";
import {
  type NetlinkAttribute,
  NLA_F_NESTED,
  u32,
  u32BigEndian,
} from "./netlink_message.ts";

/** The register that a value passes from one expression to the next, and the one of verdicts, `nf_tables.h`. */
const NFT_REG_1 = 1;
const NFT_REG_VERDICT = 0;

const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_IMMEDIATE_DREG = 1;
const NFTA_IMMEDIATE_DATA = 2;
const NFTA_META_DREG = 1;
const NFTA_META_KEY = 2;
const NFTA_CMP_SREG = 1;
const NFTA_CMP_OP = 2;
const NFTA_CMP_DATA = 3;
const NFTA_PAYLOAD_DREG = 1;
const NFTA_PAYLOAD_BASE = 2;
const NFTA_PAYLOAD_OFFSET = 3;
const NFTA_PAYLOAD_LEN = 4;
const NFTA_BITWISE_SREG = 1;
const NFTA_BITWISE_DREG = 2;
const NFTA_BITWISE_LEN = 3;
const NFTA_BITWISE_MASK = 4;
const NFTA_BITWISE_XOR = 5;

const NFTA_META_SREG = 3;
const NFTA_CT_DREG = 1;
const NFTA_CT_KEY = 2;
const NFTA_CT_SREG = 4;

const META_KEYS = { mark: 3, iifname: 6, oifname: 7, nfproto: 15 } as const;
const NFT_CT_MARK = 3;
const COMPARISONS = { is: 0, "is-not": 1 } as const;
const NFT_PAYLOAD_NETWORK_HEADER = 1;

/** Names of interfaces are compared with all zeros behind them. */
const INTERFACE_NAME_BYTES = 16;

/** Where a source address is in its header, RFC 791 §3.1 and RFC 8200 §3. */
const SOURCE_OFFSET = { 4: 12, 6: 8 } as const;
const NFPROTO = { 4: 2, 6: 10 } as const;

/** What a verdict is in a message: packets as they are, rules as negative numbers. */
const VERDICTS = { accept: 1, return: -5 } as const;

/** One step of a rule: its name in the kernel and what it is told. */
export interface NftExpression {
  /** Name, such as `cmp`. */
  readonly name: string;
  /** Attributes of the kind. */
  readonly attributes: readonly NetlinkAttribute[];
}

/** Matches packets that came in by an interface, or leave by one, or do not. */
export function matchInterface(
  direction: "iifname" | "oifname",
  comparison: keyof typeof COMPARISONS,
  name: string,
): NftExpression[] {
  const padded = new Uint8Array(INTERFACE_NAME_BYTES);
  padded.set(utf8(name));
  return [loadMeta(direction), compare(comparison, padded)];
}

/** Matches packets whose source is in a network, in a table of both families. */
export function matchSource({ ip, prefixLength }: Cidr): NftExpression[] {
  const { length } = ip.bytes;
  const mask = maskOf(prefixLength, length);
  return [
    loadMeta("nfproto"),
    compare("is", Uint8Array.of(NFPROTO[ip.family])),
    {
      name: "payload",
      attributes: [
        { type: NFTA_PAYLOAD_DREG, value: u32BigEndian(NFT_REG_1) },
        {
          type: NFTA_PAYLOAD_BASE,
          value: u32BigEndian(NFT_PAYLOAD_NETWORK_HEADER),
        },
        {
          type: NFTA_PAYLOAD_OFFSET,
          value: u32BigEndian(SOURCE_OFFSET[ip.family]),
        },
        { type: NFTA_PAYLOAD_LEN, value: u32BigEndian(length) },
      ],
    },
    {
      name: "bitwise",
      attributes: [
        { type: NFTA_BITWISE_SREG, value: u32BigEndian(NFT_REG_1) },
        { type: NFTA_BITWISE_DREG, value: u32BigEndian(NFT_REG_1) },
        { type: NFTA_BITWISE_LEN, value: u32BigEndian(length) },
        dataOf(NFTA_BITWISE_MASK, mask),
        dataOf(NFTA_BITWISE_XOR, new Uint8Array(length)),
      ],
    },
    compare("is", ip.bytes.map((byte, i) => byte & mask[i]!)),
  ];
}

/** Matches packets of connections that carry a mark. */
export function matchConnectionMark(mark: number): NftExpression[] {
  return [
    {
      name: "ct",
      attributes: [
        { type: NFTA_CT_KEY, value: u32BigEndian(NFT_CT_MARK) },
        { type: NFTA_CT_DREG, value: u32BigEndian(NFT_REG_1) },
      ],
    },
    compare("is", u32(mark)),
  ];
}

/** Marks the connection of a packet. */
export function markConnection(mark: number): NftExpression[] {
  return [
    loadNumber(mark),
    {
      name: "ct",
      attributes: [
        { type: NFTA_CT_KEY, value: u32BigEndian(NFT_CT_MARK) },
        { type: NFTA_CT_SREG, value: u32BigEndian(NFT_REG_1) },
      ],
    },
  ];
}

/** Marks a packet. */
export function markPacket(mark: number): NftExpression[] {
  return [
    loadNumber(mark),
    {
      name: "meta",
      attributes: [
        { type: NFTA_META_KEY, value: u32BigEndian(META_KEYS.mark) },
        { type: NFTA_META_SREG, value: u32BigEndian(NFT_REG_1) },
      ],
    },
  ];
}

/** Gives a packet the address of the interface it leaves by as its source. */
export function masquerade(): NftExpression {
  return { name: "masq", attributes: [] };
}

/** Ends a chain: the packet passes this table, or goes on behind the jump. */
export function verdict(kind: keyof typeof VERDICTS): NftExpression {
  return {
    name: "immediate",
    attributes: [
      { type: NFTA_IMMEDIATE_DREG, value: u32BigEndian(NFT_REG_VERDICT) },
      {
        type: NFTA_IMMEDIATE_DATA | NLA_F_NESTED,
        value: [{
          type: NFTA_DATA_VERDICT | NLA_F_NESTED,
          value: [{
            type: NFTA_VERDICT_CODE,
            value: u32BigEndian(VERDICTS[kind]),
          }],
        }],
      },
    ],
  };
}

/** Marks are numbers in the order of this host's bytes. */
function loadNumber(value: number): NftExpression {
  return {
    name: "immediate",
    attributes: [
      { type: NFTA_IMMEDIATE_DREG, value: u32BigEndian(NFT_REG_1) },
      dataOf(NFTA_IMMEDIATE_DATA, u32(value)),
    ],
  };
}

function loadMeta(key: keyof typeof META_KEYS): NftExpression {
  return {
    name: "meta",
    attributes: [
      { type: NFTA_META_KEY, value: u32BigEndian(META_KEYS[key]) },
      { type: NFTA_META_DREG, value: u32BigEndian(NFT_REG_1) },
    ],
  };
}

function compare(
  comparison: keyof typeof COMPARISONS,
  bytes: Uint8Array,
): NftExpression {
  return {
    name: "cmp",
    attributes: [
      { type: NFTA_CMP_SREG, value: u32BigEndian(NFT_REG_1) },
      { type: NFTA_CMP_OP, value: u32BigEndian(COMPARISONS[comparison]) },
      dataOf(NFTA_CMP_DATA, bytes),
    ],
  };
}

function dataOf(type: number, bytes: Uint8Array): NetlinkAttribute {
  return {
    type: type | NLA_F_NESTED,
    value: [{ type: NFTA_DATA_VALUE, value: bytes }],
  };
}

function maskOf(prefixLength: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => {
    const bits = Math.min(8, Math.max(0, prefixLength - i * 8));
    return 0xff & (0xff << (8 - bits));
  });
}
