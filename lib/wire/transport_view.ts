import { EMPTY, readU16 } from "../base/mod.ts";
import {
  IPV4_FRAGMENT,
  IPV4_FRAGMENT_MASK,
  IPV4_HEADER_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  ipv4HeaderLength,
} from "./ipv4.ts";
import {
  IPV6_HEADER_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from "./ipv6.ts";
import { PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from "./selector.ts";

/**
 * What a packet is to somebody who splits and merges packets.
 *
 * `tcp` and `udp` have whole headers right behind the IP header, `portless` is
 * another protocol, and all that cannot be told is `opaque`: fragments,
 * extension headers, wrong lengths.
 */
export type TransportKind = "tcp" | "udp" | "portless" | "opaque";

const UDP_HEADER_LENGTH = 8;
const TCP_HEADER_LENGTH = 20;
const TCP_DATA_OFFSET = 12;

/** Both ports, in TCP and UDP. */
const PORTS_LENGTH = 4;

/** A reusable window onto the headers of one IP packet of any length, up to the payload of TCP or UDP. */
export class TransportView {
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #version: 4 | 6 = 4;
  #ipHeaderLength = 0;
  #transportHeaderLength = 0;

  /** Points the view at the packet `[start, end)`. The getters are valid after `tcp` and `udp`. */
  attach(bytes: Uint8Array, start: number, end: number): TransportKind {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    if (end - start < IPV4_HEADER_LENGTH) return "opaque";
    const version = bytes[start]! >> 4;
    if (version === 4) return this.#attachIpv4();
    return version === 6 ? this.#attachIpv6() : "opaque";
  }

  /** Index of the first byte. */
  get start(): number {
    return this.#start;
  }

  /** IP version. */
  get version(): 4 | 6 {
    return this.#version;
  }

  /** Index of the transport header. */
  get transportAt(): number {
    return this.#start + this.#ipHeaderLength;
  }

  /** Length of the IP header. */
  get ipHeaderLength(): number {
    return this.#ipHeaderLength;
  }

  /** Length of the TCP or UDP header. */
  get transportHeaderLength(): number {
    return this.#transportHeaderLength;
  }

  /** Length of both headers. */
  get headerLength(): number {
    return this.#ipHeaderLength + this.#transportHeaderLength;
  }

  /** Length of the packet. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Length of what follows the headers. */
  get payloadLength(): number {
    return this.length - this.headerLength;
  }

  /** A number from 0 to 255 that is the same for all packets of one flow. */
  get flowHash(): number {
    const bytes = this.#bytes;
    const ports = this.transportAt;
    // The last bytes of the addresses, and the low bytes of the ports, differ most.
    return (bytes[this.#start + this.#lastAddressByte]! ^
      bytes[ports + 1]! ^ (bytes[ports + 3]! << 3) ^ (bytes[ports]! << 5) ^
      (bytes[ports + 2]! << 1)) & 0xff;
  }

  /** Tells whether the packet at `other`, of the same IP version and protocol, has the same addresses and ports. */
  isSameFlow(other: number, otherIpHeaderLength: number): boolean {
    const bytes = this.#bytes;
    const start = this.#start;
    const isIpv4 = this.#version === 4;
    const from = isIpv4 ? IPV4_SOURCE : IPV6_SOURCE;
    const to = isIpv4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH;
    const ports = this.transportAt;
    const otherPorts = other + otherIpHeaderLength;
    for (let i = 0; i < PORTS_LENGTH; i++) {
      if (bytes[ports + i] !== bytes[otherPorts + i]) return false;
    }
    for (let i = from; i < to; i++) {
      if (bytes[start + i] !== bytes[other + i]) return false;
    }
    return true;
  }

  get #lastAddressByte(): number {
    return this.#version === 4
      ? IPV4_HEADER_LENGTH - 1
      : IPV6_HEADER_LENGTH - 1;
  }

  #attachIpv4(): TransportKind {
    const bytes = this.#bytes;
    const start = this.#start;
    this.#version = 4;
    this.#ipHeaderLength = ipv4HeaderLength(bytes[start]!);
    if (this.#ipHeaderLength < IPV4_HEADER_LENGTH) return "opaque";
    if (readU16(bytes, start + IPV4_TOTAL_LENGTH) !== this.length) {
      return "opaque";
    }
    if ((readU16(bytes, start + IPV4_FRAGMENT) & IPV4_FRAGMENT_MASK) !== 0) {
      return "opaque";
    }
    const protocol = bytes[start + IPV4_PROTOCOL]!;
    if (protocol === PROTOCOL_TCP) return this.#attachTcp();
    return protocol === PROTOCOL_UDP ? this.#attachUdp() : "portless";
  }

  #attachIpv6(): TransportKind {
    const bytes = this.#bytes;
    const start = this.#start;
    this.#version = 6;
    this.#ipHeaderLength = IPV6_HEADER_LENGTH;
    if (this.length < IPV6_HEADER_LENGTH) return "opaque";
    const payloadLength = readU16(bytes, start + IPV6_PAYLOAD_LENGTH);
    if (payloadLength + IPV6_HEADER_LENGTH !== this.length) return "opaque";
    switch (bytes[start + IPV6_NEXT_HEADER]) {
      case PROTOCOL_TCP:
        return this.#attachTcp();
      case PROTOCOL_UDP:
        return this.#attachUdp();
      case PROTOCOL_ICMPV6:
        return "portless";
      default:
        return "opaque";
    }
  }

  #attachTcp(): "tcp" | "opaque" {
    const room = this.length - this.#ipHeaderLength;
    if (room < TCP_HEADER_LENGTH) return "opaque";
    this.#transportHeaderLength =
      (this.#bytes[this.transportAt + TCP_DATA_OFFSET]! >> 4) * 4;
    return this.#transportHeaderLength >= TCP_HEADER_LENGTH &&
        this.#transportHeaderLength <= room
      ? "tcp"
      : "opaque";
  }

  #attachUdp(): "udp" | "opaque" {
    this.#transportHeaderLength = UDP_HEADER_LENGTH;
    return this.payloadLength >= 0 ? "udp" : "opaque";
  }
}
