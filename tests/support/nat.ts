import assert from "node:assert/strict";
import {
  formatIp,
  instant,
  type IpAddress,
  ipFromBytes,
  parseIp,
  writeU16,
} from "../../lib/base/mod.ts";
import { NatTable } from "../../lib/policy/mod.ts";
import {
  IcmpErrorView,
  IpPacketView,
  selectorValue,
} from "../../lib/wire/mod.ts";
import {
  echoRequest,
  icmpPacket,
  naiveChecksum,
  tcpPacket,
  transportChecksum,
  udpPacket,
} from "./ip_packet.ts";

/** What a test wants to know of a packet. */
export interface Ends {
  readonly source: string;
  readonly destination: string;
  /** Ports, or the echo identifier twice. */
  readonly values: readonly [number, number];
}

/** A NAT table with a clock, for packets given as bytes, which it rewrites. */
export class NatHarness {
  readonly table: NatTable;
  #nowMs = 0;

  constructor(seed = 0x5eed) {
    this.table = new NatTable(seed);
  }

  /** Sends a packet of the client to the real address `real`. */
  send(packet: Uint8Array, real: string): string {
    return this.table.translateOutbound(
      attached(packet),
      address(real),
      instant(this.#nowMs),
    );
  }

  /** Receives a packet of a resource. */
  receive(packet: Uint8Array): string {
    return this.table.translateInbound(
      attached(packet),
      instant(this.#nowMs),
    );
  }

  /** Receives an ICMP error and returns the one that the client gets, or the verdict. */
  receiveError(packet: Uint8Array): Uint8Array | string {
    const view = attached(packet);
    const quoted = new IcmpErrorView();
    assert.equal(quoted.attach(view), "error");
    const target = new Uint8Array(2_000).fill(0xee);
    const verdict = this.table.translateIcmpError(
      view,
      quoted,
      target,
      11,
      instant(this.#nowMs),
    );
    const end = 11 + this.table.errorLength;
    if (verdict !== "translated") return verdict;
    assert.ok(target.slice(0, 11).every((byte) => byte === 0xee));
    assert.ok(target.slice(end).every((byte) => byte === 0xee));
    return target.slice(11, end);
  }

  /** Lets time pass, without housekeeping. */
  wait(ms: number): void {
    this.#nowMs += ms;
  }

  /** Lets time pass, then keeps house to the end. Returns how many runs that took. */
  expireAfter(ms: number): number {
    this.wait(ms);
    let runs = 1;
    while (!this.table.expire(instant(this.#nowMs))) runs++;
    return runs;
  }
}

/** Returns a view of a packet that must be acceptable. */
export function attached(bytes: Uint8Array): IpPacketView {
  const view = new IpPacketView();
  assert.equal(view.attach(bytes, 0, bytes.length), "ok");
  return view;
}

/** Reads where a packet comes from and goes to. */
export function endsOf(packet: Uint8Array): Ends {
  const view = attached(packet);
  const { sourceAt, destinationAt, addressLength } = view;
  const text = (at: number) =>
    formatIp(ipFromBytes(packet.slice(at, at + addressLength)));
  return {
    source: text(sourceAt),
    destination: text(destinationAt),
    values: [
      selectorValue(view.sourceSelector),
      selectorValue(view.destinationSelector),
    ],
  };
}

/** Reads an address that the test wrote down, so it must be valid. */
export function address(text: string): IpAddress {
  const ip = parseIp(text);
  assert.ok(ip, `Not an address: ${text}`);
  return ip;
}

/** Addresses of one family. */
export interface Family {
  readonly client: string;
  readonly proxies: readonly string[];
  readonly reals: readonly string[];
  readonly router: string;
}

/** Addresses to test IPv4 with. */
export const V4: Family = {
  client: "100.64.0.1",
  proxies: ["100.96.0.1", "100.96.0.2", "100.96.0.3"],
  reals: ["10.0.0.1", "203.0.113.9"],
  router: "192.0.2.1",
};
/** Addresses to test IPv6 with. */
export const V6: Family = {
  client: "fd00:2021:1111::1",
  proxies: [1, 2, 3].map((n) => `fd00:2021:1111:8000::${n}`),
  reals: ["2001:db8::1", "2001:db8:ffff::2"],
  router: "2001:db8:1::1",
};

/** Addresses of a client, of two proxies and of two resources. */
export const CLIENT = "100.64.0.1";
export const PROXY = "100.96.0.1";
export const OTHER_PROXY = "100.96.0.2";
export const REAL = "10.0.0.1";
export const OTHER_REAL = "10.0.0.2";

/** Flags of TCP packets. */
export const FIN = 0x11;
export const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;

/** Builds a packet of the client to port 443, or an echo request. */
export type Build = (value: number, destination: string) => Uint8Array;

/** Builds a TCP packet of the client. */
export function tcp(
  port: number,
  destination: string,
  flags = ACK,
): Uint8Array {
  return withFlags(
    tcpPacket({
      source: CLIENT,
      destination,
      sourcePort: port,
      destinationPort: 443,
      payload: new Uint8Array(2),
    }),
    flags,
  );
}

/** Builds a UDP packet of the client. */
export function udp(port: number, destination: string): Uint8Array {
  return udpPacket({
    source: CLIENT,
    destination,
    sourcePort: port,
    destinationPort: 443,
  });
}

/** Builds an echo request of the client. */
export function echo(identifier: number, destination: string): Uint8Array {
  return echoRequest({ source: CLIENT, destination, identifier });
}

/** Builds what the resource at `REAL` answers to a packet that `build` makes. */
export function replyTo(
  build: Build,
  value: number,
  flags = ACK,
): Uint8Array {
  const addresses = { source: REAL, destination: CLIENT };
  const ports = { sourcePort: 443, destinationPort: value };
  switch (build) {
    case tcp:
      return withFlags(tcpPacket({ ...addresses, ...ports }), flags);
    case udp:
      return udpPacket({ ...addresses, ...ports });
    default:
      return icmpPacket({
        ...addresses,
        type: 0,
        rest: [value >> 8, value & 0xff, 0, 1],
      });
  }
}

function withFlags(packet: Uint8Array, flags: number): Uint8Array {
  packet[attached(packet).transportAt + 13] = flags;
  return refreshChecksum(packet);
}

/** Computes the checksum of a TCP or UDP packet anew. */
export function refreshChecksum(packet: Uint8Array): Uint8Array {
  const { transportAt, protocol } = attached(packet);
  const at = transportAt + (protocol === 6 ? 16 : 6);
  writeU16(packet, at, 0);
  const message = packet.slice(transportAt);
  const checksum = transportChecksum(endsOf(packet), protocol, message);
  writeU16(packet, at, checksum === 0 ? 0xffff : checksum);
  assert.equal(naiveChecksum(packet.slice(0, transportAt)), 0);
  return packet;
}
