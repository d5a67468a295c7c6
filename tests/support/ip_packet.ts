import { parseIp } from "../../lib/base/mod.ts";

/** What every built packet has. Addresses are text; the family follows from them. */
export interface Addresses {
  readonly source: string;
  readonly destination: string;
}

/** Ports of a UDP or TCP packet. */
export interface Ports {
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** Fields of an ICMP or ICMPv6 message; the rest of the header is `rest`. */
export interface Icmp {
  readonly type: number;
  readonly code?: number;
  /** Bytes 4 to 7 of the header. */
  readonly rest?: readonly number[];
  readonly body?: Uint8Array;
}

/** Builds an IPv4 or IPv6 packet with any transport payload, ECN in the low bits of `trafficClass`. */
export function ipPacket(
  { source, destination }: Addresses,
  protocol: number,
  payload: Uint8Array,
  trafficClass = 0,
): Uint8Array {
  const from = addressBytes(source);
  const to = addressBytes(destination);
  return from.length === 4
    ? ipv4Packet(from, to, protocol, payload, trafficClass)
    : ipv6Packet(from, to, protocol, payload, trafficClass);
}

/** Builds a UDP packet with a right checksum. */
export function udpPacket(
  {
    sourcePort,
    destinationPort,
    payload = new Uint8Array(8),
    trafficClass,
    ...addresses
  }:
    & Addresses
    & Ports
    & { readonly payload?: Uint8Array; readonly trafficClass?: number },
): Uint8Array {
  const length = 8 + payload.length;
  const header = [
    ...word(sourcePort),
    ...word(destinationPort),
    ...word(length),
    0,
    0,
  ];
  const udp = Uint8Array.from([...header, ...payload]);
  const checksum = transportChecksum(addresses, 17, udp);
  udp.set(word(checksum === 0 ? 0xffff : checksum), 6);
  return ipPacket(addresses, 17, udp, trafficClass);
}

/** Builds a TCP packet without options, with a right checksum. A SYN unless `flags` says otherwise. */
export function tcpPacket(
  {
    sourcePort,
    destinationPort,
    payload = new Uint8Array(0),
    flags = 0x02,
    ...addresses
  }:
    & Addresses
    & Ports
    & { readonly payload?: Uint8Array; readonly flags?: number },
): Uint8Array {
  const header = [
    ...word(sourcePort),
    ...word(destinationPort),
    ...[0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0],
  ];
  const tcp = Uint8Array.from([...header, ...payload]);
  tcp.set(word(transportChecksum(addresses, 6, tcp)), 16);
  return ipPacket(addresses, 6, tcp);
}

/** Builds an ICMP or ICMPv6 packet with a right checksum. */
export function icmpPacket(
  {
    type,
    code = 0,
    rest = [0, 0, 0, 0],
    body = new Uint8Array(0),
    ...addresses
  }:
    & Addresses
    & Icmp,
): Uint8Array {
  const icmp = Uint8Array.from([type, code, 0, 0, ...rest, ...body]);
  const isV6 = addresses.source.includes(":");
  const checksum = isV6
    ? transportChecksum(addresses, 58, icmp)
    : naiveChecksum(icmp);
  icmp.set(word(checksum), 2);
  return ipPacket(addresses, isV6 ? 58 : 1, icmp);
}

/** Builds an echo request of the family of the addresses. */
export function echoRequest(
  { identifier, ...addresses }: Addresses & { readonly identifier: number },
): Uint8Array {
  const type = addresses.source.includes(":") ? 128 : 8;
  return icmpPacket({ ...addresses, type, rest: [...word(identifier), 0, 1] });
}

/** Builds an echo reply of the family of the addresses. */
export function echoReply(
  { identifier, ...addresses }: Addresses & { readonly identifier: number },
): Uint8Array {
  const type = addresses.source.includes(":") ? 129 : 0;
  return icmpPacket({ ...addresses, type, rest: [...word(identifier), 0, 1] });
}

/** Computes the Internet checksum the simple way: arithmetic modulo 65535. */
export function naiveChecksum(bytes: Uint8Array): number {
  let sum = 0;
  bytes.forEach((byte, i) => sum += i % 2 === 0 ? byte * 256 : byte);
  const folded = sum === 0 ? 0 : ((sum - 1) % 0xffff) + 1;
  return 0xffff - folded;
}

/** Computes the checksum of a TCP, UDP or ICMPv6 message whose checksum field is zero. */
export function transportChecksum(
  { source, destination }: Addresses,
  protocol: number,
  message: Uint8Array,
): number {
  return naiveChecksum(Uint8Array.from([
    ...addressBytes(source),
    ...addressBytes(destination),
    ...word(message.length),
    ...word(protocol),
    ...message,
  ]));
}

/** Reads an address that the test wrote down, so it must be valid. */
export function addressBytes(text: string): Uint8Array {
  const ip = parseIp(text);
  if (!ip) throw new Error(`Not an address: ${text}`);
  return ip.bytes;
}

function ipv4Packet(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  payload: Uint8Array,
  trafficClass: number,
): Uint8Array {
  const header = Uint8Array.from([
    ...[0x45, trafficClass, ...word(20 + payload.length), 0, 1, 0x40, 0],
    ...[64, protocol, 0, 0, ...source, ...destination],
  ]);
  header.set(word(naiveChecksum(header)), 10);
  return Uint8Array.from([...header, ...payload]);
}

function ipv6Packet(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  payload: Uint8Array,
  trafficClass: number,
): Uint8Array {
  return Uint8Array.from([
    ...[0x60 | (trafficClass >> 4), (trafficClass & 0x0f) << 4, 0, 0],
    ...[...word(payload.length), protocol, 64],
    ...source,
    ...destination,
    ...payload,
  ]);
}

function word(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}
