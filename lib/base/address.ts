import { equalBytes, readU16, writeU16 } from "./bytes.ts";

/** IP version. */
export type IpFamily = 4 | 6;

/** An IP address. A plain value, so that it survives a structured clone. */
export interface IpAddress {
  /** 4 or 6. */
  readonly family: IpFamily;
  /** 4 or 16 bytes in network order. Never written to. */
  readonly bytes: Uint8Array;
}

/** An IP address and a UDP or TCP port. */
export interface SocketAddress {
  /** The host. */
  readonly ip: IpAddress;
  /** Port, 0 to 65535. */
  readonly port: number;
}

/** An IP network: the addresses that share the first `prefixLength` bits with `ip`. */
export interface Cidr {
  /** The network address; the bits behind the prefix are zero. */
  readonly ip: IpAddress;
  /** 0 to 32 or 0 to 128. */
  readonly prefixLength: number;
}

/** Names 4 or 16 bytes in network order as an address. Does not copy. */
export function ipFromBytes(bytes: Uint8Array): IpAddress {
  return { family: bytes.length === 4 ? 4 : 6, bytes };
}

/** Reads an address in text form without zone or brackets, or returns `undefined`. */
export function parseIp(text: string): IpAddress | undefined {
  const bytes = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  return bytes && ipFromBytes(bytes);
}

/** Reads `a.b.c.d:port` or `[v6]:port`, or returns `undefined`. */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const ip = match[1] === undefined
    ? parseIp(match[2] ?? "")
    : parseIp(match[1]);
  const port = Number(match[3]);
  if (!ip || port > 0xffff || (match[1] !== undefined) !== (ip.family === 6)) {
    return undefined;
  }
  return { ip, port };
}

/** Reads `address/prefix` (or a bare address as a network of one), or returns `undefined`. Bits behind the prefix are cleared. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text);
  const ip = match?.[1] === undefined ? undefined : parseIp(match[1]);
  if (!match || !ip) return undefined;
  const width = ip.bytes.length * 8;
  const prefixLength = match[2] === undefined ? width : Number(match[2]);
  if (prefixLength > width) return undefined;
  return { ip: maskIp(ip, prefixLength), prefixLength };
}

/** Returns the address in text form, IPv6 as in RFC 5952. */
export function formatIp(ip: IpAddress): string {
  return ip.family === 4 ? ip.bytes.join(".") : formatIpv6(ip.bytes);
}

/** Returns `a.b.c.d:port` or `[v6]:port`. */
export function formatSocketAddress(address: SocketAddress): string {
  const host = formatIp(address.ip);
  return address.ip.family === 4
    ? `${host}:${address.port}`
    : `[${host}]:${address.port}`;
}

/** Returns `address/prefix`. */
export function formatCidr(cidr: Cidr): string {
  return `${formatIp(cidr.ip)}/${cidr.prefixLength}`;
}

/** Tells whether two addresses are the same. */
export function equalIps(a: IpAddress, b: IpAddress): boolean {
  return equalBytes(a.bytes, b.bytes);
}

/** Tells whether address and port are the same. */
export function equalSocketAddresses(
  a: SocketAddress,
  b: SocketAddress,
): boolean {
  return a.port === b.port && equalIps(a.ip, b.ip);
}

/** Tells whether an address may be a candidate, p2p spec §2.1: it is neither IPv4 link-local nor broadcast, multicast or unspecified. */
export function isUsableIp(ip: IpAddress): boolean {
  const { family, bytes } = ip;
  if (bytes.every((byte) => byte === 0)) return false;
  if (family === 6) return bytes[0] !== 0xff;
  const isLinkLocal = bytes[0] === 169 && bytes[1] === 254;
  const isMulticast = bytes[0]! >>> 4 === 0xe;
  const isBroadcast = bytes.every((byte) => byte === 255);
  return !isLinkLocal && !isMulticast && !isBroadcast;
}

/** Tells whether packets may be sent to the address, p2p spec §2.1. */
export function isUsableAddress({ ip, port }: SocketAddress): boolean {
  return port !== 0 && isUsableIp(ip);
}

/** Tells whether `cidr` covers `ip`. */
export function cidrContains(cidr: Cidr, ip: IpAddress): boolean {
  return cidr.ip.family === ip.family && cidrContainsBytes(cidr, ip.bytes, 0);
}

/** Tells whether `cidr` covers the address of its family at `bytes[at…]`. Allocates nothing. */
export function cidrContainsBytes(
  cidr: Cidr,
  bytes: Uint8Array,
  at: number,
): boolean {
  const network = cidr.ip.bytes;
  const whole = cidr.prefixLength >> 3;
  for (let i = 0; i < whole; i++) {
    if (bytes[at + i] !== network[i]) return false;
  }
  const rest = cidr.prefixLength & 7;
  return rest === 0 ||
    ((bytes[at + whole]! ^ network[whole]!) >> (8 - rest)) === 0;
}

/** Tells whether the address equals the bytes at `bytes[at…]`, of the same family. Allocates nothing. */
export function ipEqualsBytes(
  ip: IpAddress,
  bytes: Uint8Array,
  at: number,
): boolean {
  const own = ip.bytes;
  for (let i = 0; i < own.length; i++) {
    if (own[i] !== bytes[at + i]) return false;
  }
  return true;
}

function maskIp(ip: IpAddress, prefixLength: number): IpAddress {
  const bytes = ip.bytes.map((byte, i) => {
    const kept = Math.min(8, Math.max(0, prefixLength - 8 * i));
    return byte & (0xff00 >> kept);
  });
  return ipFromBytes(bytes);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  if (
    !parts.every((part) =>
      /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255
    )
  ) {
    return undefined;
  }
  return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;

  const bytes = new Uint8Array(16);
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  groups.forEach((group, i) => writeU16(bytes, 2 * i, group));
  return bytes;
}

function parseGroups(
  text: string,
  mayEndInIpv4: boolean,
): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const embedded = mayEndInIpv4 && i === parts.length - 1
      ? parseIpv4(part)
      : undefined;
    if (!embedded) return undefined;
    groups.push(readU16(embedded, 0), readU16(embedded, 2));
  }
  return groups;
}

function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from(
    { length: 8 },
    (_, i) => readU16(bytes, 2 * i).toString(16),
  );
  const { start, length } = longestZeroRun(groups);
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${
    groups.slice(start + length).join(":")
  }`;
}

function longestZeroRun(
  groups: readonly string[],
): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (i < groups.length && groups[i] === "0") continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}
