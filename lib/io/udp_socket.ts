import type { IpFamily } from "../base/mod.ts";
import { kernelRefusal } from "./errors.ts";
import { errno, libc, must } from "./libc.ts";
import {
  addressFamily,
  readSockaddrPort,
  SOCKADDR_ROOM_BYTES,
  writeSockaddr,
} from "./sockaddr.ts";

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MARK = 36;

const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const IP_RECVTOS = 13;

const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const IPV6_RECVTCLASS = 66;
const IPV6_ADDR_PREFERENCES = 72;
const IPV6_PREFER_SRC_PUBLIC = 2;

const IPPROTO_UDP = 17;
const UDP_SEGMENT = 103;
const UDP_GRO = 104;

/** Receive buffer asked for, in bytes (p2p spec §7). */
const RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024;

/** Send buffer asked for, in bytes (p2p spec §7). */
const SEND_BUFFER_BYTES = 2 * 1024 * 1024;

/** Below this, asking for buffers is given up (p2p spec §7). */
const SMALLEST_BUFFER_BYTES = 64 * 1024;

/** How the UDP sockets of a role are made. */
export interface UdpOptions {
  /** `SO_MARK` of all packets sent, so that they never enter the tunnel. Needs `CAP_NET_ADMIN`. */
  readonly mark?: number;
  /** Receive buffer to ask for, in bytes; 16 MiB unless told. */
  readonly receiveBufferBytes?: number;
  /** Send buffer to ask for, in bytes; 2 MiB unless told. */
  readonly sendBufferBytes?: number;
  /** Whether one system call may move many datagrams as one, if the kernel knows how; yes unless told. */
  readonly offload?: boolean;
}

/** One bound UDP socket of one address family. */
export interface UdpSocket {
  /** Its descriptor. */
  readonly fd: number;
  /** Its address family. */
  readonly family: IpFamily;
  /** The local port. */
  readonly port: number;
  /** Whether it takes many datagrams as one (`UDP_SEGMENT`). */
  readonly segments: boolean;
  /** Whether it may give many datagrams as one (`UDP_GRO`). */
  readonly aggregates: boolean;
}

/**
 * Binds a socket to all addresses of one family; port 0 lets the kernel choose.
 *
 * Throws `KernelRefusedError` when the family or the port is not to be had, and
 * `MissingCapabilityError` when the mark is refused.
 */
export function openUdpSocket(
  family: IpFamily,
  port: number,
  options: UdpOptions,
): UdpSocket {
  const fd = must(
    `create an IPv${family} UDP socket`,
    libc().socket(
      addressFamily(family),
      SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
      0,
    ),
  );
  try {
    if (options.mark !== undefined) setMark(fd, options.mark);
    if (family === 4) prepareIpv4(fd);
    else prepareIpv6(fd);
    setBuffers(fd, options);
    bind(fd, family, port);
    return { fd, family, port: boundPort(fd), ...enableOffloads(fd, options) };
  } catch (cause) {
    libc().close(fd);
    throw cause;
  }
}

/** Closes a socket for good. */
export function closeUdpSocket(socket: UdpSocket): void {
  libc().close(socket.fd);
}

/** The size 0 changes nothing; asking for it shows whether the kernel knows the option. */
function enableOffloads(
  fd: number,
  { offload = true }: UdpOptions,
): { readonly segments: boolean; readonly aggregates: boolean } {
  return {
    segments: offload && setOption(fd, IPPROTO_UDP, UDP_SEGMENT, 0),
    aggregates: offload && setOption(fd, IPPROTO_UDP, UDP_GRO, 1),
  };
}

/** Sets `SO_MARK` of a socket, before it sends anything. Throws `MissingCapabilityError` when that is refused. */
export function setMark(fd: number, mark: number): void {
  if (setOption(fd, SOL_SOCKET, SO_MARK, mark)) return;
  throw kernelRefusal("mark a socket", errno());
}

function prepareIpv4(fd: number): void {
  must("ask for IPv4 packet info", option(fd, IPPROTO_IP, IP_PKTINFO, 1));
  setOption(fd, IPPROTO_IP, IP_RECVTOS, 1);
}

function prepareIpv6(fd: number): void {
  must("part IPv6 from IPv4", option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
  must(
    "ask for IPv6 packet info",
    option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1),
  );
  setOption(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
  setOption(fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, IPV6_PREFER_SRC_PUBLIC);
}

function setBuffers(fd: number, options: UdpOptions): void {
  const receive = options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES;
  const send = options.sendBufferBytes ?? SEND_BUFFER_BYTES;
  setBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, receive);
  setBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, send);
}

/** With `CAP_NET_ADMIN` the kernel's maximum does not count; without, it cuts what is asked silently. */
function setBuffer(fd: number, force: number, plain: number, wanted: number) {
  for (let size = wanted; size >= SMALLEST_BUFFER_BYTES; size >>>= 1) {
    if (setOption(fd, SOL_SOCKET, force, size)) return;
    if (setOption(fd, SOL_SOCKET, plain, size)) return;
  }
}

function bind(fd: number, family: IpFamily, port: number): void {
  const any = new Uint8Array(family === 4 ? 4 : 16);
  const name = new Uint8Array(SOCKADDR_ROOM_BYTES);
  const length = writeSockaddr(name, 0, { ip: { family, bytes: any }, port });
  must(`bind UDP port ${port} for IPv${family}`, libc().bind(fd, name, length));
}

function boundPort(fd: number): number {
  const name = new Uint8Array(SOCKADDR_ROOM_BYTES);
  const length = new Uint32Array([SOCKADDR_ROOM_BYTES]);
  must("read the name of a socket", libc().getsockname(fd, name, length));
  return readSockaddrPort(name, 0);
}

function setOption(
  fd: number,
  level: number,
  name: number,
  value: number,
): boolean {
  return option(fd, level, name, value) === 0;
}

function option(
  fd: number,
  level: number,
  name: number,
  value: number,
): number {
  const bytes = new Uint32Array([value]);
  return libc().setsockopt(fd, level, name, bytes, bytes.byteLength);
}
