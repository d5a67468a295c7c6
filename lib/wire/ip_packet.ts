import { type Ecn, EMPTY, MAX_PACKET_BYTES, readU16 } from "../base/mod.ts";
import {
  hasSourceRoute,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_FRAGMENT_MASK,
  IPV4_HEADER_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  ipv4HeaderLength,
} from "./ipv4.ts";
import {
  IPV6_DESTINATION,
  IPV6_HEADER_LENGTH,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
  Ipv6ExtensionChain,
} from "./ipv6.ts";
import {
  DESTINATION_PORT,
  ICMP_HEADER_LENGTH,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  readSelector,
  type Selector,
  SOURCE_PORT,
} from "./selector.ts";

/** Why an inner packet is not acceptable, one for each way to break rules V1 to V10 of data-plane spec §2.1. */
export type PacketRefusal = (typeof PACKET_REFUSALS)[number];

/** All packet refusals, to make counters of. */
export const PACKET_REFUSALS = [
  "empty",
  "too-long",
  "unknown-version",
  "ipv4-header-truncated",
  "ipv4-header-too-short",
  "ipv4-options-truncated",
  "ipv4-length-mismatch",
  "ipv4-fragment",
  "ipv6-header-truncated",
  "ipv6-length-mismatch",
  "ipv6-extension-truncated",
  "ipv6-fragment",
  "udp-header-truncated",
  "udp-length-mismatch",
  "tcp-header-truncated",
  "tcp-header-too-short",
  "tcp-options-truncated",
  "icmp-wrong-family",
  "icmp-header-truncated",
] as const;

const UDP_LENGTH = 4;
const UDP_HEADER_LENGTH = 8;
const TCP_DATA_OFFSET = 12;
const TCP_HEADER_LENGTH = 20;

/**
 * A reusable window onto one inner IP packet of either family.
 *
 * `attach` checks a packet once, by the rules of data-plane spec §2.1; no
 * checksum is verified. The getters are valid only after it returned `ok` and
 * as long as the borrowed bytes stay.
 */
export class IpPacketView {
  readonly #chain = new Ipv6ExtensionChain();
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #version: 4 | 6 = 4;
  #protocol = 0;
  #transportAt = 0;

  /** Points the view at the packet `[start, end)`, or says why it is refused. */
  attach(
    bytes: Uint8Array,
    start: number,
    end: number,
  ): "ok" | PacketRefusal {
    if (end <= start) return "empty";
    if (end - start > MAX_PACKET_BYTES) return "too-long";
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    const version = bytes[start]! >> 4;
    if (version !== 4 && version !== 6) return "unknown-version";
    this.#version = version;

    const outcome = version === 4 ? this.#attachIpv4() : this.#attachIpv6();
    return outcome === "ok" ? this.#checkTransport() : outcome;
  }

  /** The borrowed bytes. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Index of the first byte. */
  get start(): number {
    return this.#start;
  }

  /** Index behind the last byte. */
  get end(): number {
    return this.#end;
  }

  /** IP version. */
  get version(): 4 | 6 {
    return this.#version;
  }

  /** Length of an address in bytes: 4 or 16. */
  get addressLength(): 4 | 16 {
    return this.#version === 4 ? 4 : 16;
  }

  /** Index of the source address. */
  get sourceAt(): number {
    return this.#start + (this.#version === 4 ? IPV4_SOURCE : IPV6_SOURCE);
  }

  /** Index of the destination address. */
  get destinationAt(): number {
    return this.#start +
      (this.#version === 4 ? IPV4_DESTINATION : IPV6_DESTINATION);
  }

  /** The transport protocol, behind any extension headers. */
  get protocol(): number {
    return this.#protocol;
  }

  /** Index of the transport header. */
  get transportAt(): number {
    return this.#transportAt;
  }

  /** The selector of the sender's side: its port, or the echo identifier. */
  get sourceSelector(): Selector {
    return readSelector(
      this.#protocol,
      this.#bytes,
      this.#transportAt,
      SOURCE_PORT,
    );
  }

  /** The selector of the receiver's side: its port, or the echo identifier. */
  get destinationSelector(): Selector {
    return readSelector(
      this.#protocol,
      this.#bytes,
      this.#transportAt,
      DESTINATION_PORT,
    );
  }

  /** Whether the sender tells routers where else the packet has to go: an IPv4 option, or an IPv6 routing header with segments left. */
  get isSourceRouted(): boolean {
    if (this.#version === 6) return this.#chain.sourceRouted;
    const optionsAt = this.#start + IPV4_HEADER_LENGTH;
    return hasSourceRoute(this.#bytes, optionsAt, this.#transportAt);
  }

  /** The congestion bits. */
  get ecn(): Ecn {
    const trafficClass = this.#bytes[this.#start + 1]!;
    const shift = this.#version === 4 ? 0 : 4;
    return ((trafficClass >> shift) & 3) as Ecn;
  }

  #attachIpv4(): "ok" | PacketRefusal {
    const bytes = this.#bytes;
    const start = this.#start;
    const length = this.#end - start;
    if (length < IPV4_HEADER_LENGTH) return "ipv4-header-truncated";
    const headerLength = ipv4HeaderLength(bytes[start]!);
    if (headerLength < IPV4_HEADER_LENGTH) return "ipv4-header-too-short";
    if (headerLength > length) return "ipv4-options-truncated";
    if (readU16(bytes, start + IPV4_TOTAL_LENGTH) !== length) {
      return "ipv4-length-mismatch";
    }
    if ((readU16(bytes, start + IPV4_FRAGMENT) & IPV4_FRAGMENT_MASK) !== 0) {
      return "ipv4-fragment";
    }
    this.#protocol = bytes[start + IPV4_PROTOCOL]!;
    this.#transportAt = start + headerLength;
    return "ok";
  }

  #attachIpv6(): "ok" | PacketRefusal {
    const length = this.#end - this.#start;
    if (length < IPV6_HEADER_LENGTH) return "ipv6-header-truncated";
    const payloadLength = readU16(
      this.#bytes,
      this.#start + IPV6_PAYLOAD_LENGTH,
    );
    if (payloadLength + IPV6_HEADER_LENGTH !== length) {
      return "ipv6-length-mismatch";
    }
    const chain = this.#chain;
    if (!chain.walk(this.#bytes, this.#start, this.#end)) {
      return "ipv6-extension-truncated";
    }
    if (chain.fragmented) return "ipv6-fragment";
    this.#protocol = chain.protocol;
    this.#transportAt = chain.transportAt;
    return "ok";
  }

  #checkTransport(): "ok" | PacketRefusal {
    switch (this.#protocol) {
      case PROTOCOL_UDP:
        return this.#checkUdp();
      case PROTOCOL_TCP:
        return this.#checkTcp();
      case PROTOCOL_ICMP:
        return this.#checkIcmp(4);
      case PROTOCOL_ICMPV6:
        return this.#checkIcmp(6);
      default:
        return "ok";
    }
  }

  #checkUdp(): "ok" | PacketRefusal {
    const length = this.#end - this.#transportAt;
    if (length < UDP_HEADER_LENGTH) return "udp-header-truncated";
    return readU16(this.#bytes, this.#transportAt + UDP_LENGTH) === length
      ? "ok"
      : "udp-length-mismatch";
  }

  #checkTcp(): "ok" | PacketRefusal {
    const length = this.#end - this.#transportAt;
    if (length < TCP_HEADER_LENGTH) return "tcp-header-truncated";
    const headerLength =
      (this.#bytes[this.#transportAt + TCP_DATA_OFFSET]! >> 4) * 4;
    if (headerLength < TCP_HEADER_LENGTH) return "tcp-header-too-short";
    return headerLength <= length ? "ok" : "tcp-options-truncated";
  }

  #checkIcmp(version: 4 | 6): "ok" | PacketRefusal {
    if (this.#version !== version) return "icmp-wrong-family";
    return this.#end - this.#transportAt >= ICMP_HEADER_LENGTH
      ? "ok"
      : "icmp-header-truncated";
  }
}
