import {
  ipEqualsBytes,
  type IpFamily,
  ipFromBytes,
  readU16,
  type SocketAddress,
  writeU16,
} from "../base/mod.ts";

/** Address families of the kernel, in native byte order of a little-endian machine. */
const AF_INET = 2;
const AF_INET6 = 10;

/** Offsets in `sockaddr_in` and `sockaddr_in6`. The port is big-endian in both. */
const FAMILY = 0;
const PORT = 2;
const IPV4_ADDRESS = 4;
const IPV6_ADDRESS = 8;

const IPV4_LENGTH = 16;
const IPV6_LENGTH = 28;

/** Room for either kind, in bytes, kept a multiple of 16. */
export const SOCKADDR_ROOM_BYTES = 32;

/** Returns the kernel's number of an address family. */
export function addressFamily(family: IpFamily): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** Writes `address` in the kernel's form and returns its length in bytes. Allocates nothing. */
export function writeSockaddr(
  bytes: Uint8Array,
  at: number,
  address: SocketAddress,
): number {
  const { ip, port } = address;
  const isIpv4 = ip.family === 4;
  const length = isIpv4 ? IPV4_LENGTH : IPV6_LENGTH;
  bytes.fill(0, at, at + length);
  bytes[at + FAMILY] = isIpv4 ? AF_INET : AF_INET6;
  writeU16(bytes, at + PORT, port);
  bytes.set(ip.bytes, at + (isIpv4 ? IPV4_ADDRESS : IPV6_ADDRESS));
  return length;
}

/** Reads an address that the kernel wrote. Allocates. */
export function readSockaddr(bytes: Uint8Array, at: number): SocketAddress {
  const start = ipAt(bytes, at);
  const end = start + (sockaddrFamily(bytes, at) === 4 ? 4 : 16);
  const ip = ipFromBytes(bytes.slice(start, end));
  return { ip, port: readSockaddrPort(bytes, at) };
}

/** Tells whether the kernel wrote just this address. Allocates nothing. */
export function sockaddrIs(
  bytes: Uint8Array,
  at: number,
  address: SocketAddress,
): boolean {
  return readSockaddrPort(bytes, at) === address.port &&
    sockaddrFamily(bytes, at) === address.ip.family &&
    ipEqualsBytes(address.ip, bytes, ipAt(bytes, at));
}

/** Copies the IP address that the kernel wrote to the start of `target` and returns its family. Allocates nothing. */
export function copySockaddrIp(
  bytes: Uint8Array,
  at: number,
  target: Uint8Array,
): IpFamily {
  const family = sockaddrFamily(bytes, at);
  const from = ipAt(bytes, at);
  const length = family === 4 ? 4 : 16;
  for (let i = 0; i < length; i++) target[i] = bytes[from + i]!;
  return family;
}

/** Reads the port of an address that the kernel wrote. */
export function readSockaddrPort(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + PORT);
}

function sockaddrFamily(bytes: Uint8Array, at: number): IpFamily {
  return bytes[at + FAMILY] === AF_INET ? 4 : 6;
}

function ipAt(bytes: Uint8Array, at: number): number {
  return at + (sockaddrFamily(bytes, at) === 4 ? IPV4_ADDRESS : IPV6_ADDRESS);
}
