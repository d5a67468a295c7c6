import { EMPTY, readU16 } from "../base/mod.ts";
import type { IpPacketView } from "./ip_packet.ts";
import {
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_FRAGMENT_OFFSET_MASK,
  IPV4_HEADER_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  ipv4HeaderLength,
} from "./ipv4.ts";
import {
  IPV6_DESTINATION,
  IPV6_HEADER_LENGTH,
  IPV6_SOURCE,
  Ipv6ExtensionChain,
} from "./ipv6.ts";
import {
  DESTINATION_PORT,
  ICMP_CODE,
  ICMP_HEADER_LENGTH,
  ICMP_TYPE,
  isEchoRequest,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  readSelector,
  type Selector,
  SELECTOR_ECHO,
  selectorKind,
  SOURCE_PORT,
} from "./selector.ts";

/** What a packet is with regard to ICMP errors. Policy treats the three differently in each direction (data-plane spec §2.3). */
export type IcmpErrorClass = "not-an-error" | "error" | "unparseable";

const ICMPV4_UNREACHABLE = 3;
const ICMPV4_TIME_EXCEEDED = 11;
const ICMPV6_UNREACHABLE = 1;
const ICMPV6_PACKET_TOO_BIG = 2;
const ICMPV6_TIME_EXCEEDED = 3;

/** Unreachable, source quench, redirect, time exceeded, parameter problem (RFC 792). */
const ICMPV4_ERROR_TYPES = [3, 4, 5, 11, 12];
/** Types below are errors (RFC 4443 §2.1). */
const ICMPV6_FIRST_INFORMATIONAL = 128;
const ICMPV6_REDIRECT = 137;

/** Bytes of a quoted TCP or UDP header that hold the ports. */
const PORTS_LENGTH = 4;

/**
 * A reusable window onto the packet that an ICMP error quotes.
 *
 * The getters are valid only after `attach` returned `error`. The quoted
 * packet may be truncated: only its addresses and selectors can be read.
 */
export class IcmpErrorView {
  readonly #chain = new Ipv6ExtensionChain();
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #version: 4 | 6 = 4;
  #protocol = 0;
  #transportAt = 0;

  /** Classifies a packet and, if it is an ICMP error, points the view at the packet it quotes. */
  attach(packet: IpPacketView): IcmpErrorClass {
    const { protocol, bytes, transportAt } = packet;
    if (protocol !== PROTOCOL_ICMP && protocol !== PROTOCOL_ICMPV6) {
      return "not-an-error";
    }
    if (selectorKind(packet.sourceSelector) === SELECTOR_ECHO) {
      return "not-an-error";
    }
    if (!hasErrorType(protocol, bytes, transportAt)) return "unparseable";

    this.#bytes = bytes;
    this.#start = transportAt + ICMP_HEADER_LENGTH;
    this.#end = packet.end;
    this.#version = packet.version;
    const parsed =
      (this.#version === 4 ? this.#parseIpv4() : this.#parseIpv6()) &&
      this.#hasSelector();
    return parsed ? "error" : "unparseable";
  }

  /** Index of the quoted packet's first byte. */
  get start(): number {
    return this.#start;
  }

  /** Index of the quoted source address, of the same family as the error. */
  get sourceAt(): number {
    return this.#start + (this.#version === 4 ? IPV4_SOURCE : IPV6_SOURCE);
  }

  /** Index of the quoted destination address. */
  get destinationAt(): number {
    return this.#start +
      (this.#version === 4 ? IPV4_DESTINATION : IPV6_DESTINATION);
  }

  /** The quoted transport protocol: TCP, UDP, ICMP or ICMPv6. */
  get protocol(): number {
    return this.#protocol;
  }

  /** Index of the quoted transport header. */
  get transportAt(): number {
    return this.#transportAt;
  }

  /** The selector of the quoted sender. */
  get sourceSelector(): Selector {
    return readSelector(
      this.#protocol,
      this.#bytes,
      this.#transportAt,
      SOURCE_PORT,
    );
  }

  /** The selector of the quoted receiver. */
  get destinationSelector(): Selector {
    return readSelector(
      this.#protocol,
      this.#bytes,
      this.#transportAt,
      DESTINATION_PORT,
    );
  }

  #parseIpv4(): boolean {
    const bytes = this.#bytes;
    const start = this.#start;
    if (start + IPV4_HEADER_LENGTH > this.#end) return false;
    const headerLength = ipv4HeaderLength(bytes[start]!);
    if (bytes[start]! >> 4 !== 4) return false;
    if (headerLength < IPV4_HEADER_LENGTH) return false;
    if (start + headerLength > this.#end) return false;
    // A later fragment has payload where the ports of the first one are.
    const fragment = readU16(bytes, start + IPV4_FRAGMENT);
    if ((fragment & IPV4_FRAGMENT_OFFSET_MASK) !== 0) return false;
    this.#protocol = bytes[start + IPV4_PROTOCOL]!;
    this.#transportAt = start + headerLength;
    return true;
  }

  #parseIpv6(): boolean {
    if (this.#start + IPV6_HEADER_LENGTH > this.#end) return false;
    if (this.#bytes[this.#start]! >> 4 !== 6) return false;
    const chain = this.#chain;
    if (!chain.walk(this.#bytes, this.#start, this.#end)) return false;
    if (chain.laterFragment) return false;
    this.#protocol = chain.protocol;
    this.#transportAt = chain.transportAt;
    return true;
  }

  #hasSelector(): boolean {
    const available = this.#end - this.#transportAt;
    switch (this.#protocol) {
      case PROTOCOL_TCP:
      case PROTOCOL_UDP:
        return available >= PORTS_LENGTH;
      case PROTOCOL_ICMP:
      case PROTOCOL_ICMPV6:
        return (this.#protocol === PROTOCOL_ICMP) === (this.#version === 4) &&
          available >= ICMP_HEADER_LENGTH &&
          isEchoRequest(this.#protocol, this.#bytes, this.#transportAt);
      default:
        return false;
    }
  }
}

/** Tells whether a packet is an ICMP error or a redirect, of whatever content: about those no error may be sent (RFC 1122 §3.2.2, RFC 4443 §2.4). */
export function isIcmpErrorMessage(
  { protocol, bytes, transportAt }: IpPacketView,
): boolean {
  const type = bytes[transportAt + ICMP_TYPE]!;
  switch (protocol) {
    case PROTOCOL_ICMP:
      return ICMPV4_ERROR_TYPES.includes(type);
    case PROTOCOL_ICMPV6:
      return type < ICMPV6_FIRST_INFORMATIONAL || type === ICMPV6_REDIRECT;
    default:
      return false;
  }
}

function hasErrorType(
  protocol: number,
  bytes: Uint8Array,
  at: number,
): boolean {
  const type = bytes[at + ICMP_TYPE]!;
  if (protocol === PROTOCOL_ICMP) {
    return type === ICMPV4_UNREACHABLE || type === ICMPV4_TIME_EXCEEDED;
  }
  return type === ICMPV6_UNREACHABLE || type === ICMPV6_TIME_EXCEEDED ||
    (type === ICMPV6_PACKET_TOO_BIG && bytes[at + ICMP_CODE] === 0);
}
